"""Everything a rollout needs to know before the agent starts, and the folders it works with."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.base import Agent
from runner.boundary import boundary
from runner.deadline import Deadline
from runner.environment import user_environment
from runner.errors import AgentFailed, RequestInvalid, ScoringFailed
from runner.interceptor.settings import Settings as InterceptorSettings
from runner.plugins import load_agent
from runner.process import Account
from runner.request import Rollout, choose_agent, choose_model, load, require_inference_url
from runner.scoring import scorer_for
from runner.task import Task, find_task
from runner.wire import Settings
from scorers.base import Scorer

_FLUSH_S, _FLUSH_SHARE = 3.0, 1 / 20
"""Kept back for writing the result: so many seconds, but no more than this share of the whole."""
_LEAST_AGENT_S = 0.5
"""With less than this the agent could not even start."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line adds to the request."""

    tasks: Path | None = None
    workspace: Path | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the `Rollout` that the command line overrules."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The request, understood: what will run, on what, until when."""

    rollout: Rollout
    task: Task
    agent_name: str
    agent: Agent
    scorer: Scorer
    deadline: Deadline
    """When all of it, the last write included, must be over."""
    env: Mapping[str, str]
    """The user's environment and the task's, without keys."""
    warnings: tuple[str, ...] = ()
    """Options that scorer or agent do not know."""

    def details(self) -> dict[str, Any]:
        """Return what the result says of the task before anything is measured."""
        return {
            "task_id": self.task.id,
            "seed": self.rollout.seed,
            "seed_wrapped": self.task.wrapped,
            "scorer": self.scorer.name,
        }

    @property
    def model(self) -> str:
        """The model to ask for; empty for an agent that calls none."""
        return choose_model(self.rollout, self.agent_name) if self.agent.dialect else self.rollout.model

    @property
    def scoring_s(self) -> float:
        """Seconds kept back for scoring: the request's, else the task's, else a quarter; at most half."""
        limits = self.rollout.limits
        asked = limits.scoring_s or self.task.verifier_s or limits.timeout_s / 4
        return min(asked, limits.timeout_s / 2)

    @property
    def agent_s(self) -> float:
        """Seconds for the agent, getting ready included: what the others leave, at most the task's."""
        left = self.rollout.limits.timeout_s - self.scoring_s - self._flush_s
        return min(left, self.task.agent_s or left)

    @property
    def agent_deadline(self) -> Deadline:
        """When the agent must have ended."""
        deadline = self.deadline.keeping_back(self.scoring_s + self._flush_s)
        return deadline.at_most(self.task.agent_s) if self.task.agent_s else deadline

    @property
    def scoring_deadline(self) -> Deadline:
        """When scoring must have ended: what the agent did not use is the scorer's."""
        return self.deadline.keeping_back(self._flush_s)

    @property
    def _flush_s(self) -> float:
        return min(_FLUSH_S, self.rollout.limits.timeout_s * _FLUSH_SHARE)


def read_request(data: bytes, options: Options) -> Rollout:
    """Return the request, with what the command line overrules."""
    return load(data).model_copy(update=dict(options.changes))


def understand(rollout: Rollout, options: Options, environ: Mapping[str, str]) -> Setting:
    """Find task, agent and scorer, which read their options: what is wrong fails before anything runs."""
    deadline = Deadline.after(rollout.limits.timeout_s)
    task = find_task(rollout, options.tasks, environ, workspace=options.workspace)
    agent_name = choose_agent(rollout)
    agent = load_agent(agent_name)
    if agent.dialect is not None and agent.needs_model:
        require_inference_url(rollout)
    with boundary(AgentFailed):
        worker = agent()
        worker.check(rollout.params)
    with boundary(ScoringFailed):
        scorer = scorer_for(rollout, task)
        warnings = scorer.check()
    setting = Setting(
        rollout=rollout,
        task=task,
        agent_name=agent_name,
        agent=worker,
        scorer=scorer,
        deadline=deadline,
        env={**user_environment(environ), **task.env},
        warnings=(*warnings, *_unknown_params(worker, rollout)),
    )
    _require_time(setting)
    return setting


def _unknown_params(agent: Agent, rollout: Rollout) -> Iterator[str]:
    """Warn of `params` that nobody reads, where the agent says which it does."""
    own = vars(type(agent)).get("option_names")
    if own is None:
        return
    known = {*own, *Settings.model_fields, *InterceptorSettings.model_fields}
    for name in rollout.params.keys() - known:
        yield f"params.{name}: the agent {agent.name} has no such option; ignored"


def _require_time(setting: Setting) -> None:
    """Refuse a limit under which the agent could not even start."""
    if setting.agent_s < min(_LEAST_AGENT_S, setting.task.agent_s or _LEAST_AGENT_S):
        given, hint = setting.rollout.limits.timeout_s, "raise it: an agent needs seconds at the very least"
        raise RequestInvalid(
            f"limits.timeout_s: of {given:g} s the agent gets {setting.agent_s:.2f}", hint=hint
        )


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a rollout keeps things; all but `files` are gone afterwards."""

    state: Path
    """The runner's own (0700): snapshot, scratch. No agent and no test can enter it."""
    home: Path
    """The agent's HOME, the account's own where there is one."""
    files: Path
    """Beside the result: everything whole."""


@contextmanager
def folders(files: Path, account: Account | None) -> Iterator[Folders]:
    """Make the folders, and remove them at the end, whatever the agent left in them."""
    state = Path(tempfile.mkdtemp(prefix="rollout-"))
    home = Path(tempfile.mkdtemp(prefix="agent-"))
    if account:
        os.chown(home, account.uid, account.gid)
    try:
        (files / "agent").mkdir()
        (files / "scorer").mkdir()
        yield Folders(state, home, files)
    finally:
        shutil.rmtree(state, ignore_errors=True)
        shutil.rmtree(home, ignore_errors=True)
