"""Cargo's own run in the workspace: every target, honest counts, no guard against its author."""

from collections.abc import Iterator

from scorers.base import Check
from scorers.cargo_build import Build
from scorers.cargo_metadata import Target, Workspace
from scorers.cargo_run import Binary, binaries
from scorers.cargo_setup import Setup
from scorers.doctest import documented, run_examples
from scorers.expected import clip
from scorers.libtest import Verdict
from scorers.rust_tests import declared


def checks_of(setup: Setup, workspace: Workspace, built: Build) -> Iterator[Check]:
    """Run everything that was built; yield one check a test."""
    for binary in binaries(setup, workspace, built):
        yield from _checks(binary)
    for target in documented(workspace):
        for name, verdict in run_examples(setup, workspace, target).items():
            yield check(f"{target.package} doc {name}", verdict)
    for target in workspace.targets:
        if target.tested and target not in built.executables and target in built.errors:
            yield from broken(target, built.errors[target])


def _checks(binary: Binary) -> Iterator[Check]:
    if not binary.target.harness:
        yield check(binary.target.label, binary.whole())
        return
    binary.all()
    for name, verdict in binary.verdicts.items():
        yield check(f"{binary.target.label} {name}", verdict)


def check(id_: str, verdict: Verdict) -> Check:
    """Return a check in the words of every scorer."""
    word = "" if verdict.raw in {"ok", "failed"} else verdict.raw
    message = "" if verdict.status == "passed" else clip(verdict.message)
    return Check(id=id_, status=verdict.status, raw=word, duration_s=verdict.duration_s, message=message)


def broken(target: Target, errors: str) -> Iterator[Check]:
    """Return a failed check for each test that the source of a target declares, one at least."""
    names = declared(target.source).names
    for id_ in [f"{target.label} {name}" for name in names] or [target.label]:
        yield Check(id=id_, status="failed", raw="does not compile", message=errors)
