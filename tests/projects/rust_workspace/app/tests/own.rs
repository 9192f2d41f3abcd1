fn main() {
    println!("no harness");
}
