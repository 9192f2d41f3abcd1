import os
from pathlib import Path

import pytest

from agents import oracle
from agents.nop import Nop
from agents.oracle import Oracle
from runner.errors import SandboxFailed, TaskInvalid
from tests.driving import assign, write


def test_the_solution_is_run_in_the_workspace(tmp_path: Path) -> None:
    solution = write(
        tmp_path / "solution", {"solve.sh": 'cp "$(dirname "$0")/answer.txt" .', "answer.txt": "42"}
    )
    run = Oracle().run(assign(tmp_path, solution=solution))
    assert (run.outcome, run.failure) == ("completed", None)
    assert (tmp_path / "workspace" / "answer.txt").read_text() == "42"


def test_a_solution_that_fails_is_a_crash(tmp_path: Path) -> None:
    solution = write(tmp_path / "solution", {"solve.sh": "echo no such patch >&2; exit 1"})
    run = Oracle().run(assign(tmp_path, solution=solution))
    assert (run.outcome, run.exit_code) == ("crashed", 1)
    assert "no such patch" in (run.error or "")


def test_without_a_solution_the_oracle_says_so(tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match=r"there is no solution/solve\.sh"):
        Oracle().run(assign(tmp_path))


def test_a_script_that_speaks_of_its_usual_place_finds_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "usual" / "solution"
    place.parent.mkdir()
    monkeypatch.setattr(oracle, "HARBOR", place)
    solution = write(tmp_path / "task", {"solve.sh": f"cp {place}/answer.txt .", "answer.txt": "42"})
    place.symlink_to(tmp_path / "gone")  # left by a runner that was killed
    run = Oracle().run(assign(tmp_path, solution=solution))
    assert run.outcome == "completed"
    assert (tmp_path / "workspace" / "answer.txt").read_text() == "42"
    assert not os.path.lexists(place)
    place.mkdir()
    again = assign(tmp_path / "again", solution=solution)
    with pytest.raises(SandboxFailed, match="cannot put the solution at"):
        Oracle().run(again)


def test_nop_does_nothing(tmp_path: Path) -> None:
    assert Nop().run(assign(tmp_path)).outcome == "completed"
    assert not list((tmp_path / "workspace").iterdir())
