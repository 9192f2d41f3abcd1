fn main() {
    println!("{} {}", std::env::args().count(), app::four());
}

#[test]
fn a_program_has_tests() {}
