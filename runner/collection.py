"""Lists the tests of tasks where no agent came yet, and has the scorers keep the lists for this image."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.account import find_account
from runner.boundary import boundary
from runner.calling import call_collect
from runner.deadline import Deadline
from runner.environment import user_environment
from runner.errors import Failure, ScoringFailed
from runner.request import Rollout
from runner.scoring import scorer_for
from runner.setting import Options
from runner.task import Task, find_task, task_ids
from runner.workspace import baseline
from scorers.base import Scorer, Submission

_LIMIT_S = 1800.0
"""Where the task has no `[verifier] timeout_sec`: the first build of a project may take this long."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The tests of one task."""

    task: str
    scorer: str = ""
    tests: tuple[str, ...] | None = None
    """Their ids; null for a scorer that lists none."""
    failure: str = ""
    """Why there is no list; empty where there is one."""

    @property
    def summary(self) -> str:
        """What a person reads of it."""
        if self.failure:
            return self.failure
        if self.tests is None:
            return f"{self.scorer} lists no tests"
        return f"{self.scorer}, {len(self.tests)} test{'s' * (len(self.tests) != 1)}"


def collect(options: Options, environ: Mapping[str, str]) -> Iterator[Listing]:
    """Yield a listing for each task, whether its tests can be listed or not."""
    for name in task_ids(options.tasks, environ):
        try:
            yield _collect(name, options, environ)
        except Failure as failure:
            yield Listing(name or "task", failure=str(failure))


def _collect(name: str | None, options: Options, environ: Mapping[str, str]) -> Listing:
    request = Rollout(trace_correlation_id="collect", task_id=name)
    task = find_task(request, options.tasks, environ, workspace=options.workspace)
    with boundary(ScoringFailed):
        scorer = scorer_for(request, task)
        scorer.check()
        return Listing(task.id, scorer.name, _ids(scorer, task, environ))


def _ids(scorer: Scorer, task: Task, environ: Mapping[str, str]) -> tuple[str, ...] | None:
    with tempfile.TemporaryDirectory(prefix="collect-", ignore_cleanup_errors=True) as folder:
        state, scratch, reports = (Path(folder, name) for name in ("state", "scratch", "reports"))
        scratch.mkdir()
        reports.mkdir()
        before = baseline(task.workspace, state, task.pristine)
        submission = Submission(
            workspace=before.workspace,
            snapshot=before.pristine,
            changed=(),
            diff="",
            instruction=task.instruction,
            tests=task.tests,
            deadline=Deadline.after(task.verifier_s or _LIMIT_S),
            env={**user_environment(environ), **task.env},
            account=find_account(),
            protected=task.protected,
            editable=task.editable,
            verifier_env=task.verifier_env,
            scratch=scratch,
            reports=reports,
        )
        return call_collect(scorer, submission)
