//! A library.
//!
//! ```
//! assert_eq!(app::made(), 7);
//! ```

pub mod deep;

include!(concat!(env!("OUT_DIR"), "/made.rs"));

/// What the build script made.
///
/// ```rust
/// # use app::made;
/// assert!(made() > 1);
/// ```
///
/// ```should_panic
/// assert_eq!(app::made(), 8);
/// ```
///
/// ```compile_fail
/// let nothing: String = app::made();
/// ```
///
/// ```no_run
/// loop { app::made(); }
/// ```
///
/// ```ignore
/// nonsense
/// ```
pub fn made() -> i32 {
    MADE
}

macros::two! {}

/// Four.
///
///     assert_eq!(app::four(), 4);
pub fn four() -> i32 {
    two() + two()
}

pub fn halve(number: i32) -> Result<i32, String> {
    if number % 2 == 0 { Ok(number / 2) } else { Err(format!("{number} is odd")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_is_four() {
        println!("captured");
        assert_eq!(four(), 4);
    }

    #[test]
    fn halves() -> Result<(), String> {
        assert_eq!(halve(8)?, 4);
        Ok(())
    }

    #[test]
    fn fails_on_purpose() -> Result<(), String> {
        halve(3).map(drop)
    }

    #[test]
    #[should_panic(expected = "odd")]
    fn odd_numbers_panic() {
        halve(3).unwrap();
    }

    #[test]
    #[should_panic]
    fn never_panics() {
        halve(4).unwrap();
    }

    #[test]
    #[ignore = "takes an hour"]
    fn slow() {}

    #[test]
    #[cfg(windows)]
    fn windows_only() {}

    #[test]
    #[cfg(fancy)]
    fn build_script_was_heard() {
        assert_eq!(env!("STAMP"), "built");
        assert_eq!(env!("CARGO_PKG_VERSION"), "0.2.1");
    }

    #[cfg(feature = "extra")]
    mod extra {
        #[test]
        fn only_with_extra() {}
    }

    macro_rules! squares {
        ($($name:ident: $value:expr,)*) => { $(#[test] fn $name() { assert_eq!($value * $value, 9); })* };
    }
    squares! { three: 3, minus_three: -3, not_nine: 4, }

    #[macros::twice]
    fn given() {
        assert_eq!(super::super::four(), 4);
    }
}
