fn main() {}

#[cfg(test)]
mod tests {
    #[test]
    fn other() {}
}
