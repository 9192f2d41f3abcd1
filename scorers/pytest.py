"""The pytest scorer: the task's own Python and pytest, verdicts from our own events.

`[scorer]` options: `trust` (`strict`, or `plain`: the tool's own run in the workspace), `python`, `args` (of
pytest), `mutants` (`false` where tests rightly compare with what equals anything), `expected` or
`fail_to_pass` / `pass_to_pass`, `overlay`, and those of `scorers.conditions`.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import TaskInvalid
from runner.process import Command
from scorers.base import Check, Score, Scorer, Submission, ratio
from scorers.conditions import OPTIONS as CONDITIONS
from scorers.conditions import check_conditions, trust_of
from scorers.expected import OPTIONS as EXPECTED
from scorers.expected import expected_of, listed, resolved, verdicts
from scorers.pytest_python import find_python, tried
from scorers.pytest_session import Request, Session, copy_events, require_start, run_session
from scorers.pytest_strict import collect, score_strict
from scorers.reports import RunReport, write_reports

_MARKERS = ("pytest.ini", "pytest.toml", "conftest.py", "tox.ini", "setup.cfg", "tests", "test")
ARGS = ("--continue-on-collection-errors",)
"""A file that cannot be collected fails its own tests only."""


class Pytest(Scorer):
    """Runs the tests of a Python project."""

    name = "pytest"
    option_names = {"trust", "python", "args", "mutants", "test_timeout_s", "overlay", *EXPECTED, *CONDITIONS}

    @classmethod
    def fits(cls, workspace: Path) -> bool:
        """Say whether there is a pytest configuration, or anything that looks like a test."""
        if any((workspace / name).exists() for name in _MARKERS if "." in name):
            return True
        folders = [workspace, *(workspace / name for name in ("tests", "test"))]
        return any(any(folder.glob(glob)) for folder in folders for glob in ("test_*.py", "*_test.py"))

    def tool(self, workspace: Path, env: Mapping[str, str]) -> str:
        """Find the task's Python and its pytest."""
        return tried(find_python(self.options, env, workspace), env)

    def check(self) -> list[str]:
        """Read every option."""
        self._args()
        expected_of(self.options)
        check_conditions(self.options)
        return super().check()

    def collect(self, submission: Submission) -> tuple[str, ...] | None:
        """List the project's tests; those that the task names need no listing."""
        return listed(self.options, lambda: collect(submission, self.options, self._args()))

    def score(self, submission: Submission) -> Score:
        """Run the tests and return the verdict."""
        if trust_of(self.options) == "strict":
            return score_strict(submission, self.options, self._args())
        return self._plain(submission)

    def _plain(self, submission: Submission) -> Score:
        started = time.time()
        session = self._run_in_workspace(submission)
        checks = self._checks(session)
        report = RunReport("pytest", checks, started, time.time(), session.version, session.outputs)
        write_reports(submission.reports, report)
        copy_events([session], submission.reports / "events.jsonl")
        return Score(
            reward=ratio(checks),
            checks=checks,
            resolved=resolved(checks) if expected_of(self.options) else None,
            details=self._details(session, "plain"),
        )

    def _run_in_workspace(self, submission: Submission) -> Session:
        python = find_python(self.options, submission.env, submission.workspace)
        command = Command(
            argv=[str(python)],
            cwd=submission.workspace,
            env={**submission.env, **submission.verifier_env, **self.options.get("env", {})},
            stdout=submission.scratch / "events",
            stderr=submission.reports / "pytest.log",
            account=submission.account,
        )
        session = run_session(command, Request([*ARGS, *self._args()]), submission.deadline)
        require_start(session, python)
        return session

    def _args(self) -> list[str]:
        args = self.options.get("args", [])
        if not isinstance(args, list) or not all(isinstance(each, str) for each in args):
            raise TaskInvalid(f"[scorer] args is {args!r}, no list of texts", hint='write ["tests", "-q"]')
        return args

    def _checks(self, session: Session) -> tuple[Check, ...]:
        expected = expected_of(self.options)
        if expected:
            return verdicts(expected, session.seen)
        never_ran = Check(id="", status="failed", raw="missing", message="collected, but it never ran")
        ids = dict.fromkeys((*session.ids, *session.seen))
        seen = [session.seen.get(id_) or never_ran.model_copy(update={"id": id_}) for id_ in ids]
        return (*session.errors.values(), *seen)

    def _details(self, session: Session, trust: str) -> dict[str, Any]:
        return {
            "trust": trust,
            "pytest": session.version,
            "python": session.starts[0]["python"],
            "exit_code": session.exit.code,
            **({"ended": session.exit.ending} if session.exit.ending != "exited" else {}),
        }
