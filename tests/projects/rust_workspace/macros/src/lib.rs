use proc_macro::TokenStream;

/// ```
/// macros::two! {}
/// assert_eq!(two(), 2);
/// ```
#[proc_macro]
pub fn two(_: TokenStream) -> TokenStream {
    "fn two() -> i32 { 2 }".parse().unwrap()
}

/// Two tests from one function.
#[proc_macro_attribute]
pub fn twice(_: TokenStream, item: TokenStream) -> TokenStream {
    let item = item.to_string();
    format!("mod twice {{ {} #[test] fn first() {{ given() }} #[test] fn second() {{ given() }} }}", item.replacen("fn ", "pub fn ", 1)).parse().unwrap()
}

#[cfg(test)]
mod tests {
    #[test]
    fn plain() {
        assert!(1 + 1 == 2, "{}", "sums");
    }
}
