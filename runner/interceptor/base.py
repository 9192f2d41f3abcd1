"""What the rollout needs of an interceptor: where calls go, what they were, when to stop."""

from dataclasses import dataclass
from typing import Protocol

from agents.base import Dialect, Endpoint, Outcome
from runner.errors import Failure


@dataclass(frozen=True, slots=True)
class Totals:
    """What all calls so far came to; null means unknown."""

    calls: int | None = 0
    """Null where nothing stands between the agent and the model."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    """By the price table; null as soon as one answer's price or tokens are unknown."""
    cached_tokens: int | None = None
    """The part of the input read from a cache."""
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    """The part of the output spent on reasoning."""
    uncounted: int = 0
    """Calls whose tokens the upstream did not give: the sums above leave them out."""


class Interceptor(Protocol):
    """Between the agent and the model for one rollout; a context manager opens and closes it."""

    @property
    def key(self) -> str:
        """The key for the runner's own calls to `upstream`, such as a judge's."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was repaired or cannot be honoured, for the result."""

    def endpoint(self, dialect: Dialect) -> Endpoint:
        """Say where an agent of this dialect sends its calls."""

    def upstream(self) -> str:
        """Return the base for the runner's own calls, such as a judge's; they stay allowed once sealed."""

    def last_call(self) -> float:
        """Return `time.monotonic` of the last byte of any call, 0.0 before the first."""

    def totals(self) -> Totals:
        """Return what all calls so far came to."""

    def stop(self) -> Outcome | None:
        """Return the outcome with which the agent must end now (`budget`, or `crashed`: no model), if any."""

    def failure(self) -> Failure | None:
        """Return the provider's own failure, where the last call ended in one."""

    def seal(self) -> None:
        """Refuse and leave unrecorded every later call: the agent has ended."""
