pub fn same(one: i32, other: i32) { assert!(one == other, "{one} is not {other}") }
