#[test]
fn extra() {}
