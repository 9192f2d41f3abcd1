"""Runs one test binary to a verdict on every test, also where one of them takes the process down."""

import signal
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.process import Exit, run
from scorers import libtest
from scorers.cargo_build import Build
from scorers.cargo_metadata import Target, Workspace
from scorers.cargo_seal import Seal
from scorers.cargo_setup import Setup
from scorers.libtest import Events, Verdict

BATCH_SHARE = 0.6
"""Of the time left, what one process may take: a test that hangs must leave some to the others."""
LIST_S = 60.0
MAX_NAMES_BYTES = 96 * 1024
"""Most bytes of test names in one command line; beyond it a batch is cut in two (the kernel allows 2 MiB)."""


@dataclass(slots=True)
class Binary:
    """One test binary and what is known of its tests."""

    setup: Setup
    target: Target
    executable: Path
    env: Mapping[str, str]
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    oddities: list[str] = field(default_factory=list)
    """What no honest process writes."""
    whole_stories: set[str] = field(default_factory=set)
    """Tests whose process ended as libtest ends: suite, results and exit code agreed."""
    seal: Seal = field(default_factory=Seal)
    """The executable, and what it must not be replaced by."""
    replaced: bool = False
    """Whether it was, before one of its runs."""
    runs: int = 0

    def whole(self) -> Verdict:
        """Run a binary without libtest's harness: its exit code is all that it says."""
        ended, _ = self._start((), limit_s=self.setup.limit.remaining * BATCH_SHARE)
        if ended.ending == "exited" and ended.code == 0:
            return Verdict("passed", "no harness", ended.duration_s)
        return Verdict("failed", _word(ended), ended.duration_s, _said(self._errors()))

    def names(self) -> dict[str, bool]:
        """Return its tests, each with whether it is ignored; empty where the binary does not tell."""
        ended, output = self._start(("--list", "-Z", "unstable-options", "--format", "json"), limit_s=LIST_S)
        return libtest.listed(output) if ended.code == 0 else {}

    def all(self) -> None:
        """Run every test, as the bare tool does; each that brings no result gets one by itself."""
        events, ended = self._batch(())
        if events.agrees(ended.code) and ended.ending == "exited":
            return
        self._decide(events, ended, alone=False)
        self.these([name for name in self.names() if name not in self.verdicts])

    def these(self, names: Collection[str]) -> None:
        """Run the named tests; those that take the process down, or are left when it goes, again."""
        left = [name for name in names if name not in self.verdicts]
        while left and not self.setup.limit.passed:
            batch = _fitting(left)
            events, ended = self._batch(batch)
            unfinished = self._decide(events, ended, alone=len(batch) == 1)
            for name in unfinished:
                self._alone(name)
            undecided = [name for name in left if name not in self.verdicts]
            if len(undecided) == len(left):
                break
            left = undecided
        for name in left:
            self.verdicts.setdefault(name, Verdict("failed", "missing", message="the binary never ran it"))

    def again(self, name: str, *beside: str) -> Verdict:
        """Run one test once more, by itself or with others."""
        for each in (name, *beside):
            self.verdicts.pop(each, None)
        self.these([name, *beside])
        return self.verdicts[name]

    def _alone(self, name: str) -> None:
        events, ended = self._batch([name])
        self._decide(events, ended, alone=True)

    def _decide(self, events: Events, ended: Exit, *, alone: bool) -> list[str]:
        """Take the results over; return the tests that must be run again."""
        unfinished = sorted(events.unfinished - self.verdicts.keys())
        if not alone and ended.ending == "exited":
            return unfinished
        for name in unfinished:
            self.verdicts[name] = Verdict("failed", _word(ended), message=_said(self._errors()))
        return []

    def _batch(self, names: Collection[str]) -> tuple[Events, Exit]:
        exact = ("--exact", *names) if names else ()
        ended, output = self._start(
            (*libtest.FLAGS, *exact), limit_s=self.setup.limit.remaining * BATCH_SHARE
        )
        events = libtest.read(output)
        self.oddities += events.oddities
        self.verdicts.update(events.verdicts)
        if ended.ending == "exited" and events.agrees(ended.code):
            self.whole_stories |= events.verdicts.keys()
        return events, ended

    def _start(self, arguments: Collection[str], *, limit_s: float) -> tuple[Exit, Path]:
        self.runs += 1
        self.replaced |= bool(self.seal.broken)
        argv = [str(self.executable), *arguments]
        cwd = self.target.manifest.parent  # cargo runs each binary in its package's folder
        command = self.setup.conditions.command(argv, cwd=cwd, output=self._output(), env=self.env)
        return run(command, self.setup.limit.at_most(limit_s)), command.stdout

    def _errors(self) -> Path:
        output = self._output()
        return output.with_name(f"{output.name}.err")

    def _output(self) -> Path:
        return self.setup.log(f"{self.target.label.replace(' ', '-')}.{self.runs}")


def binaries(setup: Setup, workspace: Workspace, built: Build) -> list[Binary]:
    """Return the test binaries that were built, in cargo's order."""
    return [
        Binary(setup, target, built.executables[target], _environment(setup, workspace, built, target))
        for target in workspace.targets
        if target in built.executables
    ]


def _environment(setup: Setup, workspace: Workspace, built: Build, target: Target) -> dict[str, str]:
    """Return what cargo sets for the binaries of a package."""
    package = next(p for p in workspace.packages.values() if p["name"] == target.package)
    version, _, pre = package["version"].partition("+")[0].partition("-")
    major, minor, patch = version.split(".")
    libraries = [*built.library_paths, str(built.executables[target].parent), setup.toolchain.library_path]
    names = ("name", "version", "description", "homepage", "repository", "license", "license_file", "readme")
    return {
        **{f"CARGO_PKG_{name.upper()}": package.get(name) or "" for name in names},
        "CARGO_PKG_RUST_VERSION": package.get("rust_version") or "",
        "CARGO_PKG_AUTHORS": ":".join(package.get("authors") or ()),
        **{
            f"CARGO_PKG_VERSION_{part}": number
            for part, number in zip(
                ("MAJOR", "MINOR", "PATCH", "PRE"), (major, minor, patch, pre), strict=True
            )
        },
        **{name: home for name, home in setup.env.items() if name == "CARGO_HOME"},  # some tests call cargo
        "CARGO": str(setup.toolchain.cargo),
        "CARGO_MANIFEST_DIR": str(target.manifest.parent),
        "CARGO_MANIFEST_PATH": str(target.manifest),
        **built.environments.get(target.package, {}),
        "LD_LIBRARY_PATH": ":".join(
            [*libraries, *filter(None, [setup.conditions.env.get("LD_LIBRARY_PATH")])]
        ),
        "RUSTC_BOOTSTRAP": "1",
    }


def _fitting(names: list[str]) -> list[str]:
    batch: list[str] = []
    room = MAX_NAMES_BYTES
    for name in names:
        room -= len(name.encode()) + 1
        if room < 0 and batch:
            break
        batch.append(name)
    return batch


def _word(ended: Exit) -> str:
    if ended.ending != "exited":
        return {"deadline": "timeout"}.get(ended.ending, ended.ending)
    return f"crashed: {signal.Signals(-ended.code).name}" if ended.code < 0 else f"exited with {ended.code}"


def _said(path: Path, tail: int = 4000) -> str:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - tail))
        return file.read(tail).decode("utf-8", "replace")
