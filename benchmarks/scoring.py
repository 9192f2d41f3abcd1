"""Time of both levels of a scorer beside the bare tool, on a small and a large suite.

Five runs of each in turn, medians, ratios to the bare tool. `scoring.py [pytest|cargo]` runs one language.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.deadline import Deadline
from runner.workspace import baseline
from scorers.base import Scorer, Submission
from scorers.pytest import Pytest

RUNS = 5


@dataclass(frozen=True, slots=True)
class Contest:
    """One project, scored three ways."""

    name: str
    files: Mapping[str, str]
    bare: Callable[[Path], object]
    """Runs the bare tool in the workspace."""
    scorer: type[Scorer]
    tests: int


def measure(contest: Contest) -> None:
    """Print one row."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = _write(Path(folder, "workspace"), contest.files)
        ways: dict[str, Callable[[], float]] = {
            "bare": lambda: _timed(lambda: contest.bare(workspace)),
            "plain": lambda: _score(contest, workspace, Path(folder), "plain"),
            "strict": lambda: _score(contest, workspace, Path(folder), "strict"),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(RUNS):
            for name, way in ways.items():
                taken[name].append(way())
    medians = {name: statistics.median(times) for name, times in taken.items()}
    figures = "".join(f"{seconds:9.2f} s" for seconds in medians.values())
    ratios = f"{medians['plain'] / medians['bare']:8.2f}{medians['strict'] / medians['bare']:8.2f}"
    print(
        f"{contest.name:24}{contest.tests:6}{figures}{ratios}{medians['strict'] - medians['bare']:9.2f} s",
        flush=True,
    )


def _write(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def _timed(action: Callable[[], object]) -> float:
    began = time.monotonic()
    action()
    return time.monotonic() - began


def _score(contest: Contest, workspace: Path, folder: Path, trust: str) -> float:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        for name in ("scratch", "reports"):
            (work / name).mkdir()
        before = baseline(workspace, work / "state")
        submission = Submission(
            workspace=workspace,
            snapshot=before.snapshot,
            changed=(),
            diff="",
            instruction="",
            tests=None,
            scratch=work / "scratch",
            reports=work / "reports",
            deadline=Deadline.after(600),
            env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "VIRTUAL_ENV": sys.prefix},
        )
        scorer = contest.scorer({"trust": trust})
        seconds = _timed(lambda: scorer.score(submission))
    return seconds


def _pytest(workspace: Path) -> None:
    argv = [sys.executable, "-m", "pytest", "-q"]
    subprocess.run(argv, cwd=workspace, check=True, stdout=subprocess.DEVNULL)


def _sums(modules: int, tests: int) -> dict[str, str]:
    body = "from sums import add\n\n" + "".join(
        f"def test_{n}():\n    assert add({n}, 1) == {n + 1}\n\n\n" for n in range(tests)
    )
    files = {f"tests/test_{module}.py": body for module in range(modules)}
    return {"pytest.ini": "[pytest]\n", "sums.py": "def add(a, b):\n    return a + b\n", **files}


PYTEST = (
    Contest("pytest, small", _sums(1, 10), _pytest, Pytest, 10),
    Contest("pytest, large", _sums(30, 50), _pytest, Pytest, 1500),
)


def main() -> None:
    """Run all contests, or those of one language."""
    wanted = sys.argv[1:] or ["pytest"]
    print(f"{'':24}{'tests':>6}{'bare':>11}{'plain':>11}{'strict':>11}{'plain':>8}{'strict':>8}{'fixed':>11}")
    for contest in PYTEST:
        if contest.name.partition(",")[0] in wanted:
            measure(contest)


if __name__ == "__main__":
    main()
