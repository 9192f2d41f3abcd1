"""What calls cost: a dated table of list prices, and the user's own.

`params.prices` adds to it or replaces entries: `{"my-model": {"input": 0.5, "output": 1.5}}`, in USD for a
million tokens; `cache_read` and `cache_write` default to the input price.
"""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from runner.errors import RequestInvalid
from runner.interceptor.reply import Counts
from runner.model import Model

_DATED = re.compile(r"[-@](\d{4}-\d{2}-\d{2}|\d{8}|latest)$")


class Price(Model):
    """USD for a million tokens."""

    input: float
    """Of prompt tokens that are neither read from nor written to a cache."""
    output: float
    """Of completion tokens, reasoning included."""
    cache_read: float | None = None
    """Of prompt tokens read from a cache; null takes the input price."""
    cache_write: float | None = None
    """Of prompt tokens written to a cache; null takes the input price."""

    up_to: int | None = None
    """Most prompt tokens for which it holds; a longer call's cost is unknown. Null: any."""

    def cost(self, counts: Counts) -> float | None:
        """Return the cost of one call in USD, null where its tokens or their price are unknown."""
        if counts.input_tokens is None or counts.output_tokens is None:
            return None
        if self.up_to is not None and counts.input_tokens > self.up_to:
            return None
        read, written = counts.cache_read_tokens or 0, counts.cache_write_tokens or 0
        fresh = max(0, counts.input_tokens - read - written)
        cache_read = self.input if self.cache_read is None else self.cache_read
        cache_write = self.input if self.cache_write is None else self.cache_write
        total = fresh * self.input + read * cache_read + written * cache_write
        return (total + counts.output_tokens * self.output) / 1e6


def _price(given: str) -> Price:
    numbers = [None if word == "-" else float(word) for word in given.split()]
    return Price(
        input=numbers[0] or 0,
        output=numbers[1] or 0,
        cache_read=numbers[2],
        cache_write=numbers[3],
        up_to=int(numbers[4] or 0) if len(numbers) > 4 else None,  # noqa: PLR2004 - a fifth word
    )


PRICED_AT = {"claude": "2026-10-24", "gpt": "2026-06-04", "older": "2025-12-01"}
"""When each part of the table below was taken from the providers' public price lists.

Of a model whose price depends on the prompt's length there is the price of short prompts, and up to where.
"""
PRICES: Mapping[str, Price] = {
    name: _price(given)
    for name, given in {
        # model: input, output, cache read, cache write (five minutes), longest prompt of that price
        "claude-fable-5": "10 50 1 12.5",
        "claude-fable-5-1": "10 50 0.25 12.5",
        "claude-opus-5-5": "4 20 0.2 5",
        "claude-opus-5": "5 25 0.5 6.25",
        "claude-opus-4-8": "5 25 0.5 6.25",
        "claude-opus-4-7": "5 25 0.5 6.25",
        "claude-opus-4-6": "5 25 0.5 6.25",
        "claude-opus-4-5": "5 25 0.5 6.25",
        "claude-opus-4-1": "15 75 1.5 18.75",
        "claude-opus-4": "15 75 1.5 18.75",
        "claude-sonnet-5-5": "2 10 0.1 2.5",
        "claude-sonnet-5": "2 10 0.2 2.5",
        "claude-sonnet-4-6": "3 15 0.3 3.75",
        "claude-sonnet-4-5": "3 15 0.3 3.75 200000",
        "claude-sonnet-4": "3 15 0.3 3.75 200000",
        "claude-haiku-5-5": "0.1 0.5 0.01 0.125 100000",
        "claude-haiku-4-5": "1 5 0.1 1.25",
        "claude-3-5-haiku": "0.8 4 0.08 1",
        "gpt-5.5": "5 30 0.5 - 270000",
        "gpt-5.4": "2.5 15 0.25 - 270000",
        "gpt-5.4-mini": "0.75 4.5 0.075 -",
        "gpt-5.4-nano": "0.2 1.25 0.02 -",
        "gpt-5.1": "1.25 10 0.125 -",
        "gpt-5.1-codex": "1.25 10 0.125 -",
        "gpt-5.1-codex-mini": "0.25 2 0.025 -",
        "gpt-5": "1.25 10 0.125 -",
        "gpt-5-codex": "1.25 10 0.125 -",
        "gpt-5-mini": "0.25 2 0.025 -",
        "gpt-5-nano": "0.05 0.4 0.005 -",
        "gpt-4.1": "2 8 0.5 -",
        "gpt-4.1-mini": "0.4 1.6 0.1 -",
        "gpt-4.1-nano": "0.1 0.4 0.025 -",
        "gpt-4o": "2.5 10 1.25 -",
        "gpt-4o-mini": "0.15 0.6 0.075 -",
        "o3": "2 8 0.5 -",
        "o4-mini": "1.1 4.4 0.275 -",
    }.items()
}
"""List prices by model, without the date that a snapshot's name carries."""


def read_prices(given: object) -> dict[str, Price]:
    """Return the table with `params.prices` laid over it; raises `RequestInvalid` naming the key."""
    if given is None:
        return dict(PRICES)
    if not isinstance(given, Mapping):
        raise RequestInvalid(
            "params.prices is no object", hint='e.g. {"my-model": {"input": 1, "output": 2}}'
        )
    return {**PRICES, **{name: _checked(name, price) for name, price in given.items()}}


def _checked(name: str, price: Any) -> Price:  # noqa: ANN401 - the user's JSON
    try:
        return Price.model_validate(price)
    except ValidationError as invalid:
        error = invalid.errors()[0]
        key = ".".join(["params.prices", name, *map(str, error["loc"])])
        raise RequestInvalid(f"{key}: {error['msg']}", hint="USD for a million tokens") from None


def price_of(model: str, prices: Mapping[str, Price]) -> Price | None:
    """Return a model's price: by its name, without its provider's prefix, then without its date."""
    bare = model.rsplit("/", 1)[-1]
    for name in (model, bare, _DATED.sub("", bare)):
        if name in prices:
            return prices[name]
    return None
