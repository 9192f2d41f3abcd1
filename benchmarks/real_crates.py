"""Compares our counts with cargo's own on the tests of real crates, as the registry has them.

Fetches each with cargo, runs `cargo test` as it is and both levels of the scorer, and prints the counts:
`real_crates.py [NAME ...]` runs some of them. What the crate's dependencies need is built once, as in an
image, before the clock starts.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scoring import untouched

from scorers.base import Score
from scorers.cargo import Cargo

CRATES = {"either": "1.15.0", "heck": "0.5.0", "indexmap": "2.9.0", "itoa": "1.0.15", "semver": "1.0.26"}
Row = tuple[int, int, int, float]
"""Passed, failed, ignored, seconds."""


def main() -> None:
    """Compare the crates that are named, else all."""
    print(f"{'crate':20}{'':8}{'passed':>8}{'failed':>8}{'ignored':>9}{'seconds':>9}")
    for name in sys.argv[1:] or CRATES:
        with tempfile.TemporaryDirectory() as folder:
            for way, row in compare(name, CRATES[name], Path(folder)).items():
                print(f"{name} {CRATES[name]:12}"[:20].ljust(20) + f"{way:8}" + figures(row), flush=True)


def figures(row: Row) -> str:
    """Return a row in columns."""
    passed, failed, ignored, seconds = row
    return f"{passed:8}{failed:8}{ignored:9}{seconds:9.1f}"


def compare(name: str, version: str, folder: Path) -> dict[str, Row]:
    """Score one crate three ways, each from the same prepared workspace."""
    source = fetch(name, version, folder)
    rows = {}
    for way in ("bare", "plain", "strict"):
        workspace = folder / way / name
        shutil.copytree(source, workspace, symlinks=True)
        rows[way] = bare(workspace) if way == "bare" else scored(workspace, way)
    return rows


def fetch(name: str, version: str, folder: Path) -> Path:
    """Return a crate's own source, with everything fetched and its dependencies built."""
    shell = folder / "shell"
    cargo("new", "--quiet", "--lib", "--vcs=none", str(shell), cwd=folder)
    cargo("add", "--quiet", f"{name}@={version}", cwd=shell)
    cargo("vendor", "--quiet", "--versioned-dirs", cwd=shell)
    source = folder / "source"
    shutil.move(shell / "vendor" / f"{name}-{version}", source)
    (source / ".cargo-checksum.json").unlink()
    (source / "Cargo.lock").unlink(missing_ok=True)
    cargo("generate-lockfile", "--quiet", cwd=source)
    cargo("fetch", "--quiet", cwd=source)
    cargo("test", "--quiet", "--no-run", cwd=source)
    return source


def cargo(*arguments: str, cwd: Path) -> None:
    """Run cargo; CalledProcessError where it fails."""
    subprocess.run(["cargo", *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL)  # noqa: S607


def bare(workspace: Path) -> Row:
    """Run the bare tool and add up what it says of every target."""
    argv = ["cargo", "test", "--workspace", "--no-fail-fast"]
    began = time.monotonic()
    done = subprocess.run(argv, cwd=workspace, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    lines = re.findall(
        r"^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored", done.stdout, re.MULTILINE
    )
    passed, failed, ignored = (sum(int(line[column]) for line in lines) for column in range(3))
    return passed, failed, ignored, seconds


def scored(workspace: Path, trust: str) -> Row:
    """Score the workspace as if an agent had left it so."""
    with tempfile.TemporaryDirectory() as temporary:
        submission = untouched(workspace, Path(temporary), os.environ, seconds=900)
        began = time.monotonic()
        score = Cargo({"trust": trust}).score(submission)
        seconds = time.monotonic() - began
    said = [
        *score.tampering,
        *(f"without proof: {len(names)}" for names in [score.details.get("without_proof")] if names),
    ]
    if said:
        print("   ", "; ".join(said))
    return (*counts(score), seconds)


def counts(score: Score) -> tuple[int, int, int]:
    """Return how many checks passed, failed and were skipped."""
    passed, failed, skipped = (
        sum(check.status == status for check in score.checks) for status in ("passed", "failed", "skipped")
    )
    return passed, failed, skipped


if __name__ == "__main__":
    main()
