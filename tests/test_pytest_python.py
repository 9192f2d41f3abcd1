"""Which interpreter the tests run in."""

import sys
from pathlib import Path

import pytest

from runner.errors import ScorerUnavailable, ScoringFailed
from runner.process import Ending, Exit
from scorers.pytest_python import find_python, moved
from scorers.pytest_session import Session, require_start
from tests.judging import write


def _program(path: Path, text: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if text is None:
        path.symlink_to(sys.executable)
    else:
        path.write_text(text)
        path.chmod(0o755)
    return path


def test_the_tasks_word_comes_first_then_the_environment_then_the_path(tmp_path: Path) -> None:
    named, active, found = (
        _program(tmp_path / name) for name in ("ws/.venv/bin/python", "env/bin/python", "bin/python3")
    )
    env = {"VIRTUAL_ENV": str(tmp_path / "env"), "PATH": str(tmp_path / "bin")}
    assert find_python({"python": ".venv/bin/python"}, env, tmp_path / "ws") == named
    assert find_python({}, env, tmp_path / "ws") == active
    assert find_python({}, {"PATH": env["PATH"]}, tmp_path / "ws") == found


def test_a_launcher_is_asked_for_the_program_it_starts(tmp_path: Path) -> None:
    _program(tmp_path / "bin/python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    assert find_python({}, {"PATH": f"{tmp_path}/bin"}, tmp_path) == Path(sys.executable)


@pytest.mark.parametrize(("options", "said"), [({"python": "gone"}, "is no program"), ({}, "no Python")])
def test_no_interpreter_is_told_with_what_to_do(options: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(ScorerUnavailable, match=said):
        find_python(options, {"PATH": str(tmp_path)}, tmp_path)


def test_a_launcher_that_breaks_is_told(tmp_path: Path) -> None:
    _program(tmp_path / "python3", "#!/bin/sh\necho broken >&2; exit 1\n")
    with pytest.raises(ScorerUnavailable, match="broken"):
        find_python({}, {"PATH": str(tmp_path)}, tmp_path)


def test_an_environment_in_the_workspace_is_taken_from_the_tree(tmp_path: Path) -> None:
    write(tmp_path, {"ws/.venv/bin/python": ""})
    inside = tmp_path / "ws/.venv/bin/python"
    assert moved(inside, tmp_path / "ws", tmp_path / "tree") == tmp_path / "tree/.venv/bin/python"
    assert moved(Path(sys.executable), tmp_path / "ws", tmp_path / "tree") == Path(sys.executable)


def _unbegun(folder: Path, ending: Ending) -> Session:
    return Session(Exit(code=-15, ending=ending, duration_s=1.0), folder / "events", folder / "log")


def test_too_little_time_is_not_blamed_on_the_interpreter(tmp_path: Path) -> None:
    with pytest.raises(ScoringFailed, match="the deadline passed before pytest began") as caught:
        require_start(_unbegun(tmp_path, "deadline"), Path("/bin/python"))
    assert not isinstance(caught.value, ScorerUnavailable)


def test_an_interpreter_that_ends_in_silence_is_said_to(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    with pytest.raises(ScorerUnavailable, match=r"before pytest began: it printed nothing \(run this"):
        require_start(_unbegun(tmp_path, "exited"), Path("/bin/python"))
