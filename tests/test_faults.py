import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web

from runner.errors import ModelFailed, ModelRejected, ReplayFailed
from runner.interceptor import exchange
from runner.interceptor.faults import fault_of_status, message_in
from runner.request import Limits
from tests.relaying import Relaying, relaying, replaying
from tests.upstreams import chunks, upstream

ASK: dict[str, Any] = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
NONE: Limits = Limits()


def ask(relay: Relaying) -> httpx2.Response:
    endpoint = relay.interceptor.endpoint("chat")
    headers = {"authorization": f"Bearer {endpoint.token}"}
    return httpx2.post(f"{endpoint.openai_base}/chat/completions", json=ASK, headers=headers, timeout=60)


def turn(kind: str = "status", times: int | str = 1, **fields: Any) -> dict[str, Any]:
    return {"text": "Hello", "fault": {"kind": kind, "times": times} | fields}


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BACKOFF_S", 0.02)


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retry_after": 0.1},
        {"status": 500},
        {"status": 503},
        {"status": 529},
        {"kind": "hang_before_headers"},
        {"kind": "hang_after_headers"},
        {"kind": "cut_before_headers"},
        {"kind": "html"},
        {"kind": "empty"},
    ],
    ids=lambda fault: str(fault.get("kind", fault.get("status"))),
)
def test_what_a_retry_can_help_the_agent_never_sees(tmp_path: Path, fault: dict[str, Any]) -> None:
    with replaying(tmp_path, [turn(**fault)], silence_s=0.3) as relay:
        assert ask(relay).text.endswith("data: [DONE]\n\n")
        (record,) = relay.records
        assert (record.outcome.attempts, record.outcome.error) == (2, None)
        assert relay.interceptor.failure() is None


