"""Calls the plug-ins: what comes back from them, whatever they do, can be trusted in form."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args

from agents.base import Agent, AgentRun, Assignment, Outcome
from runner import interruption
from runner.boundary import boundary
from runner.cgroup import spared
from runner.errors import AgentFailed, Failure, ScoringFailed
from runner.output import sound
from runner.sweep import Family
from scorers.base import Score, Scorer, Submission

_AGENT_GRACE_S = 15.0
"""A CLI at its deadline is asked to end, killed, and swept after: that takes a driver up to 12 s."""
_SCORER_GRACE_S, _SCORER_GRACE_SHARE = 2.0, 1 / 4
"""What a scorer may take beyond its deadline to end what it started: no more than this share of its time."""

_LATE = ("gave no verdict by its deadline", "raise limits.scoring_s")
_SLOW = ("listed no tests by its deadline", "raise [verifier] timeout_sec")


def call_agent(agent: Agent, assignment: Assignment, log: Path, spare_s: float) -> AgentRun:
    """Let an agent work; what it leaves running is dead afterwards.

    `spare_s` is what a driver may take beyond its deadline. Raises `AgentFailed` where it raises, or returns
    no `AgentRun`.
    """
    uid = assignment.account.uid if assignment.account else None
    limit = assignment.deadline.remaining + min(_AGENT_GRACE_S, spare_s)
    with _called(AgentFailed, log), Family(uid, sole=True):
        try:
            with interruption.overdue_after(limit):
                return _checked_run(agent.run(assignment), agent)
        except interruption.Overdue:
            return AgentRun("timeout", error=f"the agent {agent.name} did not come back by its deadline")


def call_scorer(scorer: Scorer, submission: Submission, log: Path) -> Score:
    """Let a scorer decide; what it leaves running is dead afterwards.

    Raises `ScoringFailed` where it raises, is late, or returns no usable `Score`.
    """
    with _scoring(scorer, submission, log, _LATE):
        return _checked_score(scorer.score(submission), scorer)


def call_collect(scorer: Scorer, submission: Submission) -> tuple[str, ...] | None:
    """Let a scorer list its tests, as `call_scorer` lets it decide."""
    with _scoring(scorer, submission, None, _SLOW):
        return _checked_ids(scorer.collect(submission), scorer)


@contextmanager
def _scoring(
    scorer: Scorer, submission: Submission, log: Path | None, late: tuple[str, str]
) -> Iterator[None]:
    uid = submission.account.uid if submission.account else None
    left = submission.deadline.remaining
    limit = left + min(_SCORER_GRACE_S, left * _SCORER_GRACE_SHARE)
    with spared("a process of the tests", "scoring"), _called(ScoringFailed, log), Family(uid, sole=True):
        try:
            with interruption.overdue_after(limit):
                yield
        except interruption.Overdue:
            raise ScoringFailed(f"the scorer {scorer.name} {late[0]}", hint=late[1]) from None


@contextmanager
def _called(kind: type[Failure], log: Path | None) -> Iterator[None]:
    """Give what a plug-in raises to it, and a signal that it swallowed back."""
    try:
        with boundary(kind, log=log):
            yield
    finally:
        interruption.check()


def _checked_run(run: object, agent: Agent) -> AgentRun:
    if not isinstance(run, AgentRun):
        raise AgentFailed(f"the agent {agent.name} returned {type(run).__name__}, not an AgentRun")
    if run.outcome not in get_args(Outcome):
        known = ", ".join(get_args(Outcome))
        raise AgentFailed(f"the agent {agent.name} gave the outcome {run.outcome!r}", hint=f"one of {known}")
    return run


def _checked_ids(ids: object, scorer: Scorer) -> tuple[str, ...] | None:
    if ids is None:
        return None
    if not isinstance(ids, tuple | list) or not all(isinstance(each, str) for each in ids):
        raise ScoringFailed(f"the scorer {scorer.name} listed {ids!r:.100}, no ids of tests")
    return tuple(map(sound, ids))


def _checked_score(score: object, scorer: Scorer) -> Score:
    """Refuse what is no reward from 0 to 1, and take the reward where tampering was caught."""
    if not isinstance(score, Score):
        raise ScoringFailed(f"the scorer {scorer.name} returned {type(score).__name__}, not a Score")
    if not isinstance(score.reward, int | float) or not 0 <= score.reward <= 1:
        raise ScoringFailed(f"the scorer {scorer.name} gave the reward {score.reward!r}, not one from 0 to 1")
    try:
        json.dumps(dict(score.details), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ScoringFailed(f"the scorer {scorer.name} gave details that are no JSON: {error}") from error
    return replace(score, reward=0.0) if score.tampering else score
