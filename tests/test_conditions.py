"""Tests see nothing of the machine but what the task names."""

import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from runner.errors import TaskInvalid
from runner.process import Account, run
from scorers.conditions import PATH, clean_conditions
from tests.judging import submit


def _environment(folder: Path, fields: dict[str, Any] | None = None, **options: Any) -> dict[str, str]:
    submission = submit(folder, {"a": ""}, **(fields or {}))
    with clean_conditions(submission, options) as conditions:
        argv = [sys.executable, "-I", "-c", "import os; print(dict(os.environ))"]
        run(conditions.command(argv, cwd=conditions.room, output=folder / "said"), conditions.limit)
        assert (conditions.room / "home").is_dir()
    assert not conditions.room.exists()
    return dict(eval((folder / "said.out").read_text()))  # noqa: S307 - our own child's dict


def test_the_environment_is_empty_but_for_what_the_task_names(tmp_path: Path) -> None:
    env = {"PATH": "/agent/bin", "PYTEST_ADDOPTS": "-k x", "DATABASE": "there", "SECRET": "x"}
    fields = {"env": env, "verifier_env": {"MODE": "hidden"}}
    seen = _environment(tmp_path, fields, env={"LEVEL": 3}, pass_env=["DATABASE", "ABSENT"])
    named = {"MODE": "hidden", "LEVEL": "3", "DATABASE": "there"}
    fixed = {"PATH": PATH, "LANG": "C.UTF-8"}
    added = {"HOME", "TMPDIR", "ROLLOUT_MARK", "LC_CTYPE"}
    assert {name: value for name, value in seen.items() if name not in added} == {**fixed, **named}
    assert seen["HOME"] != os.environ.get("HOME")


@pytest.mark.parametrize(
    ("name", "value"),
    [("network", "yes"), ("env", ["A=1"]), ("pass_env", "A"), ("max_file_mb", "1"), ("timeout_s", "9")],
)
def test_a_wrong_option_is_named(name: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match=name):
        _environment(tmp_path, **{name: value})


def test_a_file_larger_than_allowed_is_not_written(tmp_path: Path) -> None:
    submission = submit(tmp_path, {"a": ""})
    with clean_conditions(submission, {"max_file_mb": 1}) as conditions:
        argv = [sys.executable, "-I", "-c", "open('big', 'wb').write(bytes(2 * 1024**2))"]
        end = run(conditions.command(argv, cwd=conditions.room, output=tmp_path / "said"), conditions.limit)
        assert end.code != 0
        assert (conditions.room / "big").stat().st_size <= 1024**2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_nothing_above_the_tests_is_anybodys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    someone = Account("unused", 61144, 61144, Path("/nonexistent"))
    submission = submit(tmp_path, {"a": ""}, account=someone)
    with clean_conditions(submission, {}) as conditions:
        above = conditions.room.parents
        assert not any(folder.stat().st_mode & stat.S_IWOTH for folder in above)
    with tempfile.TemporaryDirectory(dir=above[0]) as own:
        Path(own).chmod(0o755)
        monkeypatch.setattr(tempfile, "tempdir", own)
        with clean_conditions(submission, {}) as conditions:
            assert conditions.room.parent == Path(own)
