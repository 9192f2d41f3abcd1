"""Tests laid around what an agent wrote, whatever it wrote."""

from pathlib import Path

import pytest

from scorers.cargo_guard import MAX_SOURCE_BYTES, Guard, Text
from tests.judging import write

TEXT = Text("#[test] fn a() {}\n", "#[test] fn a() {}\n#[test] fn proof() {}\n", "#[test] fn a() {}\n")


def guard_of(root: Path, code: str, place: str = "a.rs") -> Guard:
    write(root, {place: code})
    return Guard(root, {"a.rs": TEXT})


def test_a_module_may_move_into_its_folder(tmp_path: Path) -> None:
    found = guard_of(tmp_path, "fn own() {}\n", "a/mod.rs")
    found.lay()
    assert (tmp_path / "a/mod.rs").read_text("utf-8").startswith("fn own() {}")
    assert "fn proof()" in (tmp_path / "a/mod.rs").read_text("utf-8")


@pytest.mark.parametrize("code", ["fn b() {}\n" * (MAX_SOURCE_BYTES // 9), "mod m {" * 5000 + "}" * 5000])
def test_what_nobody_can_read_stays_as_it_was_and_is_told(tmp_path: Path, code: str) -> None:
    found = guard_of(tmp_path, code)
    found.lay()
    assert (tmp_path / "a.rs").read_text("utf-8") == TEXT.proven
    assert found.left_out == ["a.rs"]


def test_no_source_is_written_through_a_link_that_tests_made(tmp_path: Path) -> None:
    victim = write(tmp_path, {"victim": "mine"}) / "victim"
    found = guard_of(write(tmp_path / "tree", {}), TEXT.plain)
    found.lay()
    (tmp_path / "tree" / "a.rs").unlink()
    (tmp_path / "tree" / "a.rs").symlink_to(victim)
    assert not found.untouched()
    found.unlay()
    assert victim.read_text("utf-8") == "mine"
    assert found.untouched()


def test_a_source_in_whose_way_a_folder_stands_is_told(tmp_path: Path) -> None:
    found = guard_of(tmp_path, TEXT.plain)
    found.lay()
    (tmp_path / "a.rs").unlink()
    (tmp_path / "a.rs").mkdir()
    found.unlay()
    assert not found.untouched()
