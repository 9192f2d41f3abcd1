"""Counts calls and tokens, and says when the rollout's limits are spent."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from runner.interceptor.base import Totals
from runner.interceptor.prices import Price, price_of
from runner.interceptor.reply import Counts
from runner.request import Limits


@dataclass
class Meter:
    """Totals of one rollout. Written by the server's thread alone, read by any."""

    limits: Limits
    prices: Mapping[str, Price]
    totals: Totals = field(default_factory=Totals)
    refused: str | None = None
    """Why a call was refused; such a run ends as `budget`."""
    _begun: int = 0
    _cost: float = 0.0
    """USD that are known to be spent: what a limit on the cost is held by."""
    _unpriced: bool = False
    """Whether an answer's price or tokens were unknown, so that the whole cost is."""

    def refusal(self) -> str | None:
        """Begin a call, or say which limit refuses it."""
        totals = self.totals
        spent: tuple[tuple[str, float | None], ...] = (
            ("max_requests", self._begun),
            ("max_input_tokens", totals.input_tokens),
            ("max_output_tokens", totals.output_tokens),
            ("max_total_tokens", _sum(totals.input_tokens, totals.output_tokens)),
            ("max_cost_usd", self._cost),
        )
        for name, value in spent:
            limit = getattr(self.limits, name)
            if limit is not None and value is not None and value >= limit:
                self.refused = f"limits.{name} is spent: {_shown(value)} of {_shown(limit)}"
                return self.refused
        self._begun += 1
        return None

    def count(self, counts: Counts, model: str, *, answered: bool) -> float | None:
        """Add one call that has ended; return its cost in USD, null where unknown."""
        price = price_of(model, self.prices)
        cost = price.cost(counts) if price else None
        totals = self.totals
        known = counts.input_tokens is not None and counts.output_tokens is not None
        self._cost += cost or 0.0
        self._unpriced = self._unpriced or (cost is None and (known or answered))
        self.totals = replace(
            totals,
            calls=(totals.calls or 0) + 1,
            uncounted=totals.uncounted + (answered and not known),
            input_tokens=_sum(totals.input_tokens, counts.input_tokens),
            output_tokens=_sum(totals.output_tokens, counts.output_tokens),
            cached_tokens=_sum(totals.cached_tokens, counts.cache_read_tokens),
            cache_write_tokens=_sum(totals.cache_write_tokens, counts.cache_write_tokens),
            reasoning_tokens=_sum(totals.reasoning_tokens, counts.reasoning_tokens),
            cost_usd=None if self._unpriced else self._cost,
        )
        return cost


def _sum(first: int | None, second: int | None) -> int | None:
    return second if first is None else first if second is None else first + second


def _shown(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
