"""Time of both levels of a scorer beside the bare tool, on a small and a large suite.

Five runs of each in turn; medians of seconds on the clock and, for busy machines, of processor seconds; plain
beside the bare tool, strict beside the tool that must build anew, as strict must, what the agent could have
touched. `kept` is strict with a list of the tests in the image. cargo builds anew in every way.
"""

import math
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from runner import proc
from runner.deadline import Deadline
from runner.workspace import baseline
from scorers.base import Scorer, Submission
from scorers.pytest import Pytest

RUNS = 5
PROJECT_PYTHON = Path(__file__).parent.parent / "build" / "demo" / "venv" / "bin" / "python"
"""A project's own environment: pytest and no plug-ins."""
Spent = tuple[float, float]
"""Seconds on the clock, and of processors."""


@dataclass(frozen=True, slots=True)
class Contest:
    """One project, scored three ways."""

    name: str
    files: Mapping[str, str]
    bare: Callable[[Path], object]
    """Runs the bare tool in the workspace."""
    anew: Callable[[Path], object]
    """Runs it without anything built before."""
    scorer: type[Scorer]
    tests: int


def measure(contest: Contest) -> None:
    """Print one row."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = _write(Path(folder, "workspace"), contest.files)
        ways: dict[str, Callable[[], Spent]] = {
            "bare": lambda: _spent(lambda: contest.bare(workspace)),
            "plain": lambda: _score(contest, workspace, Path(folder), "plain"),
            "anew": lambda: _spent(lambda: contest.anew(workspace)),
            "strict": lambda: _score(contest, workspace, Path(folder), "strict"),
            "kept": lambda: _score(contest, workspace, Path(folder), "strict", kept=True),
        }
        taken: dict[str, list[Spent]] = {name: [] for name in ways}
        for _ in range(RUNS):
            for name, way in ways.items():
                taken[name].append(way())
    for kind, unit in enumerate(("clock", "cpu")):
        bare, plain, anew, strict, kept = (
            statistics.median(spent[kind] for spent in runs) for runs in taken.values()
        )
        figures = f"{bare:8.2f} s{plain:8.2f} s{anew:8.2f} s{strict:8.2f} s{kept:8.2f} s{plain / bare:8.2f}"
        beyond = f"{strict - anew:+8.2f} s{kept - anew:+8.2f} s"
        print(f"{contest.name:16}{contest.tests:6} {unit:5}{figures}{beyond}", flush=True)


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _spent(action: Callable[[], object]) -> Spent:
    began, cpu = time.monotonic(), _cpu()
    action()
    return time.monotonic() - began, _cpu() - cpu


def _cpu() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def untouched(workspace: Path, work: Path, env: Mapping[str, str], seconds: float = 600) -> Submission:
    """Return the submission of an agent that did nothing; `work` is a folder for the scorer's own."""
    for name in ("scratch", "reports"):
        (work / name).mkdir(parents=True)
    return Submission(
        workspace=workspace,
        snapshot=baseline(workspace, work / "state").snapshot,
        changed=(),
        diff="",
        instruction="",
        tests=None,
        scratch=work / "scratch",
        reports=work / "reports",
        deadline=Deadline.after(seconds),
        env=env,
    )


def _score(contest: Contest, workspace: Path, folder: Path, trust: str, *, kept: bool = False) -> Spent:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        env = {name: os.environ[name] for name in ("PATH", "HOME")}
        submission = untouched(workspace, work, {**env, "VIRTUAL_ENV": str(PROJECT_PYTHON.parents[1])})
        scorer = contest.scorer({"trust": trust})
        with _image(folder / "cache", began=math.inf if kept else 0):
            if kept and not (folder / "cache").exists():
                scorer.collect(untouched(workspace, work / "image", submission.env))
            return _spent(lambda: scorer.score(submission))


@contextmanager
def _image(cache: Path, began: float) -> Iterator[None]:
    """Have what was kept in a folder look older, or younger, than this machine."""
    os.environ["XDG_CACHE_HOME"] = str(cache)
    with patch.object(proc, "began", lambda: began):
        yield


def _pytest(workspace: Path) -> None:
    argv = [str(PROJECT_PYTHON), "-m", "pytest", "-q"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    subprocess.run(argv, cwd=workspace, check=True, env=env, stdout=subprocess.DEVNULL)


def _pytest_anew(workspace: Path) -> None:
    for compiled in workspace.rglob("__pycache__"):
        shutil.rmtree(compiled)
    _pytest(workspace)


def _sums(modules: int, tests: int) -> dict[str, str]:
    body = "from sums import add\n\n" + "".join(
        f"def test_{n}():\n    assert add({n}, 1) == {n + 1}\n\n\n" for n in range(tests)
    )
    files = {f"tests/test_{module}.py": body for module in range(modules)}
    return {"pytest.ini": "[pytest]\n", "sums.py": "def add(a, b):\n    return a + b\n", **files}


PYTEST = (
    Contest("pytest, small", _sums(1, 10), _pytest, _pytest_anew, Pytest, 10),
    Contest("pytest, large", _sums(30, 50), _pytest, _pytest_anew, Pytest, 1500),
)


def heads() -> str:
    """Return the line above the rows."""
    ways = "".join(f"{way:>10}" for way in ("bare", "plain", "anew", "strict", "kept"))
    return f"{'':16}{'tests':>6} {'':5}{ways}{'plain':>8}{'beyond':>10}{'kept':>10}"


def main() -> None:
    """Run all contests."""
    print(heads())
    for contest in PYTEST:
        measure(contest)


if __name__ == "__main__":
    main()
