pub fn one() -> u8 {
    1
}

#[test]
fn help_is_tested_too() {
    assert_eq!(one(), 1);
}
