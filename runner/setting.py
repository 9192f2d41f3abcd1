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
from runner.deadline import Deadline
from runner.environment import user_environment
from runner.plugins import load_agent
from runner.process import Account
from runner.request import Rollout, choose_agent, choose_model, load, require_inference_url
from runner.scoring import scorer_for
from runner.task import Task, find_task
from scorers.base import Scorer

FLUSH_S = 3.0
"""Seconds of the deadline kept back for writing the result."""


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
    def agent_deadline(self) -> Deadline:
        """When the agent must have ended."""
        deadline = self.deadline.keeping_back(self.scoring_s + FLUSH_S)
        return deadline.at_most(self.task.agent_s) if self.task.agent_s else deadline

    @property
    def scoring_deadline(self) -> Deadline:
        """When scoring must have ended: what the agent did not use is the scorer's."""
        return self.deadline.keeping_back(FLUSH_S)


def read_request(data: bytes, options: Options) -> Rollout:
    """Return the request, with what the command line overrules."""
    return load(data).model_copy(update=dict(options.changes))


def understand(rollout: Rollout, options: Options, environ: Mapping[str, str]) -> Setting:
    """Find task, agent and scorer; every name that cannot be resolved fails here, before anything runs."""
    deadline = Deadline.after(rollout.limits.timeout_s)
    task = find_task(rollout, options.tasks, environ, workspace=options.workspace)
    agent_name = choose_agent(rollout)
    agent = load_agent(agent_name)
    if agent.dialect is not None and agent.needs_model:
        require_inference_url(rollout)
    return Setting(
        rollout=rollout,
        task=task,
        agent_name=agent_name,
        agent=agent(),
        scorer=scorer_for(rollout, task),
        deadline=deadline,
        env={**user_environment(environ), **task.env},
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
