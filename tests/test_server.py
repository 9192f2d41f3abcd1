"""The server as its clients see it: the real SDKs, and plain HTTP where no SDK would go."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from aiohttp import web

from agents.base import Dialect
from runner.interceptor.records import CALLS, is_complete
from tests.relaying import ID, KEY, Relaying, relaying, replaying
from tests.upstreams import chunks, upstream

DIALECTS: list[Dialect] = ["chat", "messages", "responses"]
PARAMETERS = {"type": "object", "properties": {"a": {"type": "string"}}}
TURN = {
    "text": "Hello there",
    "reasoning": "Let me think.",
    "tool_calls": [{"name": "f", "arguments": {"a": 'x}{"y'}}, {"name": "g", "arguments": {}}],
    "usage": {"input_tokens": 100, "output_tokens": 20, "cached_tokens": 30},
}
ARGUMENTS = [{"a": 'x}{"y'}, {}]


def openai_client(relay: Relaying) -> openai.OpenAI:
    endpoint = relay.interceptor.endpoint("chat")
    return openai.OpenAI(base_url=endpoint.openai_base, api_key=endpoint.token, max_retries=0)


def anthropic_client(relay: Relaying) -> anthropic.Anthropic:
    endpoint = relay.interceptor.endpoint("messages")
    return anthropic.Anthropic(base_url=endpoint.anthropic_base, api_key=endpoint.token, max_retries=0)


def ask_chat(relay: Relaying, *, stream: bool) -> dict[str, Any]:
    tools: Any = [{"type": "function", "function": {"name": n, "parameters": PARAMETERS}} for n in "fg"]
    messages: Any = [{"role": "user", "content": "hi"}]
    with openai_client(relay) as client:
        if not stream:
            reply = client.chat.completions.create(model="m", messages=messages, tools=tools)
        else:
            options: Any = {"include_usage": True}
            with client.chat.completions.stream(
                model="m", messages=messages, tools=tools, stream_options=options
            ) as events:
                reply = events.until_done().get_final_completion()
    message = reply.choices[0].message
    calls: Any = message.tool_calls or []
    return {
        "text": message.content,
        "reasoning": (message.model_extra or {}).get("reasoning_content"),
        "calls": [(call.function.name, json.loads(call.function.arguments)) for call in calls],
        "finish": reply.choices[0].finish_reason,
        "usage": reply.usage and (reply.usage.prompt_tokens, reply.usage.completion_tokens),
    }


def ask_responses(relay: Relaying, *, stream: bool) -> dict[str, Any]:
    tools: Any = [{"type": "function", "name": n, "parameters": PARAMETERS, "strict": False} for n in "fg"]
    with openai_client(relay) as client:
        if not stream:
            reply: Any = client.responses.create(model="m", input="hi", tools=tools)
        else:
            with client.responses.stream(model="m", input="hi", tools=tools) as events:
                reply = events.until_done().get_final_response()
    items = reply.output
    calls = [item for item in items if item.type == "function_call"]
    return {
        "text": reply.output_text,
        "reasoning": "".join(p.text for item in items if item.type == "reasoning" for p in item.summary),
        "calls": [(call.name, json.loads(call.arguments)) for call in calls],
        "finish": {"completed": "tool_calls"}.get(reply.status),
        "usage": (reply.usage.input_tokens, reply.usage.output_tokens),
    }


def ask_messages(relay: Relaying, *, stream: bool) -> dict[str, Any]:
    tools: Any = [{"name": name, "input_schema": PARAMETERS} for name in "fg"]
    given: Any = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
    with anthropic_client(relay) as client:
        if not stream:
            reply: Any = client.messages.create(**given, tools=tools)
        else:
            with client.messages.stream(**given, tools=tools) as events:
                reply = events.get_final_message()
    blocks = reply.content
    usage = reply.usage
    return {
        "text": "".join(block.text for block in blocks if block.type == "text"),
        "reasoning": "".join(block.thinking for block in blocks if block.type == "thinking"),
        "calls": [(block.name, block.input) for block in blocks if block.type == "tool_use"],
        "finish": {"tool_use": "tool_calls"}.get(reply.stop_reason),
        "usage": (usage.input_tokens + (usage.cache_read_input_tokens or 0), usage.output_tokens),
    }


ASK = {"chat": ask_chat, "responses": ask_responses, "messages": ask_messages}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("behind", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
def test_every_sdk_gets_the_same_reply_from_every_upstream(
    tmp_path: Path,
    client: Dialect,
    behind: Dialect,
    stream: bool,  # noqa: FBT001
) -> None:
    with replaying(tmp_path, [TURN], upstream_dialect=behind) as relay:
        found = ASK[client](relay, stream=stream)
        assert found == {
            "text": "Hello there",
            "reasoning": "Let me think.",
            "calls": list(zip("fg", ARGUMENTS, strict=True)),
            "finish": "tool_calls",
            "usage": (100, 20),
        }
        (record,) = relay.records
        assert (record.request.dialect, record.request.upstream_dialect) == (client, behind)
        assert record.response is not None
        assert (record.response.text, record.response.reasoning) == ("Hello there", "Let me think.")
        assert [json.loads(call.arguments) for call in record.response.tool_calls] == ARGUMENTS
        assert (record.usage.input_tokens, record.usage.cache_read_tokens) == (100, 30)
        assert (record.outcome.error, record.outcome.status) == (None, 200)


def test_the_upstream_gets_the_real_key_and_the_agent_none(tmp_path: Path) -> None:
    body = {"id": "x", "model": "m", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    with upstream(lambda *_: web.json_response(body)) as up:
        url = f"{up.url}/api/interceptor/v1/trial/chat/completions?cid={ID}"
        with relaying(tmp_path, url, upstream_headers={"x-team": "blue"}) as relay:
            ask_chat(relay, stream=False)
            endpoint = relay.interceptor.endpoint("chat")
        assert up.requests[0].path_qs == f"/api/interceptor/v1/trial/chat/completions?cid={ID}"
        assert (up.headers["authorization"], up.headers["x-team"]) == (f"Bearer {KEY}", "blue")
        assert endpoint.token not in str(up.headers)
        assert KEY not in str(endpoint)
        assert KEY not in (tmp_path / CALLS).read_text()
        assert ID in endpoint.openai_base


@contextmanager
def plain(relay: Relaying, **headers: str) -> Iterator[httpx2.Client]:
    endpoint = relay.interceptor.endpoint("chat")
    given = {"authorization": f"Bearer {endpoint.token}"} | headers
    with httpx2.Client(base_url=endpoint.openai_base, headers=given) as client:
        yield client


CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_another_process_without_the_token_is_refused(tmp_path: Path) -> None:
    with replaying(tmp_path, [TURN]) as relay, plain(relay, authorization="Bearer guess") as client:
        assert client.post("/chat/completions", json=CHAT).status_code == 401
        assert client.get("/models").status_code == 401
        assert relay.records == []
        assert relay.model is not None
        assert relay.model.remaining == 1


def test_probes_are_answered_and_a_websocket_is_refused_cleanly(tmp_path: Path) -> None:
    with replaying(tmp_path, [TURN]) as relay, plain(relay) as client:
        assert client.head("/").status_code == 200
        assert client.get("/api/hello").status_code == 200
        upgrade = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-key": "x"}
        assert client.get("/responses", headers=upgrade).status_code == 426
        assert client.get("/models").json()["data"][0]["id"] == "replay"
        assert client.post("/embeddings", json={}).status_code == 404
        assert client.post("/chat/completions", content=b"no json").status_code == 400


def test_a_count_of_tokens_is_recorded_and_is_no_turn(tmp_path: Path) -> None:
    message: Any = {"model": "m", "messages": [{"role": "user", "content": "x" * 400}]}
    for dialect, attempts in (("messages", 1), ("chat", 0)):
        with (
            replaying(tmp_path / dialect, [TURN], upstream_dialect=dialect) as relay,
            anthropic_client(relay) as client,
        ):
            assert 100 <= client.messages.count_tokens(**message).input_tokens <= 200
            client.messages.create(**message, max_tokens=9)
            counted, main = relay.records
            assert (counted.kind, counted.outcome.attempts) == ("count_tokens", attempts)
            assert (main.kind, main.parent) == ("main", None)
            assert relay.interceptor.totals().calls == 1
            relay.interceptor.seal()
            assert is_complete(tmp_path / dialect / CALLS)


def test_half_an_emoji_in_a_request_is_mended(tmp_path: Path) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "cut \ud83d"}]})
    with replaying(tmp_path, [TURN]) as relay, plain(relay) as client:
        assert client.post("/chat/completions", content=body.encode()).status_code == 200
        assert relay.records[0].request.body["messages"][0]["content"] == "cut ?"


def test_counts_that_are_none_are_unknown_and_the_call_is_recorded(tmp_path: Path) -> None:
    usage = {"prompt_tokens": "12", "completion_tokens": 1.5}
    answer = {"id": "x", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}], "usage": usage}
    with (
        upstream(lambda *_: web.json_response(answer)) as up,
        relaying(tmp_path, f"{up.url}/v1/chat/completions") as relay,
        plain(relay) as client,
    ):
        assert client.post("/chat/completions", json=CHAT).json() == answer
        assert relay.records[0].usage.input_tokens is None
        assert relay.interceptor.totals().uncounted == 1
        assert "1 model replies came without token counts" in relay.interceptor.warnings[0]


def test_a_call_that_cannot_be_translated_is_the_failure_that_is_named(tmp_path: Path) -> None:
    with replaying(tmp_path, [TURN], upstream_dialect="chat") as relay, plain(relay) as client:
        refused = client.post("/responses/compact", json={"model": "m", "input": "hi"})
        assert refused.status_code == 400
        assert "/responses/compact exists in Responses alone" in str(relay.interceptor.failure())
        assert relay.records[0].outcome.error == "client_error"


def test_a_sealed_interceptor_refuses_and_records_nothing_more(tmp_path: Path) -> None:
    with replaying(tmp_path, [TURN, TURN]) as relay, plain(relay) as client:
        ask_chat(relay, stream=True)
        relay.interceptor.seal()
        assert is_complete(tmp_path / CALLS)
        assert client.post("/chat/completions", json=CHAT).status_code == 409
        assert len(relay.records) == 1
        assert relay.interceptor.totals().calls == 1


def test_the_runners_own_calls_go_on_after_the_seal_and_are_kept_apart(tmp_path: Path) -> None:
    with replaying(tmp_path, [{"text": "1"}, {"text": "2"}]) as relay:
        relay.interceptor.seal()
        client = openai.OpenAI(base_url=relay.interceptor.upstream(), api_key=relay.interceptor.key)
        with client:
            messages: Any = CHAT["messages"]
            reply = client.chat.completions.create(model="m", messages=messages)
        assert reply.choices[0].message.content == "1"
        assert relay.records == []
    kinds = [json.loads(line).get("kind") for line in (tmp_path / "judge.jsonl").read_text().splitlines()]
    assert kinds == ["judge", None]


def test_fifty_streams_at_once_are_all_whole(tmp_path: Path) -> None:
    turns = [{"text": "word " * 100, "chunks": 50, "chunk_delay_s": 0.005}] * 50
    with replaying(tmp_path, turns) as relay, openai_client(relay) as client:

        def ask(_: int) -> str:
            messages: Any = CHAT["messages"]
            stream = client.chat.completions.create(model="m", messages=messages, stream=True)
            return "".join(event.choices[0].delta.content or "" for event in stream if event.choices)

        with ThreadPoolExecutor(50) as pool:
            assert set(pool.map(ask, range(50))) == {"word " * 100}
        relay.interceptor.seal()
        assert {record.outcome.error for record in relay.records} == {None}
        assert relay.interceptor.totals().calls == 50
        assert is_complete(tmp_path / CALLS)


def test_usage_is_asked_for_in_the_clients_stead_and_kept_from_it(tmp_path: Path) -> None:
    turn = {"text": "a", "usage": {"input_tokens": 100}}
    with replaying(tmp_path, [turn]) as relay, openai_client(relay) as client:
        messages: Any = CHAT["messages"]
        events = list(client.chat.completions.create(model="m", messages=messages, stream=True))
        assert all(event.choices and event.usage is None for event in events)
        assert relay.records[0].usage.input_tokens == 100


def test_token_ids_are_asked_for_kept_and_hidden(tmp_path: Path) -> None:
    lines = [
        b'{"id":"x","prompt_token_ids":[1,2],"choices":[{"index":0,"delta":{"content":"a"},"token_ids":[3],"logprobs":{"content":[{"token":"a","logprob":-0.5}]}}]}',
        b'{"id":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}',
        b"[DONE]",
    ]
    sent = [b"data: " + line + b"\n\n" for line in lines]
    with upstream(lambda *_: chunks(sent)) as up:
        url = f"{up.url}/v1/chat/completions"
        with relaying(tmp_path, url, capture="tokens") as relay, plain(relay) as client:
            got = client.post("/chat/completions", json=CHAT | {"stream": True}).text
            tokens = relay.records[0].tokens
        asked = json.loads(up.bodies[0])
    assert (asked["return_token_ids"], asked["logprobs"]) == (True, True)
    assert "token_ids" not in got
    assert "logprob" not in got
    assert tokens is not None
    assert (tokens.prompt_token_ids, tokens.completion_token_ids, tokens.logprobs) == ((1, 2), (3,), (-0.5,))


def test_tools_of_the_provider_do_not_reach_it(tmp_path: Path) -> None:
    tools: Any = [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": PARAMETERS}]
    for allowed in ([], ["web_search"]):
        folder = tmp_path / f"allowed_{len(allowed)}"
        with (
            replaying(folder, [{"text": "a"}], allow_provider_tools=allowed) as relay,
            openai_client(relay) as client,
        ):
            client.responses.create(model="m", input="hi", tools=tools)
            assert relay.model is not None
            offered = [tool["type"] for tool in relay.model.requests[0].body["tools"]]
            assert offered == (["web_search", "function"] if allowed else ["function"])
            assert relay.records[0].request.stripped_tools == (() if allowed else ("web_search",))


def test_a_dialect_that_nothing_names_is_found_by_asking(tmp_path: Path) -> None:
    body = {"id": "x", "model": "m", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}

    def only_chat(request: web.Request, raw: bytes) -> web.Response:
        if not request.path.endswith("/chat/completions"):
            return web.json_response({"detail": "Not Found"}, status=404)
        return web.json_response(body) if raw != b"{}" else web.json_response({"detail": "empty"}, status=422)

    with upstream(only_chat) as up, relaying(tmp_path, f"{up.url}/v1") as relay:
        assert ask_responses(relay, stream=False)["text"] == "a"
        assert ask_messages(relay, stream=True)["text"] == "a"
        assert {record.request.upstream_dialect for record in relay.records} == {"chat"}


def test_an_upstream_that_is_down_when_asked_what_it_speaks_is_asked_again(tmp_path: Path) -> None:
    body = {"id": "x", "model": "m", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}
    down = [True]

    def only_chat(request: web.Request, _: bytes) -> web.Response:
        if down:
            return web.json_response({}, status=503)
        found = request.path.endswith("/chat/completions")
        return web.json_response(body if found else {}, status=200 if found else 404)

    with upstream(only_chat) as up, relaying(tmp_path, f"{up.url}/v1", upstream_attempts=1) as relay:
        with plain(relay) as client:
            assert client.post("/responses", json={"model": "m", "input": "hi"}).status_code == 400
        down.clear()
        assert ask_responses(relay, stream=False)["text"] == "a"


def test_a_clients_own_query_goes_on_beside_the_urls(tmp_path: Path) -> None:
    with replaying(tmp_path, [{"text": "a"}]) as relay:
        endpoint = relay.interceptor.endpoint("messages")
        ask: Any = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"x-api-key": endpoint.token}
        url = f"{endpoint.anthropic_base}/v1/messages?beta=true"
        assert httpx2.post(url, json=ask, headers=headers).status_code == 200
        assert relay.model is not None
        assert relay.model.requests[0].path == "/v1/messages?beta=true"


def test_a_redirect_is_an_error_that_names_itself(tmp_path: Path) -> None:
    def away(*_: object) -> web.Response:
        return web.Response(status=302, headers={"location": "https://elsewhere.invalid/"})

    with upstream(away) as up, relaying(tmp_path, f"{up.url}/v1/chat/completions") as relay:
        with plain(relay) as client:
            assert client.post("/chat/completions", json=CHAT).status_code == 400
        assert "status 302" in str(relay.interceptor.failure())
