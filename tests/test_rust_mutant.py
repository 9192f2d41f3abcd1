"""Mutants: tests that must fail."""

import re

import pytest

from scorers.rust_mutant import mutant


@pytest.mark.parametrize(
    ("body", "turned"),
    [
        ("assert!(even(4));", "assert!(!(even(4)));"),
        ('assert!(a == b, "no {}", b);', 'assert!(!(a == b), "no {}", b);'),
        ("assert_eq!(a, b);", "assert_ne!(a, b);"),
        ("assert_ne!(a, 5);", "assert_eq!(a, 5);"),
        ("assert_eq!(done(), true);", "assert_eq!(done(), false);"),
        ('assert_eq!(name(1, "x"), "abc");', 'assert_eq!(name(1, "x"), "abc~");'),
        ('assert_eq!(name(), Some("a".to_string()));', 'assert_eq!(name(), Some("a~".to_string()));'),
        ("assert_eq!(Ok(true), done(1));", "assert_eq!(Ok(false), done(1));"),
        ("assert_eq!(pairs(), [(None, 0.5)]);", "assert_ne!(pairs(), [(None, 0.5)]);"),
        ("assert_eq!(first(&[1; 2]), [1; 2]);", "assert_ne!(first(&[1; 2]), [1; 2]);"),
        ("assert!(a); assert_eq!(b, c);", "assert!(a); assert_ne!(b, c);"),
        ("assert_eq!(a, b); if c { assert!(d); }", "assert_ne!(a, b); if c { assert!(d); }"),
    ],
)
def test_the_last_assertion_is_turned_round(body: str, turned: str) -> None:
    assert mutant(body) == turned


def test_a_number_becomes_another_one_of_its_type_and_not_near() -> None:
    changed = mutant("assert_eq!(add(2, 3), 5u8);")
    assert changed
    found = re.fullmatch(r"assert_eq!\(add\(2, 3\), (\d+)u8\);", changed)
    assert found
    assert 8 < int(found[1]) < 128 or int(found[1]) < 2


@pytest.mark.parametrize(
    "values", ["vec![{}, 2]", "-{}", "&[{}]", "Some(({}, 2))", "[[{}], [2]]", "Ok(Box::new({}))"]
)
def test_a_number_inside_an_expected_value_is_changed(values: str) -> None:
    changed = mutant(f"assert_eq!(f(1), {values.format(7)});")
    found = re.fullmatch(re.escape(values.format("N")).replace("N", r"(\d+)"), str(changed)[17:-2])
    assert found
    assert found[1] != "7"


@pytest.mark.parametrize(
    "body",
    [
        "run();",
        "if x { assert!(y); }",
        "if !ready() { return; } assert!(y);",
        "skip_unless!(ready()); assert!(y);",
        "let check = || assert!(y);",
        "",
    ],
)
def test_a_test_that_may_pass_without_its_assertion_has_no_mutant(body: str) -> None:
    assert mutant(body) is None
