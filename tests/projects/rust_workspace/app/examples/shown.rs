fn main() {}

#[test]
fn an_example_has_tests() {}
