use proc_macro::TokenStream;

#[proc_macro]
pub fn three(_: TokenStream) -> TokenStream {
    "fn three() -> i32 { 3 }".parse().unwrap()
}
