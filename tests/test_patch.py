import os
import subprocess
import tempfile
import time
from pathlib import Path

from hypothesis import given, settings

from runner.changes import write_changes
from runner.patch import Side, patch
from tests.trees import Tree, make, read, tree_pairs


def text(path: bytes, old: bytes | None, new: bytes | None) -> bytes:
    sides = (Side("100644", side) if side is not None else None for side in (old, new))
    return b"".join(patch(path, *sides))


def test_it_reads_as_gits_own() -> None:
    old = b"".join(b"%d\n" % number for number in range(12))
    assert text(b"a.py", old, old.replace(b"5\n", b"five\n")).decode() == (
        "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n"
        "@@ -3,7 +3,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
    )


def test_a_missing_last_newline_is_said() -> None:
    assert text(b"a", b"one", b"one\n").endswith(b"-one\n\\ No newline at end of file\n+one\n")


def test_a_binary_file_is_named_only() -> None:
    assert text(b"a", None, b"\0" * 1000) == (
        b"diff --git a/a b/a\nnew file mode 100644\nBinary files /dev/null and b/a differ\n"
    )


def test_odd_names_are_quoted() -> None:
    assert text(b'a\n"\xff', None, b"x\n").startswith(
        b'diff --git "a/a\\012\\042\\377" "b/a\\012\\042\\377"\n'
    )


def test_long_files_take_no_long_time() -> None:
    old = b"".join(b"%d\n" % (number % 7) for number in range(200_000))
    new = b"".join(b"%d\n" % (number % 5) for number in range(200_000))
    began = time.monotonic()
    assert len(text(b"a", old, new)) > 1_000_000
    assert text(b"a", old, old + b"more\n").count(b"\n") < 10
    assert time.monotonic() - began < 10


@settings(max_examples=60, deadline=None)
@given(tree_pairs())
def test_git_applies_it(pair: tuple[Tree, Tree]) -> None:
    before, after = pair
    with tempfile.TemporaryDirectory() as folder:
        old, new = make(Path(folder, "old"), before), make(Path(folder, "new"), after)
        diff = Path(folder, "diff")
        write_changes(old, new, diff)
        if diff.stat().st_size:
            git = ["git", "apply", "--whitespace=nowarn", str(diff)]
            subprocess.run(git, cwd=old, check=True, env={**os.environ, "GIT_CEILING_DIRECTORIES": folder})
        assert read(old) == after
