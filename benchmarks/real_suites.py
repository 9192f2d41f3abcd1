"""Compares our counts with pytest's own on the test suites of real packages: their source distributions.

Downloads each with pip, builds a virtual environment for it, installs it in development mode, runs pytest as
it is and both levels of the scorer, and prints the counts. `real_suites.py [NAME ...]` runs some of them,
`-v` tells of failures.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scoring import untouched

from runner.errors import Failure
from scorers.base import Score
from scorers.pytest import Pytest

_WORDS = ("passed", "failed", "errors", "skipped", "xfailed", "xpassed")


@dataclass(frozen=True, slots=True)
class Suite:
    """A package and what its tests need."""

    package: str
    needs: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    """Arguments of pytest, both bare and scored."""


SUITES = (
    Suite("jinja2==3.1.6", ("trio",)),
    Suite("attrs==25.3.0", ("hypothesis", "cloudpickle")),
    Suite("click==8.2.1", ("pytest<9",)),
    Suite("more-itertools==10.7.0"),
    Suite("markupsafe==3.0.2"),
    Suite("itsdangerous==2.2.0", ("freezegun",)),
    Suite(
        "werkzeug==3.1.3",
        (
            "pytest<9",
            "pytest-timeout",
            "pytest-xprocess",
            "watchdog",
            "ephemeral-port-reserve",
            "cryptography",
        ),
        ("--ignore=tests/test_serving.py",),  # waits for file events that a busy machine may lose
    ),
    Suite("packaging==25.0", ("pretend", "tomli_w", "hypothesis")),
)


def main() -> None:
    """Run the suites that the command line names, else all."""
    wanted = [name for name in sys.argv[1:] if name != "-v"]
    print(f"{'package':24}{'':8}" + "".join(f"{word:>9}" for word in _WORDS) + "  reward  seconds")
    for suite in SUITES:
        if not wanted or suite.package.partition("==")[0] in wanted:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    _compare(suite, Path(folder))
                except (OSError, Failure) as error:
                    print(f"{suite.package:24}not compared: {error}", flush=True)


def _compare(suite: Suite, folder: Path) -> None:
    source, python = _prepare(suite, folder)
    rows = {
        "bare": _bare(source, python, suite, folder),
        "plain": _scored(source, python, suite, folder, "plain"),
        "strict": _scored(source, python, suite, folder, "strict"),
    }
    for level, (counts, reward, seconds) in rows.items():
        figures = "".join(f"{counts[word]:9}" for word in _WORDS)
        print(f"{suite.package:24}{level:8}{figures}  {reward:6}  {seconds:7.1f}", flush=True)


def _prepare(suite: Suite, folder: Path) -> tuple[Path, Path]:
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
    ]
    name = suite.package.partition("==")[0]
    _run([*pip, "--no-binary", name, "-d", str(folder), suite.package])
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "source", filter="data")
    source = next((folder / "source").iterdir())
    _run([sys.executable, "-m", "venv", str(folder / "venv")])
    python = folder / "venv" / "bin" / "python"
    _run([str(python), "-m", "pip", "install", "-q", "pytest", *suite.needs, "-e", str(source)])
    return source, python


def _run(argv: list[str]) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{argv[1:4]} failed: {done.stderr[-600:]}")


def _bare(source: Path, python: Path, suite: Suite, folder: Path) -> tuple[Mapping[str, int], str, float]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    began = time.monotonic()
    done = subprocess.run(
        [python, "-m", "pytest", "-q", *suite.args],
        cwd=source,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - began
    counts = {word: int(count) for count, word in re.findall(r"(\d+) ([a-z]+)", done.stdout.splitlines()[-1])}
    counts["errors"] = counts.get("errors", counts.get("error", 0))
    return Counter(counts), "", seconds


def _scored(
    source: Path, python: Path, suite: Suite, folder: Path, trust: str
) -> tuple[Mapping[str, int], str, float]:
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    submission = untouched(source, folder / trust, env, seconds=1800)
    options = {"trust": trust, "python": str(python), "args": list(suite.args), "network": True}
    began = time.monotonic()
    score = Pytest(options).score(submission)
    return _counts(score), f"{score.reward:.4f}", time.monotonic() - began


def _counts(score: Score) -> Mapping[str, int]:
    words = Counter(_word(check.status, check.raw) for check in score.checks)
    if score.tampering:
        print(json.dumps(score.tampering))
    if "-v" in sys.argv:
        print(*(f"{check.id}: {check.message[-500:]}" for check in score.checks if check.status == "failed"))
    return words


def _word(status: str, raw: str) -> str:
    if raw in {"xfailed", "xpassed"}:
        return raw
    return "errors" if raw in {"error", "collection error"} else status


if __name__ == "__main__":
    main()
