"""The task's inline tests in the agent's files."""

import pytest

from scorers.rust_items import items, walk
from scorers.rust_restore import with_tests_of

TESTS = "#[cfg(test)]\nmod tests { #[test] fn a() { assert!(works()); } }"
PRISTINE = f"fn works() -> bool {{ false }}\n{TESTS}\n"


@pytest.mark.parametrize(
    "theirs",
    [
        "#[cfg(test)] mod tests { #[test] fn a() {} }",
        "#[cfg(any())] #[cfg(test)] mod tests { #[test] fn a() {} }",
        "mod tests { #[test] fn a() {} }",
        '#[cfg(test)] #[path = "easy.rs"] mod tests;',
        "",
        "/* #[cfg(test)] mod tests {} */",
        "swallow! { #[cfg(test)] mod tests { #[test] fn a() {} } }",
        'const X: &str = "#[cfg(test)] mod tests {";',
    ],
)
def test_the_pristine_module_takes_the_place_of_whatever_the_agent_made_of_it(theirs: str) -> None:
    mended = "fn works() -> bool { true }\n"
    restored = with_tests_of(PRISTINE, f"{mended}{theirs}\n")
    assert restored.startswith(mended)
    modules = [item for item in walk(items(restored)) if (item.kind, item.name) == ("mod", "tests")]
    assert [restored[item.start : item.end] for item in modules] == [TESTS]


def test_a_test_beside_the_code_is_restored_too() -> None:
    pristine = (
        "fn f() {}\n#[test]\nfn a() { assert!(false); }\nmod m { #[test] fn b() { assert!(false); } }\n"
    )
    edited = "mod m { fn own() {} #[test] #[ignore] fn b() {} }\n#[test] fn a() {}\n"
    restored = with_tests_of(pristine, edited)
    assert restored == (
        "mod m { fn own() {} #[test] fn b() { assert!(false); } }\n#[test]\nfn a() { assert!(false); }\n"
    )


def test_a_file_without_tests_stays_the_agents() -> None:
    assert with_tests_of("fn f() {}", "fn g() {}") == "fn g() {}"


def test_a_test_in_a_module_that_is_gone_is_lost() -> None:
    assert with_tests_of("mod m { #[test] fn b() {} }", "fn g() {}") == "fn g() {}"
