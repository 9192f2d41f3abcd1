mod common;

use std::process::Command;

#[test]
fn the_program_says_four() {
    let said = Command::new(env!("CARGO_BIN_EXE_app")).output().unwrap();
    assert_eq!(String::from_utf8(said.stdout).unwrap().trim(), "1 4");
}

#[test]
fn a_fixture_is_read() {
    let here = std::fs::read_to_string("tests/common/fixture.txt").unwrap();
    let by_path = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/fixture.txt")).unwrap();
    assert_eq!(here, by_path);
    assert_eq!(here.trim(), "fixture");
}

#[test]
fn a_dependency_is_there() {
    assert_eq!(tiny::one() + common::one(), 2);
}

#[test]
fn the_environment_is_cargos() {
    assert_eq!(std::env::var("CARGO_PKG_NAME").unwrap(), "app");
    assert_eq!(option_env!("GREETING"), Some("hello"));
}