@pytest.mark.parametrize(
    ("fault", "category"),
    [
        ({"status": 429}, "rate_limit"),
        ({"status": 503, "error": "down for maintenance"}, "upstream_error"),
        ({"kind": "hang_before_headers"}, "timeout"),
        ({"kind": "cut_before_headers"}, "connection"),
        ({"kind": "html"}, "upstream_error"),
        ({"kind": "empty"}, "stream_truncated"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_failure_that_stays_is_told_once_and_not_to_be_retried(
    tmp_path: Path, fault: dict[str, Any], category: str
) -> None:
    with replaying(tmp_path, [turn(times="always", **fault)], silence_s=0.1, upstream_attempts=3) as relay:
        reply = ask(relay)
        failure = relay.interceptor.failure()
        (record,) = relay.records
    assert reply.status_code == 400
    assert reply.headers["x-should-retry"] == "false"
    assert record.outcome.error == category
    assert isinstance(failure, ModelFailed)
    assert failure.retryable
    assert fault.get("error", "") in failure.message


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_what_the_provider_refuses_is_passed_on_at_once(tmp_path: Path, status: int) -> None:
    with replaying(tmp_path, [turn(status=status, error="no such key")]) as relay:
        reply = ask(relay)
        failure = relay.interceptor.failure()
        assert relay.records[0].outcome.attempts == 1
    assert reply.status_code == status
    assert reply.json()["error"]["message"] == "no such key"
    assert isinstance(failure, ModelRejected)
    assert "no such key" in failure.message


def test_a_refused_connection_is_named(tmp_path: Path) -> None:
    with relaying(tmp_path, "http://127.0.0.1:9/v1/chat/completions", upstream_attempts=2) as relay:
        assert ask(relay).status_code == 400
        failure = relay.interceptor.failure()
    assert "cannot reach http://127.0.0.1:9: Connection refused (after 2 attempts)" in str(failure)


def test_a_wait_beyond_the_deadline_is_not_begun(tmp_path: Path) -> None:
    for wait, limits in ((3600, Limits()), (30, Limits(timeout_s=5))):
        with replaying(tmp_path, [turn(status=429, retry_after=wait)], limits) as relay:
            assert ask(relay).status_code == 400
            assert relay.records[0].outcome.attempts == 1


def test_a_spent_quota_is_no_reason_to_wait(tmp_path: Path) -> None:
    with replaying(tmp_path, [turn(status=429, code="insufficient_quota", times="always")]) as relay:
        ask(relay)
        assert relay.records[0].outcome.attempts == 1
        assert isinstance(relay.interceptor.failure(), ModelRejected)


def test_a_full_context_is_the_runs_outcome_and_no_failure(tmp_path: Path) -> None:
    fault = turn(status=400, code="context_length_exceeded", error="maximum context length is 8 tokens")
    with replaying(tmp_path, [fault]) as relay:
        assert "context_length_exceeded" in ask(relay).text
        assert relay.records[0].outcome.error == "context_length"
        assert relay.interceptor.failure() is None


def test_a_provider_that_says_200_and_brings_no_answer_is_asked_again(tmp_path: Path) -> None:
    answer = {"id": "x", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    refusals: list[dict[str, Any]] = [{"error": {"message": "overloaded", "code": 502}}, {}, {"choices": []}]
    for number, bad in enumerate(refusals):
        answers = [bad, answer]
        with (
            upstream(lambda *_, left=answers: web.json_response(left.pop(0))) as up,
            relaying(tmp_path / str(number), f"{up.url}/v1/chat/completions") as relay,
        ):
            assert '"a"' in ask(relay).text
            assert relay.records[0].outcome.attempts == 2


FULL_ERROR = b'{"code":"context_length_exceeded","message":"Your input exceeds the context window"}'
FULL = (
    b'data: {"type":"response.created","response":{"id":"r","model":"m"}}\n\n',
    b'data: {"type":"response.failed","response":{"status":"failed","error":' + FULL_ERROR + b"}}\n\n",
)


def test_a_context_that_is_full_in_a_stream_is_told_in_the_providers_own_bytes(tmp_path: Path) -> None:
    with (
        upstream(lambda *_: chunks(FULL)) as up,
        relaying(tmp_path, f"{up.url}/v1/responses") as relay,
    ):
        endpoint = relay.interceptor.endpoint("responses")
        headers = {"authorization": f"Bearer {endpoint.token}"}
        body = {"model": "m", "stream": True, "input": "hi"}
        got = httpx2.post(f"{endpoint.openai_base}/responses", json=body, headers=headers)
        assert (got.status_code, got.content) == (200, b"".join(FULL))
        translated = ask(relay)
        assert (translated.status_code, translated.json()["error"]["code"]) == (
            400,
            "context_length_exceeded",
        )
        assert [r.outcome.error for r in relay.records] == ["context_length"] * 2
        assert [r.outcome.attempts for r in relay.records] == [1, 1]
        assert relay.interceptor.failure() is None


def test_a_pause_that_the_provider_asks_for_is_no_silence(tmp_path: Path) -> None:
    with replaying(tmp_path, [turn(status=429, retry_after=1)]) as relay, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(ask, relay)
        while not relay.model or not relay.model.requests:
            time.sleep(0.02)
        time.sleep(0.3)
        assert relay.interceptor.last_call() > time.monotonic()
        assert asked.result().status_code == 200


def test_the_last_call_decides_whether_the_model_failed(tmp_path: Path) -> None:
    with replaying(tmp_path, [turn(status=400, error="no"), {"text": "Hello"}]) as relay:
        ask(relay)
        assert relay.interceptor.failure() is not None
        ask(relay)
        assert relay.interceptor.failure() is None


def test_an_agent_whose_provider_failed_for_good_is_ended(tmp_path: Path) -> None:
    with replaying(tmp_path, [turn(status=500, times="always")], upstream_attempts=1) as relay:
        stops = [(ask(relay).status_code, relay.interceptor.stop()) for _ in range(3)]
    assert stops == [(400, None), (400, None), (400, "crashed")]


def test_a_script_that_ended_is_the_replays_failure(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text('[{"text": "Hello"}]')
    with relaying(tmp_path, f"replay:{script}") as relay:
        ask(relay)
        ask(relay)
        failure = relay.interceptor.failure()
    assert isinstance(failure, ReplayFailed)
    assert "no turn 2" in failure.message


def test_a_stream_cut_in_the_middle_is_finished_in_each_dialect(tmp_path: Path) -> None:
    ends = {
        "chat": ('"error"', "data: [DONE]\n\n"),
        "responses": ('"type":"response.failed"', '"code":"server_error"'),
        "messages": ('"stop_reason":"max_tokens"', "event: message_stop"),
    }
    paths = {"chat": "/chat/completions", "responses": "/responses", "messages": "/messages"}
    for dialect, expected in ends.items():
        with replaying(tmp_path, [turn("hang_mid_stream")], silence_s=0.2) as relay:
            endpoint = relay.interceptor.endpoint("chat")
            body = ASK | {"input": "hi", "max_tokens": 9}
            headers = {"authorization": f"Bearer {endpoint.token}"}
            got = httpx2.post(endpoint.openai_base + paths[dialect], json=body, headers=headers).text
            assert relay.records[0].outcome.error == "timeout"
        assert all(part in got for part in expected), got


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "a"}}', "a"),
        (b'{"error": "b"}', "b"),
        (b'{"detail": "c"}', "c"),
        (b"<html><body>Bad\n Gateway</body></html>", "Bad Gateway"),
        (b"", "an empty reply"),
    ],
)
def test_the_providers_own_words_are_found(body: bytes, said: str) -> None:
    assert message_in(body.decode()) == said


def test_retry_after_may_be_seconds_or_a_date() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    assert fault_of_status(429, b"", soon).retry_after == pytest.approx(60, abs=2)
    assert fault_of_status(429, b"", "Wed, 21 Oct 2015 07:28:00 GMT").retry_after == 0.0
    assert fault_of_status(429, b"", "soon").retry_after is None
    assert fault_of_status(429, b"", "7").retry_after == 7.0
