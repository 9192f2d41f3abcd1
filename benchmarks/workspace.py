"""Baseline, diff and the tree to score against `git add -A` twice; a run of a child against a bare one.

`python benchmarks/workspace.py [FILES]`; medians of five runs, both sides in turn in one run.
"""

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from runner.deadline import Deadline
from runner.newtree import new_tree
from runner.process import Caps, Command, run
from runner.workspace import baseline

RUNS = 5
CHILDREN = 100
NOTHING = ["true"]
ENV = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}


def fill(workspace: Path, files: int) -> None:
    """Write files of 200 bytes to 6 kB, a hundred to a folder."""
    numbers = random.Random(1)  # noqa: S311 - the same tree each time
    for number in range(files):
        path = workspace / f"package{number // 1000}/part{number // 100}/file{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(numbers.randbytes(numbers.randint(100, 3000)).hex())


def work(workspace: Path) -> None:
    """Do what an agent does: edit ten files, add one."""
    for number in range(0, 1000, 100):
        path = workspace / f"package0/part{number // 100}/file{number}.py"
        path.write_text(f"{path.read_text()}\nprint({time.monotonic()})\n")
    (workspace / "added.py").write_text(f"print({time.monotonic()})\n")


def seconds(job: Callable[[], object]) -> float:
    """Return how long a job takes."""
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def with_git(workspace: Path, folder: Path) -> float:
    """Time `git add -A` before and after the work."""
    git = ["git", "-c", "core.autocrlf=false", f"--git-dir={folder / 'git'}", f"--work-tree={workspace}"]
    subprocess.run([*git, "init", "-q"], check=True, env=ENV)

    def add() -> None:
        subprocess.run([*git, "add", "-A"], check=True, env=ENV)

    before = seconds(add)
    work(workspace)
    return before + seconds(add)


def with_ours(workspace: Path, folder: Path) -> tuple[float, float, float]:
    """Time baseline, diff, and the tree to score."""
    began = time.perf_counter()
    before = baseline(workspace, folder / "state")
    baseline_s = time.perf_counter() - began
    work(workspace)
    diff_s = seconds(lambda: before.changes(folder / "diff"))
    tree_s = seconds(lambda: new_tree(before.snapshot, workspace, folder / "tree", lambda _: False))
    return baseline_s, diff_s, tree_s


def workspaces(files: int) -> None:
    """Compare on one workspace, in turn."""
    gits, ours = [], []
    # Nothing is removed before the end: ext4 is slow to give out again the inodes of what was just removed.
    with tempfile.TemporaryDirectory() as name:
        workspace = Path(name, "workspace")
        fill(workspace, files)
        for number in range(RUNS):
            folder = Path(name, str(number))
            folder.mkdir()
            gits.append(with_git(workspace, folder))
            ours.append(with_ours(workspace, folder))
        report(files, gits, ours)


def report(files: int, gits: list[float], ours: list[tuple[float, float, float]]) -> None:
    """Print medians and their ratio."""
    git = statistics.median(gits)
    baseline_s, diff_s, tree_s = (statistics.median(column) for column in zip(*ours, strict=True))
    print(f"workspace of {files} files, medians of {RUNS}")
    print(f"  git add -A, twice        {git:8.2f} s")
    print(
        f"  baseline and diff        {baseline_s + diff_s:8.2f} s   ratio {(baseline_s + diff_s) / git:.2f}"
    )
    print(f"    baseline {baseline_s:.2f} s, diff {diff_s:.2f} s; tree to score {tree_s:.2f} s")
    print(
        f"  peak memory              {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB",
        flush=True,
    )


def children() -> None:
    """Compare a child that does nothing, started by us and bare."""
    with tempfile.TemporaryDirectory() as name:
        folder, out = Path(name), Path(name, "out")

        def bare() -> None:
            with out.open("wb") as file:
                subprocess.run(NOTHING, stdout=file, stderr=file, env=ENV, check=True, timeout=10)

        def ours(caps: Caps) -> None:
            run(Command(NOTHING, folder, ENV, out, out, caps=caps), Deadline.after(10))

        jobs = {"subprocess.run": bare, "process.run": lambda: ours(Caps()),
                "process.run, with caps": lambda: ours(Caps(file_bytes=10**9))}  # fmt: skip
        times = {what: [] for what in jobs}  # type: dict[str, list[float]]
        for _ in range(CHILDREN):
            for what, job in jobs.items():
                times[what].append(seconds(job))
    print(f"a child that does nothing, medians of {CHILDREN}")
    for what, taken in times.items():
        print(f"  {what:24} {statistics.median(taken) * 1000:8.2f} ms")


if __name__ == "__main__":
    children()
    workspaces(int(sys.argv[1]) if sys.argv[1:] else 50_000)
