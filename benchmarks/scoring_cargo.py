"""The cargo half of `scoring.py`: everything is built from nothing each time, bare as scored.

`scoring_cargo.py [small] [large]`
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scoring import Contest, heads, measure

from scorers.base import Score, Submission
from scorers.cargo import Cargo

MANIFEST = '[package]\nname = "sums"\nversion = "0.1.0"\nedition = "2021"\n'
LOCK = 'version = 3\n\n[[package]]\nname = "sums"\nversion = "0.1.0"\n'
LIBRARY = "pub fn add(a: i64, b: i64) -> i64 {\n    a + b\n}\n"


class Cold(Cargo):
    """The scorer on a workspace that nothing was built in."""

    def score(self, submission: Submission) -> Score:
        """Score, and leave nothing built."""
        try:
            return super().score(submission)
        finally:
            shutil.rmtree(submission.workspace / "target", ignore_errors=True)


def bare(workspace: Path) -> None:
    """Run the bare tool on a workspace that nothing was built in."""
    argv = ["cargo", "test", "--quiet", "--workspace", "--no-fail-fast", "--offline"]
    subprocess.run(argv, cwd=workspace, env=os.environ, check=True, capture_output=True)
    shutil.rmtree(workspace / "target")


def sums(files: int, tests: int) -> dict[str, str]:
    """Return a crate with integration tests."""
    body = "".join(
        f"#[test]\nfn adds_{n}() {{\n    assert_eq!(sums::add({n}, 1), {n + 1});\n}}\n\n"
        for n in range(tests)
    )
    sources = {f"tests/sums_{number}.rs": body for number in range(files)}
    return {"Cargo.toml": MANIFEST, "Cargo.lock": LOCK, "src/lib.rs": LIBRARY, **sources}


CONTESTS = {
    "small": Contest("cargo, small", sums(1, 10), bare, bare, Cold, 10),
    "large": Contest("cargo, large", sums(3, 400), bare, bare, Cold, 1200),
}


def main() -> None:
    """Run all contests, or those that are named."""
    print(heads())
    for name in sys.argv[1:] or CONTESTS:
        measure(CONTESTS[name])


if __name__ == "__main__":
    main()
