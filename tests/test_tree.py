import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings

from runner.tree import MAX_DEPTH, Entry, differences, load, open_file, save, walk
from tests.trees import TREES, Tree, make, tree_pairs


def paths(entries: Iterator[Entry]) -> list[str]:
    return [entry.path for entry in entries]


def test_everything_is_named_with_its_kind_and_nothing_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "outside").symlink_to("/etc")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/file").touch()
    assert [(entry.path, entry.kind) for entry in walk(tmp_path)] == [
        ("dangling", "link"),
        ("fifo", "other"),
        ("folder", "folder"),
        ("folder/file", "file"),
        ("outside", "link"),
        ("socket", "other"),
    ]


@settings(max_examples=40, deadline=None)
@given(TREES)
def test_a_list_on_disk_is_the_walk_again(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as folder:
        entries = list(walk(make(Path(folder, "tree"), tree)))
        settled = [entry._replace(stamp=(1, 2, 3)) for entry in entries]
        save(settled, Path(folder, "list"))
        assert list(load(Path(folder, "list"))) == settled
        assert [entry.path for entry in entries if entry.kind != "folder"] == sorted(
            tree, key=lambda path: path.split("/")
        )


@settings(max_examples=40, deadline=None)
@given(tree_pairs())
def test_what_differs_is_what_two_dictionaries_say(pair: tuple[Tree, Tree]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        old = list(walk(make(Path(folder, "old"), pair[0])))
        new = list(walk(make(Path(folder, "new"), pair[1])))
    left, right = {entry.path: entry for entry in old}, {entry.path: entry for entry in new}
    expected = [(left.get(path), right.get(path)) for path in left.keys() | right.keys()]
    found = list(differences(iter(old), iter(new)))
    assert len(found) == len(expected)
    assert set(found) == set(expected)


def test_a_file_as_recent_as_the_list_is_not_taken_for_unchanged(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/file").touch()
    save(walk(tmp_path / "tree"), tmp_path / "list")
    assert list(differences(load(tmp_path / "list"), walk(tmp_path / "tree")))


def touch(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()


def new_paths(root: Path) -> list[str]:
    return [new.path for _, new in differences(walk(root / "before"), walk(root / "after")) if new]


def test_folders_that_tools_fill_are_left_out_wherever_they_came_from(tmp_path: Path) -> None:
    touch(tmp_path / "before", "target/CACHEDIR.TAG", "target/x")
    touch(tmp_path / "after", "target/CACHEDIR.TAG", "target/y", "env/pyvenv.cfg", "env/lib/x")
    touch(tmp_path / "after", ".git/config", "sub/.git/config", "pkg/__pycache__/x.pyc", "pkg/x.py")
    assert new_paths(tmp_path) == ["pkg", "pkg/x.py", "sub"]


def test_a_source_folder_that_is_called_target_or_becomes_tagged_is_no_build_output(tmp_path: Path) -> None:
    touch(tmp_path / "before", "src/target/x.py")
    touch(tmp_path / "after", "src/target/x.py", "src/target/y.py", "src/target/CACHEDIR.TAG")
    assert "src/target/y.py" in new_paths(tmp_path)


def test_endlessly_nested_folders_end(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(MAX_DEPTH + 100):
        os.mkdir("n" * 200, dir_fd=fd)
        below = os.open("n" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    assert len(list(walk(tmp_path))) == MAX_DEPTH


def test_a_file_is_not_opened_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to("../secret")
    (tmp_path / "tree/folder").symlink_to("..")
    os.mkfifo(tmp_path / "tree/fifo")
    for path in ("link", "folder/secret", "fifo", "missing"):
        with pytest.raises(OSError, match=path.split("/")[0]), open_file(tmp_path / "tree", path):
            pass
