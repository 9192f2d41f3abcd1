"""Documentation examples, carried under random names."""

from scorers.rust_docs import blocks, with_docs

SOURCE = """//! Crate.
//! ```
//! one();
//! ```

/// Prose only.
fn a() {}

impl B {
    /// ```
    /// two();
    /// ```
    #[inline]
    fn c() {}
}

///     indented();
fn d() {}
"""


def test_blocks_with_examples_are_found_where_they_stand() -> None:
    assert [block.line for block in blocks(SOURCE)] == [1, 10, 17]


def test_the_copies_hold_the_same_lines() -> None:
    documented, carried = with_docs(SOURCE)
    assert documented.startswith(SOURCE)
    tail = documented.removeprefix(SOURCE)
    assert "/// two();" in tail
    assert "/// one();" in tail
    assert all(f"struct {name};" in tail for name in (*carried.blocks, *carried.twins))
    assert len(carried.twins) == 2


def test_only_plain_examples_have_twins() -> None:
    for fence in ("should_panic", "no_run", "ignore", "compile_fail", "text"):
        assert with_docs(f"/// ```{fence}\n/// x();\n/// ```\nfn a() {{}}\n")[1].twins == []


def test_a_source_without_examples_stays_as_it_is() -> None:
    assert with_docs("/// Prose.\nfn a() {}\n")[0] == "/// Prose.\nfn a() {}\n"
