"""Time of both levels of a scorer beside the bare tool, on a small and a large suite.

Five runs of each in turn; medians of seconds on the clock and, for busy machines, of processor seconds;
ratios to the bare tool; what strict costs beyond it. `scoring.py [pytest|cargo]` runs one language.
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
    scorer: type[Scorer]
    tests: int


def measure(contest: Contest) -> None:
    """Print one row."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = _write(Path(folder, "workspace"), contest.files)
        ways: dict[str, Callable[[], Spent]] = {
            "bare": lambda: _spent(lambda: contest.bare(workspace)),
            "plain": lambda: _score(contest, workspace, Path(folder), "plain"),
            "strict": lambda: _score(contest, workspace, Path(folder), "strict"),
        }
        taken: dict[str, list[Spent]] = {name: [] for name in ways}
        for _ in range(RUNS):
            for name, way in ways.items():
                taken[name].append(way())
    for kind, unit in enumerate(("clock", "cpu")):
        bare, plain, strict = (statistics.median(spent[kind] for spent in runs) for runs in taken.values())
        figures = f"{bare:8.2f} s{plain:8.2f} s{strict:8.2f} s{plain / bare:8.2f}{strict / bare:8.2f}"
        print(f"{contest.name:20}{contest.tests:6} {unit:5}{figures}{strict - bare:+8.2f} s", flush=True)


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


def _score(contest: Contest, workspace: Path, folder: Path, trust: str) -> Spent:
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        work = Path(temporary)
        env = {name: os.environ[name] for name in ("PATH", "HOME")}
        submission = untouched(workspace, work, {**env, "VIRTUAL_ENV": str(PROJECT_PYTHON.parents[1])})
        scorer = contest.scorer({"trust": trust})
        return _spent(lambda: scorer.score(submission))


def _pytest(workspace: Path) -> None:
    argv = [str(PROJECT_PYTHON), "-m", "pytest", "-q"]
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
    heads = f"{'bare':>10}{'plain':>10}{'strict':>10}{'plain':>8}{'strict':>8}{'beyond':>10}"
    print(f"{'':20}{'tests':>6} {'':5}{heads}")
    for contest in PYTEST:
        if contest.name.partition(",")[0] in wanted:
            measure(contest)


if __name__ == "__main__":
    main()
