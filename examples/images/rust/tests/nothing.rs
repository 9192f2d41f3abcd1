#[test]
fn nothing_is_zero() {
    assert_eq!(ledger::dollars(0), "0.00");
}
