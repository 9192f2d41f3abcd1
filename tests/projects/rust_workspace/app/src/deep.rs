pub const DEPTH: u8 = 9;

#[cfg(test)]
#[path = "deep_tests.rs"]
mod tests;
