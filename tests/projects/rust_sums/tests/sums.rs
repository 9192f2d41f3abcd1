use sums::{add, total};

#[test]
fn total_of_three() {
    assert_eq!(total(&[1, 2, 3]), 6);
}

#[test]
fn nothing_changes_nothing() {
    assert_eq!(add(7, 0), 7);
}
