"""What an agent's changes do not count in."""

from pathlib import Path

import pytest

from scorers.protected import frozen
from tests.judging import submit

GLOBS = ("tests", "test_*.py", "src/*.lock", "docs/**/fixed", "/root.cfg", "odd[!x].py")
CASES = {
    "tests/test_a.py": True,
    "pkg/tests/deep/data.json": True,
    "tests": True,
    "TESTS/a.py": True,
    "mytests/a.py": False,
    "tests.py": False,
    "pkg/test_a.py": True,
    "pkg/test_a.pyx": False,
    "src/a.lock": True,
    "src/deep/a.lock": False,
    "docs/fixed": True,
    "docs/a/b/fixed/c": True,
    "root.cfg": True,
    "oddy.py": True,
    "oddx.py": False,
    ".git/config": True,
    "sub/.git/config": True,
    "src/code.py": False,
    "open/tests/a.py": False,
    "own.py": True,
}


@pytest.mark.parametrize("path", CASES)
def test_a_path_is_protected_as_the_globs_say(path: str, tmp_path: Path) -> None:
    submission = submit(tmp_path, {"a": ""}, protected=("own.py",), editable=("open",))
    assert frozen(submission, GLOBS)(path) is CASES[path]


def test_single_paths_are_protected_unless_the_task_opens_them(tmp_path: Path) -> None:
    submission = submit(tmp_path, {"a": ""}, editable=("b.py",))
    is_frozen = frozen(submission, (), {"a[1].py", "b.py"})
    assert (is_frozen("a[1].py"), is_frozen("a1.py"), is_frozen("b.py")) == (True, False, False)
