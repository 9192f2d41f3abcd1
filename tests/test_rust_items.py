"""Items of Rust sources, whatever strings and comments say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.rust_items import MACRO, items, walk
from scorers.rust_tokens import in_edition, tokens


def names(source: str) -> list[tuple[str, str]]:
    return [(item.kind, item.name) for item in walk(items(source))]


def test_braces_in_strings_comments_and_characters_are_none() -> None:
    source = """
    fn a() { "}"; r#"}"}"#; '}'; b'}'; /* } /* } */ */ '\\u{7d}' }
    fn b<'x>(y: &'x str) {}
    mod c;
    """
    assert names(source) == [("fn", "a"), ("fn", "b"), ("mod", "c")]


def test_a_source_without_tests_and_modules_is_not_read() -> None:
    assert names("fn a() {}") == []


def test_items_have_their_own_words() -> None:
    source = """
    pub(crate) const fn a() -> [u8; { 2 }] where u8: Into<u8> {}
    pub const B: u8 = { 1 };
    unsafe extern "C" fn c() {}
    use d::{e, f};
    macro_rules! g { () => { #[test] fn hidden() {} } }
    h! { fn hidden() {} }
    impl I for J { fn hidden() {} }
    mod k { mod l; fn m() {} }
    extern crate n;
    """
    assert names(source) == [
        ("fn", "a"), ("const", "B"), ("fn", "c"), ("use", "d"), (MACRO, "macro_rules"), (MACRO, "h"),
        ("impl", "I"), ("mod", "k"), ("mod", "l"), ("fn", "m"), ("extern", "crate"),
    ]  # fmt: skip


def test_attributes_make_tests() -> None:
    source = """
    #![allow(unused)]
    //! Not the next item's.
    #[test] fn a() {}
    #[tokio :: test(flavor = "x")] async fn b() {}
    #[test_case(1)] fn c(_: u8) {}
    #[testing] fn d() {}
    #[cfg(test)] mod e { fn f() {} }
    #[cfg(all(test, unix))] mod g {}
    #[test] #[ignore = "]"] fn h() {}
    """
    found = {item.name: item for item in walk(items(source))}
    assert {name for name, item in found.items() if item.is_test} == {"a", "b", "c", "h"}
    assert {name for name, item in found.items() if item.for_tests} == {"a", "b", "c", "e", "g", "h"}
    assert {name for name, item in found.items() if item.conditional} == {"g"}
    assert {name for name, item in found.items() if item.ignored} == {"h"}
    assert source[found["h"].start : found["h"].end] == '#[test] #[ignore = "]"] fn h() {}'


@given(st.text("{}[]()#!'\"/*\\ \nabr01;,=", max_size=60))
def test_no_source_ends_the_reader(source: str) -> None:
    for item in walk(items(source)):
        assert 0 <= item.start <= item.end <= len(source)


@given(st.text(max_size=80))
def test_tokens_are_pieces_of_the_source_in_order(source: str) -> None:
    at = 0
    for token in tokens(source):
        assert token.start >= at
        assert source[token.start : token.end] == token.text
        at = token.end


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"a"r#"b"#', ['"a"r', "#", '"b"', "#"]),
        ("'a'b 1r\"x\"", ["'a'b", "1r", '"x"']),
        ('\'e\u0301r"y" e\u0301', ["'e\u0301r", '"y"', "e\u0301"]),
        ("a\u200eb", ["a", "b"]),
        ('#!/bin/sh "\nx', ["x"]),
        ("\ufeff#! /* \nx", ["x"]),
        ("#! /* why */ [allow(x)] y", ["#", "!", "[", "allow", "(", "x", ")", "]", "y"]),
        ("/* /*/ */ */ a // b\rc\nd", ["a", "d"]),
    ],
)
def test_code_is_cut_where_the_compiler_cuts_it(source: str, expected: list[str]) -> None:
    assert [token.text for token in tokens(source)] == expected


def test_a_raw_c_string_of_an_old_edition_is_a_name_and_a_string() -> None:
    assert in_edition('x!(cr#"a"b"#)', "2018") == 'x!(cr #"a"b"#)'
    assert in_edition('"cr#"; // cr"', "2018") == '"cr#"; // cr"'
    assert in_edition('cr#"a"b"#', "2021") == 'cr#"a"b"#'


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('#[cfg(any(test, feature = "x"))] mod test_utils {}', True),
        ('#[cfg(any(feature = "x", test))] pub mod testing;', True),
        ('#[cfg(any(test, feature = "x"))] mod alloc {}', False),
        ('#[cfg(any(test, feature = "x"))] fn latest() {}', False),
        ("#[cfg(any(not(test), windows))] mod testing {}", False),
        ("#[cfg(all(test, unix))] mod any {}", True),
        ("mod test_utils {}", False),
    ],
)
def test_helpers_of_tests_are_told_by_condition_and_name(source: str, *, expected: bool) -> None:
    assert items(source)[0].for_tests is expected


@pytest.mark.parametrize("piece", ['"\\', "'\\u{", "#", "r#", "mod m {", "/*", "b'"])
def test_reading_takes_time_in_proportion_to_length(piece: str) -> None:
    assert len(tokens(f"mod a; {piece * 50_000}")) >= 3
