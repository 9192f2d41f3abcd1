"""How a run ended, decided from the event stream and the exit code together, never from one alone."""

import re
from dataclasses import dataclass

from agents.base import AgentRun, Assignment, Outcome
from agents.journal import Journal
from agents.start import stderr_of
from runner.errors import AgentUnavailable, Failure, ModelFailed, ModelRejected, SandboxFailed
from runner.output import head_tail
from runner.process import Exit

_CONTEXT = re.compile(
    r"context[ _-]?(length|window|overflow|limit)|prompt is too long|maximum context|ran out of room"
    r"|input is too long|exceeds? the (model'?s )?(available )?context",
    re.IGNORECASE,
)
_REFUSAL = re.compile(
    r"usage polic|content[ _-]?(filter|policy)|cyber_policy|flagged (as|for)|stop[ _]reason.{0,9}refusal",
    re.IGNORECASE,
)
_CUT = re.compile(r"max_output_tokens|MessageOutputLength|output token maximum")
"""The model's one answer was longer than it may be: nobody's failure but the run's."""
_QUOTA = re.compile(r"insufficient_quota|quota exceeded|exceeded your current quota|billing", re.IGNORECASE)
_STATUS = re.compile(r"(?:status(?: code)?|API Error|HTTP)[: ]*\(?([1-5]\d\d)\b", re.IGNORECASE)
_TRANSIENT = {408, 409, 425, 429}
_KILLED = {-9, 137}
"""SIGKILL of the agent itself, or of what its shell waited for."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended."""

    outcome: Outcome
    error: str | None = None
    failure: Failure | None = None


def report(assignment: Assignment, journal: Journal, end: Exit) -> AgentRun:
    """Return the run: what the journal holds, and how it ended."""
    how = verdict(journal, end, assignment, head_tail(stderr_of(assignment), 4_000))
    return AgentRun(
        outcome=how.outcome,
        steps=journal.steps,
        usage=journal.usage,
        cost_usd=journal.cost_usd,
        session_id=journal.session_id,
        version=journal.version,
        exit_code=end.code,
        message=journal.message,
        error=how.error,
        duration_s=end.duration_s,
        failure=how.failure,
    )


def verdict(journal: Journal, end: Exit, assignment: Assignment, stderr: str) -> Verdict:
    """Decide how a run ended; `stderr` is what the CLI printed there, head and tail."""
    idle = not journal.steps and not journal.usage.output_tokens and not assignment.last_call()
    last_words = f"the agent ended with exit code {end.code}: {stderr.strip() or 'nothing on stderr'}"
    if broken := _sandbox(end):
        return _unmeasured(broken)
    if end.ending != "exited":
        return _cut_short(journal, end, assignment, idle=idle)
    if idle and not (journal.error or journal.retrying):
        return _unmeasured(AgentUnavailable(last_words, hint="run its command by hand in this image"))
    return _own_end(journal, end, assignment, last_words)


def _sandbox(end: Exit) -> SandboxFailed | None:
    if end.survivors:
        return SandboxFailed("processes of the agent cannot be ended", phase="agent_start")
    if end.oom and end.code in _KILLED:
        return SandboxFailed("the agent was killed for memory", phase="agent_start")
    return None


def _own_end(journal: Journal, end: Exit, assignment: Assignment, last_words: str) -> Verdict:
    """Judge a CLI that ended by itself.

    The exit code says least: codex exits 1 after an error it recovered from, and 0 after `turn.failed`.
    """
    if journal.outcome == "completed":
        return Verdict("completed")
    if outcome := assignment.should_stop() or journal.outcome:
        return Verdict(outcome, journal.error)
    if error := journal.error or journal.retrying:
        return _provider(error, journal.status)
    if end.code == 0 and journal.steps:  # opencode may leave out its last event
        return Verdict("completed")
    return Verdict("crashed", last_words)


def _cut_short(journal: Journal, end: Exit, assignment: Assignment, *, idle: bool) -> Verdict:
    if end.ending == "stopped":
        return Verdict(assignment.should_stop() or "budget", journal.error)
    if end.ending == "output":
        return Verdict("crashed", error="the agent printed more than its output limit")
    outcome: Outcome = "timeout" if end.ending == "deadline" else "stalled"
    if journal.retrying:
        return _provider(journal.retrying, journal.status)
    if idle:
        return _unmeasured(ModelFailed(f"the model gave no answer in {end.duration_s:.0f} s"), outcome)
    return Verdict(outcome)


def _provider(error: str, status: int | None) -> Verdict:
    """Return what an error text means: an outcome of the run's own, or the provider's failure."""
    if _CONTEXT.search(error):
        return Verdict("context_length", error)
    if _REFUSAL.search(error):
        return Verdict("refused", error)
    if _CUT.search(error):
        return Verdict("crashed", error)
    return _unmeasured(failure_of(error, status))


def _unmeasured(failure: Failure, outcome: Outcome = "crashed") -> Verdict:
    return Verdict(outcome, failure.message, failure)


def failure_of(error: str, status: int | None) -> Failure:
    """Return the failure of the model provider, in its own words.

    A 4xx other than 408, 409, 425 and 429, or a spent quota, is not worth a retry.
    """
    if status is None and (found := _STATUS.search(error)):
        status = int(found[1])
    refused = status is not None and 400 <= status < 500 and status not in _TRANSIENT  # noqa: PLR2004
    if refused or _QUOTA.search(error):
        return ModelRejected(error, hint="check the key, the model's name and inference_url")
    return ModelFailed(error, hint="run the rollout again once the provider answers")
