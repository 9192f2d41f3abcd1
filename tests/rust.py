"""Rust projects for the tests of the cargo scorer."""

import os
from pathlib import Path
from typing import Any

from runner.deadline import Deadline
from scorers.base import Check, Score, Submission
from scorers.cargo import Cargo
from tests.judging import submit

MANIFEST = '[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n[profile.dev]\ndebug = false\n'
LOCK = 'version = 3\n\n[[package]]\nname = "{name}"\nversion = "0.1.0"\n'


def crate(place: Path, files: dict[str, str], name: str = "demo", **changes: Any) -> Submission:
    """Return a submission of a crate of these files, in which the agent did nothing yet."""
    manifest = {"Cargo.toml": MANIFEST.format(name=name), "Cargo.lock": LOCK.format(name=name)}
    return rust_submission(place, {**manifest, **files}, **changes)


def rust_submission(place: Path, project: Path | dict[str, str], **changes: Any) -> Submission:
    """Return a submission whose environment has the toolchain and nothing else of this machine's user."""
    rustup = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
    env = {"PATH": os.environ["PATH"], "HOME": str(place), "RUSTUP_HOME": rustup}
    return submit(place, project, **{"deadline": Deadline.after(100), "env": env, **changes})


def plain(made: Submission, **options: Any) -> Score:
    """Score it as the bare tool would."""
    return Cargo({"trust": "plain", **options}).score(made)


def strict(made: Submission, **options: Any) -> Score:
    """Score it so that the agent cannot bend the score."""
    return Cargo(options).score(made)


def words(checks: tuple[Check, ...]) -> dict[str, str]:
    """Return each check's status, with the raw word where there is one."""
    return {check.id: f"{check.status} {check.raw}".strip() for check in checks}
