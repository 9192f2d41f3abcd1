use super::swap;

#[test]
fn swaps() {
    let (first, second) = swap((1, 2));
    assert!(first > second);
}
