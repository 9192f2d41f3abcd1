pub fn same(one: i32, other: i32) {
    tiny::same(one, other)
}
