"""What is remembered of a project is what was known of it, and of no other project."""

from pathlib import Path

import pytest

from scorers.pytest_cache import key_of, recall, remember
from scorers.pytest_expected import Known
from tests.judging import write

KNOWN = Known(("a[/tree-1/x]", "b"), ("c",), frozenset({"b"}), frozenset({"c"}), frozenset({"b"}))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_what_was_remembered_is_recalled_and_nobody_else_can_read_it(tmp_path: Path) -> None:
    remember("key", KNOWN, Path("/tree-1"))
    recalled = recall("key", Path("/tree-2"))
    assert recalled is not None
    assert recalled.ids == ("a[/tree-2/x]", "b")
    assert recall("key", Path("/tree-1")) == KNOWN
    assert recall("other", Path("/tree-1")) is None
    assert (tmp_path / "cache/rollout-runner/pytest").stat().st_mode & 0o077 == 0


def test_a_broken_memory_is_none(tmp_path: Path) -> None:
    write(tmp_path, {"cache/rollout-runner/pytest/key.json": "{"})
    assert recall("key", tmp_path) is None


def test_a_key_tells_projects_apart(tmp_path: Path) -> None:
    files = {"tests/test_a.py": "1", "data.bin": "x"}
    key = key_of(write(tmp_path / "a", files), ["python"])
    assert key == key_of(write(tmp_path / "b", {**files, "__pycache__/a.pyc": "x"}), ["python"])
    assert key != key_of(tmp_path / "a", ["python3"])
    assert key != key_of(write(tmp_path / "c", {**files, "tests/test_a.py": "2"}), ["python"])
