use super::DEPTH;
use std::sync::atomic::{AtomicUsize, Ordering};

static CALLS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn runs_once() {
    assert_eq!(CALLS.fetch_add(1, Ordering::SeqCst), 0);
}

#[test]
fn nine() {
    assert!(DEPTH == 9);
}
