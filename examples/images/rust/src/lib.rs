//! Amounts of money, written for people.

/// Writes cents as dollars.
///
/// ```
/// assert_eq!(ledger::dollars(1234), "12.34");
/// ```
pub fn dollars(cents: u64) -> String {
    let mut buffer = itoa::Buffer::new();
    format!("{}.{}", buffer.format(cents / 100), cents % 100)
}

#[cfg(test)]
mod tests {
    use super::dollars;

    #[test]
    fn two_digits_of_cents() {
        assert_eq!(dollars(1999), "19.99");
    }

    #[test]
    fn few_cents_keep_their_zero() {
        assert_eq!(dollars(1205), "12.05");
    }
}
