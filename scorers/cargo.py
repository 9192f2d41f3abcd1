"""Scores a Rust project with its own tests.

`[scorer]` options: `trust` (`strict`, the default, or `plain`), `compile_share` (EngineBench: 0.3),
`features`, `all_features`, `no_default_features`, `release`, `expected` (or `fail_to_pass` /
`pass_to_pass`), `overlay`, and those of `scorers.conditions`. A test's id is `PACKAGE KIND TARGET NAME`:
`demo lib tests::works`, `demo test integration adds`, `demo bin cli tests::parses`,
`demo doc src/lib.rs - add (line 5)`.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from runner.errors import TaskInvalid
from runner.process import Caps
from scorers.base import Check, Score, Scorer, Submission, ratio
from scorers.cargo_build import Build, build
from scorers.cargo_metadata import read_workspace
from scorers.cargo_plain import checks_of
from scorers.cargo_setup import OPTIONS as FEATURES
from scorers.cargo_setup import Setup, features
from scorers.cargo_strict import collect, score_strict
from scorers.conditions import OPTIONS as CONDITIONS
from scorers.conditions import Conditions, check_conditions, trust_of
from scorers.expected import OPTIONS as EXPECTED
from scorers.expected import expected_of, listed
from scorers.overlay import lay_tests
from scorers.reports import RunReport, write_reports
from scorers.toolchain import find_toolchain


class Cargo(Scorer):
    """Every test of every target of a workspace, and its documentation's examples."""

    name: ClassVar[str] = "cargo"
    option_names = {"trust", "compile_share", "overlay", *FEATURES, *EXPECTED, *CONDITIONS}

    @classmethod
    def fits(cls, workspace: Path) -> bool:
        """Say whether the workspace has a Cargo.toml."""
        return (workspace / "Cargo.toml").is_file()

    def tool(self, workspace: Path, env: Mapping[str, str]) -> str:
        """Find the workspace's toolchain."""
        toolchain = find_toolchain(workspace, env)
        return f"{toolchain.cargo} {toolchain.version.removeprefix('cargo ')}"

    def check(self) -> list[str]:
        """Read every option."""
        self._compile_share()
        features(self.options)
        expected_of(self.options)
        check_conditions(self.options)
        return super().check()

    def collect(self, submission: Submission) -> tuple[str, ...] | None:
        """List the project's tests; those that the task names need no listing."""
        return listed(self.options, lambda: collect(submission, self.options))

    def score(self, submission: Submission) -> Score:
        """Build, run, count."""
        if trust_of(self.options) == "strict":
            return score_strict(submission, self.options, self._compile_share())
        return self._plain(submission)

    def _plain(self, submission: Submission) -> Score:
        lay_tests(submission.tests, submission.workspace, self.options)
        setup = self._setup(submission)
        workspace = read_workspace(setup)
        started = time.time()
        built = build(setup, workspace)
        checks = tuple(checks_of(setup, workspace, built))
        write_reports(
            submission.reports, RunReport("cargo", checks, started, time.time(), setup.toolchain.version)
        )
        return self._verdict(checks, built, setup, compiled=built.compiled(workspace))

    def _setup(self, submission: Submission) -> Setup:
        conditions = Conditions(
            room=submission.scratch,
            env=submission.env,
            account=submission.account,
            caps=Caps(),
            network=True,
            deadline=submission.deadline,
            timeout_s=None,
        )
        toolchain = find_toolchain(submission.workspace, submission.env)
        return Setup(
            toolchain,
            conditions,
            submission.workspace,
            submission.reports,
            submission.workspace,
            features(self.options),
        )

    def _verdict(self, checks: tuple[Check, ...], built: Build, setup: Setup, *, compiled: bool) -> Score:
        share = self._compile_share()
        return Score(
            reward=ratio(checks, compile_share=share, compiled=compiled),
            checks=checks,
            compiled=compiled,
            resolved=None,
            details={
                "trust": "plain",
                "cargo": setup.toolchain.version,
                **({"build": built.failure} if built.failure else {}),
            },
        )

    def _compile_share(self) -> float:
        share = self.options.get("compile_share", 0.0)
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise TaskInvalid(f"[scorer] compile_share is {share!r}", hint="write a number from 0 to 1")
        return float(share)
