pub mod pairs;

pub fn add(a: i64, b: i64) -> i64 {
    a - b
}

pub fn total(values: &[i64]) -> i64 {
    values.iter().fold(0, |sum, value| add(sum, *value))
}

pub fn largest(values: &[i64]) -> Option<i64> {
    values.iter().copied().max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_two() {
        assert_eq!(add(2, 3), 5);
    }

    #[test]
    fn nothing_has_no_largest() {
        assert_eq!(largest(&[]), None);
    }
}
