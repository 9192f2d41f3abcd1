#[test]
fn six() {
    test_help::same(app::double(3), 6);
}

#[test]
fn nothing() {
    assert_eq!(app::double(0), 0);
}
