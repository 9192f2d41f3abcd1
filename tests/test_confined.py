import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.confined import OutsideError, parts, write

NAMES = st.sampled_from(["a", "b", "out", "up", "file", "loop", "..", ".", "", "/"])


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@given(st.lists(NAMES, max_size=5).map("/".join))
def test_nothing_outside_ever_changes(path: str) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        root, outside = Path(temporary, "app"), Path(temporary, "app-beside")
        (root / "a").mkdir(parents=True)
        outside.mkdir()
        (outside / "kept").write_bytes(b"kept")
        (root / "out").symlink_to(outside)
        (root / "a" / "up").symlink_to("../..")
        (root / "b").symlink_to(outside / "kept")
        (root / "loop").symlink_to("loop")
        with contextlib.suppress(OutsideError, OSError):
            write(root, path, b"new")
        assert files_of(outside) == {str(outside / "kept"): b"kept"}
        assert {each.name for each in Path(temporary).iterdir()} == {"app", "app-beside"}


@given(st.text())
def test_every_path_is_either_taken_apart_or_refused(path: str) -> None:
    with contextlib.suppress(OutsideError):
        assert ".." not in parts(path)


def test_a_full_path_is_written(tmp_path: Path) -> None:
    write(tmp_path, "./a//b/c.txt", b"x")
    assert (tmp_path / "a/b/c.txt").read_bytes() == b"x"


def test_nothing_is_left_behind_where_writing_fails(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write(tmp_path, "folder", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
