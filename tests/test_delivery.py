"""What each fault of the replay model looks like to a client."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import anthropic
import httpx2
import openai
import pytest

from runner.interceptor.replay import Fault, ReplayModel, Script, Turn, replay

PATHS = {"responses": "/v1/responses", "chat": "/v1/chat/completions", "messages": "/v1/messages"}
FINAL = {"responses": "response.completed", "chat": "[DONE]", "messages": "message_stop"}
SOON = httpx2.Timeout(0.25)
HTTP = httpx2.Client(verify=False)


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> str:
    return PATHS[request.param]


@pytest.fixture(params=[True, False], ids=["stream", "whole"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def play(fault: Mapping[str, Any] | str) -> Any:
    return replay(Script.of([{"text": "word " * 40, "fault": fault}]))


def ask(
    model: ReplayModel, path: str, *, stream: bool, timeout: httpx2.Timeout | None = None
) -> httpx2.Response:
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}], "input": "x"}
    return HTTP.post(model.base_url + path, json=body, timeout=timeout or 20)


def arrived(model: ReplayModel, path: str, *, stream: bool) -> tuple[bytes, Exception | None]:
    """Return what came of the body before it broke off, and how it did."""
    body = {"model": "m", "stream": stream, "messages": [{"role": "user", "content": "x"}], "input": "x"}
    HTTP.head(model.base_url)  # loads the server: from here on, silence is the fault's
    got = b""
    try:
        with HTTP.stream("POST", model.base_url + path, json=body, timeout=SOON) as response:
            assert response.status_code == 200
            for chunk in response.iter_raw():
                got += chunk
    except httpx2.HTTPError as error:
        return got, error
    return got, None


def whole(model: ReplayModel, path: str, *, stream: bool) -> bool:
    """Whether the next request gets all of the turn."""
    text = ask(model, path, stream=stream).text
    name = next(name for name in PATHS if PATHS[name] == path)
    return FINAL[name] in text if stream else bool(json.loads(text))


def test_a_status_is_an_error_of_the_clients_dialect_with_retry_after(path: str, stream: bool) -> None:  # noqa: FBT001
    with play({"status": 429, "error": "slow down", "retry_after": 7}) as model:
        answer = ask(model, path, stream=stream)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "7"
        assert answer.json()["error"]["message"] == "slow down"
        assert whole(model, path, stream=stream)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, "AuthenticationError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (529, "InternalServerError"),
    ],
)
def test_the_official_clients_raise_their_own_error_with_the_message(status: int, kind: str) -> None:
    ask: Any = {"model": "m", "messages": [{"role": "user", "content": "x"}]}
    with (
        play({"status": status, "error": "the provider's own words", "times": 2}) as model,
        openai.OpenAI(base_url=model.base_url, api_key="dummy", max_retries=0) as gpt,
        anthropic.Anthropic(base_url=model.base_url, api_key="dummy", max_retries=0) as claude,
    ):
        with pytest.raises(getattr(openai, kind), match="own words"):
            gpt.chat.completions.create(**ask)
        kind = "OverloadedError" if status == 529 and hasattr(anthropic, "OverloadedError") else kind
        with pytest.raises(getattr(anthropic, kind), match="own words"):
            claude.messages.create(max_tokens=9, **ask)


def test_a_status_may_have_any_body(path: str) -> None:
    with play({"status": 503, "body": "<h1>upstream is down</h1>"}) as model:
        assert ask(model, path, stream=True).text == "<h1>upstream is down</h1>"


def test_html_and_empty_are_answers_of_200_that_no_client_can_read(path: str, stream: bool) -> None:  # noqa: FBT001
    with play("html") as model:
        answer = ask(model, path, stream=stream)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert whole(model, path, stream=stream)
    with play("empty") as model:
        answer = ask(model, path, stream=stream)
        assert (answer.status_code, answer.content) == (200, b"")
        assert whole(model, path, stream=stream)


def test_a_hang_before_the_headers_gives_no_byte_and_ends_with_its_client(path: str, stream: bool) -> None:  # noqa: FBT001
    with play("hang_before_headers") as model:
        with pytest.raises(httpx2.ReadTimeout):
            ask(model, path, stream=stream, timeout=SOON)
        assert whole(model, path, stream=stream)


def test_a_hang_after_the_headers_gives_headers_alone(path: str, stream: bool) -> None:  # noqa: FBT001
    with play("hang_after_headers") as model:
        got, error = arrived(model, path, stream=stream)
        assert got == b""
        assert isinstance(error, httpx2.ReadTimeout)
        assert whole(model, path, stream=stream)


@pytest.mark.parametrize("kind", ["hang_mid_stream", "cut"])
@pytest.mark.parametrize("after", ["first", "half", "content"])
def test_a_hang_or_a_cut_in_the_middle_gives_a_part(kind: str, after: str, path: str, stream: bool) -> None:  # noqa: FBT001
    with play({"kind": kind, "after": after}) as model:
        got, error = arrived(model, path, stream=stream)
        assert got
        assert isinstance(error, httpx2.ReadTimeout if kind == "hang_mid_stream" else httpx2.ReadError)
        assert not any(final.encode() in got for final in FINAL.values())
        assert whole(model, path, stream=stream)


def test_a_cut_before_the_headers_is_a_reset(path: str) -> None:
    with play("cut_before_headers") as model:
        with pytest.raises(httpx2.ReadError):
            ask(model, path, stream=True)
        assert whole(model, path, stream=True)


def test_a_truncated_stream_ends_cleanly_without_its_final_event(path: str) -> None:
    with play("truncate") as model:
        got, error = arrived(model, path, stream=True)
        assert error is None
        assert got.count(b"word") >= 40
        assert not any(final.encode() in got for final in FINAL.values())
        assert whole(model, path, stream=True)


def test_a_truncated_body_is_shorter_than_it_said(path: str) -> None:
    with play("truncate") as model:
        got, error = arrived(model, path, stream=False)
        assert got
        assert isinstance(error, httpx2.RemoteProtocolError)


def test_bad_json_is_one_torn_event_in_a_whole_stream(path: str) -> None:
    with play("bad_json") as model:
        got, error = arrived(model, path, stream=True)
    torn = [data for data in _data(got) if data != "[DONE]" and not _is_json(data)]
    assert error is None
    assert len(torn) == 1
    assert any(final.encode() in got for final in FINAL.values())


def test_a_body_of_bad_json_is_none(path: str) -> None:
    with play("bad_json") as model:
        assert not _is_json(arrived(model, path, stream=False)[0].decode())


def test_delays_are_kept(path: str) -> None:
    turn = Turn(text="ab", chunks=2, delay_s=0.2, chunk_delay_s=0.05)
    with replay(Script((turn,))) as model:
        began = time.monotonic()
        ask(model, path, stream=True)
        assert time.monotonic() - began > 0.2 + 3 * 0.05


def test_a_client_that_goes_away_before_the_end_leaves_the_turn(path: str) -> None:
    with replay(Script((Turn(text="x", delay_s=0.4), Turn(text="y")))) as model:
        with pytest.raises(httpx2.ReadTimeout):
            ask(model, path, stream=True, timeout=SOON)
        time.sleep(0.2)
        assert model.remaining == 2
        assert '"x"' in ask(model, path, stream=True).text
        assert model.remaining == 1


def test_closing_does_not_wait_for_a_hang() -> None:
    with play(Fault(kind="hang_after_headers").model_dump()) as model:
        asked = httpx2.Client(timeout=SOON)
        with (
            pytest.raises(httpx2.ReadTimeout),
            asked.stream(
                "POST", f"{model.base_url}/responses", json={"stream": True, "input": "x"}
            ) as response,
        ):
            next(response.iter_raw())
        began = time.monotonic()
    asked.close()
    assert time.monotonic() - began < 4


def _data(raw: bytes) -> Iterator[str]:
    for line in raw.decode().splitlines():
        if line.startswith("data: "):
            yield line.removeprefix("data: ")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
