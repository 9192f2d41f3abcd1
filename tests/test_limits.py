from pathlib import Path
from typing import Any

import httpx2
import pytest

from runner.errors import RequestInvalid
from runner.interceptor.limits import Meter
from runner.interceptor.prices import PRICES, Price, price_of, read_prices
from runner.interceptor.reply import Counts
from runner.request import Limits
from tests.relaying import Relaying, replaying

TURN = {"text": "Hello", "usage": {"input_tokens": 100, "output_tokens": 10}}
PRICED = {"some-model": {"input": 10.0, "output": 100.0}}


def ask(relay: Relaying) -> httpx2.Response:
    endpoint = relay.interceptor.endpoint("messages")
    body: Any = {"model": "some-model", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    return httpx2.post(
        f"{endpoint.anthropic_base}/v1/messages", json=body, headers={"x-api-key": endpoint.token}
    )


@pytest.mark.parametrize(
    ("limits", "calls"),
    [
        ({"max_requests": 2}, 2),
        ({"max_input_tokens": 150}, 2),
        ({"max_output_tokens": 10}, 1),
        ({"max_total_tokens": 111}, 2),
        ({"max_cost_usd": 0.003}, 2),
        ({"max_requests": 0}, 0),
    ],
    ids=str,
)
def test_a_limit_refuses_the_next_call_and_ends_the_run_as_budget(
    tmp_path: Path, limits: dict[str, Any], calls: int
) -> None:
    with replaying(tmp_path, [TURN] * 3, Limits(**limits), prices=PRICED) as relay:
        for _ in range(calls):
            assert ask(relay).status_code == 200
            assert relay.interceptor.stop() is None
        refused = ask(relay)
        assert refused.status_code == 400
        (name,) = limits
        assert f"limits.{name} is spent" in refused.json()["error"]["message"]
        assert relay.interceptor.stop() == "budget"
        assert relay.records[-1].outcome.error == "refused_by_limit"
        assert relay.interceptor.totals().calls == calls
        assert relay.interceptor.failure() is None


def test_totals_add_up_and_cost_what_the_table_says(tmp_path: Path) -> None:
    with replaying(tmp_path, [TURN] * 2, prices=PRICED) as relay:
        ask(relay)
        ask(relay)
        totals = relay.interceptor.totals()
        assert (totals.calls, totals.input_tokens, totals.output_tokens) == (2, 200, 20)
        assert totals.cost_usd == pytest.approx(0.004)
        assert relay.records[0].usage.cost_usd == pytest.approx(0.002)


def test_one_unknown_price_makes_the_whole_unknown_for_good() -> None:
    meter = Meter(Limits(), {"a": Price(input=1, output=1)})
    counts = Counts(input_tokens=10, output_tokens=10)
    assert meter.count(counts, "a", answered=True) == pytest.approx(2e-5)
    assert meter.count(counts, "b", answered=True) is None
    meter.count(counts, "a", answered=True)
    assert meter.totals.cost_usd is None
    assert meter.totals.input_tokens == 30


def test_a_reply_without_usage_is_counted_as_uncounted() -> None:
    meter = Meter(Limits(), {"a": Price(input=1, output=1)})
    meter.count(Counts(10, 10), "a", answered=True)
    meter.count(Counts(), "a", answered=True)
    meter.count(Counts(), "a", answered=False)
    assert (meter.totals.calls, meter.totals.uncounted, meter.totals.input_tokens) == (3, 1, 10)


def test_an_answer_whose_tokens_are_unknown_makes_the_cost_unknown_and_the_limit_holds_all_the_same() -> None:
    meter = Meter(Limits(max_cost_usd=1), {"a": Price(input=1, output=1)})
    meter.count(Counts(), "a", answered=True)
    assert (meter.totals.cost_usd, meter.refusal()) == (None, None)
    meter.count(Counts(1_000_000, 0), "a", answered=True)
    meter.count(Counts(10, 10), "unpriced", answered=True)
    assert meter.totals.cost_usd is None
    assert meter.refusal() == "limits.max_cost_usd is spent: 1 of 1"


def test_a_cost_limit_that_cannot_be_held_is_refused_at_once(tmp_path: Path) -> None:
    with (
        pytest.raises(RequestInvalid, match=r"max_cost_usd cannot be held: the price of 'some-model'"),
        replaying(tmp_path, [TURN], Limits(max_cost_usd=1)),
    ):
        pass


def test_cached_tokens_have_their_own_price() -> None:
    price = Price(input=10, output=0, cache_read=1, cache_write=20)
    counts = Counts(input_tokens=100, output_tokens=5, cache_read_tokens=50, cache_write_tokens=10)
    assert price.cost(counts) == pytest.approx((40 * 10 + 50 * 1 + 10 * 20) / 1e6)
    assert price.cost(Counts(output_tokens=5)) is None


def test_a_prompt_too_long_for_the_listed_price_has_none() -> None:
    price = PRICES["gpt-5.5"]
    assert price.cost(Counts(270_000, 0)) == pytest.approx(1.35)
    assert price.cost(Counts(270_001, 0)) is None


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("gpt-4.1-mini", "gpt-4.1-mini"),
        ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini"),
        ("openai/gpt-4.1-mini", "gpt-4.1-mini"),
        ("claude-sonnet-4-20250514", "claude-sonnet-4"),
        ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5"),
    ],
)
def test_a_models_price_is_found_under_its_dated_and_prefixed_names(model: str, known: str) -> None:
    assert price_of(model, PRICES) == PRICES[known]


@pytest.mark.parametrize("model", ["", "my-model", "gpt-4.1-mini-finetuned", "claude-sonnet"])
def test_no_price_is_invented(model: str) -> None:
    assert price_of(model, PRICES) is None


@pytest.mark.parametrize(
    ("given", "key"),
    [([], "params.prices"), ({"m": {"input": "x"}}, "params.prices.m.input"), ({"m": 3}, "params.prices.m")],
)
def test_a_price_that_is_none_is_named(given: object, key: str) -> None:
    with pytest.raises(RequestInvalid, match=key):
        read_prices(given)


def test_prices_of_the_request_go_before_the_table() -> None:
    prices = read_prices({"gpt-4.1": {"input": 7, "output": 8}})
    assert prices["gpt-4.1"].input == 7
    assert prices["o3"] == PRICES["o3"]
