"""The result: what `result.json` says, in one shape for all three dialects of the request.

The hosted SDK reads `reward_info.outcome_reward`, else `metrics.outcome_reward`; the first published
examples show `metrics.reward_mean`. All three are written and always equal.
"""

from typing import Any, Literal

from pydantic import Field, computed_field

from agents.base import Outcome, Usage
from runner.errors import Cause, Failure, Phase, Status
from runner.model import Model
from scorers.base import Check

Stage = Literal["starting", "preparing", "agent", "scoring", "done"]


class FailureReport(Model):
    """Why the rollout was not measured."""

    kind: str
    """The failure's class (`RequestInvalid`, `ModelFailed`, ...)."""
    phase: Phase
    """Where it happened."""
    cause: Cause
    """Whose fault it is."""
    retryable: bool
    """Whether the same request may succeed another time."""
    message: str
    """What happened and what to do."""

    @classmethod
    def of(cls, failure: Failure) -> "FailureReport":
        """Describe a failure."""
        return cls(
            kind=type(failure).__name__,
            phase=failure.phase or "result",
            cause=failure.cause,
            retryable=failure.retryable,
            message=str(failure),
        )


class AgentReport(Model):
    """Who worked, and how it ended."""

    name: str
    """The agent as it was chosen."""
    version: str | None = None
    """The exact version that ran."""
    model: str = ""
    """The model asked for."""
    outcome: Outcome | None = None
    """How it ended; null while it works."""
    exit_code: int | None = None
    session_id: str | None = None
    steps: int = 0
    """How many steps; the steps themselves are in `trajectory.json`."""
    message: str = ""
    """Its last message, capped."""
    error: str | None = None
    """Its own error text."""
    usage: Usage = Usage()
    """Tokens as the CLI counted them."""
    cost_usd: float | None = None
    """Cost as the CLI counted it."""


class Calls(Model):
    """Model calls as the interceptor saw them; null where nothing was between agent and model."""

    count: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


class Timings(Model):
    """Seconds by phase; null for a phase that was not reached."""

    preparing_s: float | None = None
    """Request, task, overrides and snapshot."""
    agent_s: float | None = None
    scoring_s: float | None = None
    total_s: float | None = None
    """All of it, from the start of the process."""


class Artifact(Model):
    """A piece of evidence inside the result: head and tail, under the caps."""

    name: str
    content: str
    content_type: str = "text/plain"
    metadata: dict[str, Any] = {}
    size_bytes: int
    """Of `content` in UTF-8."""
    sha256: str
    """Of `content` in UTF-8."""


class Metrics(Model):
    """The reward and what it is made of."""

    reward_mean: float = 0.0
    outcome_reward: float = 0.0
    details: dict[str, Any] = {}


class RewardInfo(Model):
    """The reward as the container shape spells it."""

    outcome_reward: float = 0.0
    event_rewards: list[float] = []
    outcome_objectives: dict[str, float] = {}
    details: dict[str, Any] = {}


class Result(Model):
    """All that a rollout has to say. Legacy reward fields hold 0.0 where nothing was measured."""

    trace_correlation_id: str
    """Echoed from the request."""
    success: bool = False
    """The reward can be trusted: the agent ran and the scorer gave a verdict. A low reward is a success."""
    error: str | None = None
    """What went wrong, in one sentence; null on success."""
    failure: FailureReport | None = None
    """Null where the rollout was measured; leave rollouts with a failure out of any mean."""
    phase: Stage = "starting"
    """How far it came."""
    reward: float | None = Field(default=None, exclude=True)
    """From 0 to 1; null where nothing was measured."""
    details: dict[str, Any] = Field(default={}, exclude=True)
    """Counts and findings of the scorer, task and seed."""
    success_status: Status = "runtime_error"
    """About the infrastructure, whatever the reward."""
    status_detail: str | None = None
    """The same sentence as `error`, for readers of the container shape."""
    inference_url: str | None = None
    """Where model calls went, as the request gave it."""
    agent: AgentReport | None = None
    calls: Calls = Calls()
    timings: Timings = Timings()
    checks: list[Check] = []
    """One verdict a test, capped at `MOST_CHECKS`; all of them are in `ctrf.json`."""
    override_application_results: list[dict[str, Any]] = []
    warnings: list[str] = []
    """What the reader should know though it failed nothing."""
    files: str | None = None
    """The folder with the whole output, trajectory, diff and reports; null with `--stdio`."""
    artifact: list[Artifact] = []
    trace: dict[str, Any] | None = None
    """Trace v4 of the model calls, for the container shape."""

    @computed_field(description="The reward, spelled for readers of the flat shape.")
    def metrics(self) -> Metrics:
        """Spell the reward for the flat shape."""
        reward = self.reward or 0.0
        return Metrics(reward_mean=reward, outcome_reward=reward, details=self.details)

    @computed_field(description="The reward, spelled for readers of the container shape.")
    def reward_info(self) -> RewardInfo:
        """Spell the reward for the container shape."""
        return RewardInfo(outcome_reward=self.reward or 0.0, details=self.details)

    def failed(self, failure: Failure) -> "Result":
        """Return this result with a failure in place of a reward."""
        return self.model_copy(
            update={
                "success": False,
                "reward": None,
                "error": str(failure),
                "failure": FailureReport.of(failure),
                "success_status": failure.status,
                "status_detail": str(failure),
            }
        )

    def slim(self, why: str) -> "Result":
        """Return this result without what is large."""
        longest = 200
        return self.model_copy(
            update={
                "details": {key: value for key, value in self.details.items() if len(str(value)) <= longest},
                "artifact": [],
                "trace": None,
                "checks": [],
                "override_application_results": [],
                "warnings": [f"{why}: artifacts, trace, checks and long details are left out"],
            }
        )


MOST_CHECKS = 1000
"""More checks than this stay in `ctrf.json` alone."""
