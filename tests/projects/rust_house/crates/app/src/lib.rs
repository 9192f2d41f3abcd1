macros::three! {}

/// Twice.
///
/// ```
/// assert_eq!(app::double(4), 8);
/// ```
pub fn double(number: i32) -> i32 {
    number
}

pub fn banner() -> String {
    format!("version {}", three() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles() {
        assert_eq!(double(2), 4);
    }

    #[test]
    fn the_banner_is_as_expected() {
        assert_eq!(banner(), include_str!("../expected/banner.txt").trim());
    }
}
