"""What the official clients get from the replay model, in every dialect, streamed and not."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from runner.interceptor.replay import Call, Script, Turn, replay

ASK: list[Any] = [{"role": "user", "content": "hello"}]
SHELL: dict[str, Any] = {"type": "object", "properties": {"command": {"type": "string"}}}
NAMES = ("exec", "read", "bash")
OPENAI = openai.OpenAI(base_url="http://invalid.invalid", api_key="dummy", max_retries=0, timeout=20)
ANTHROPIC = anthropic.Anthropic(api_key="dummy", max_retries=0, timeout=20)


@dataclass
class Got:
    """An answer as a client understood it, free of dialect."""

    text: str
    reasoning: str
    calls: list[tuple[str, Any]]
    input_tokens: int
    output_tokens: int
    finish: str | None


def responses(base: str) -> Got:
    return _response(_openai(base).responses.create(model="m", input="hello", tools=_response_tools()))


def responses_streamed(base: str) -> Got:
    create: Any = _openai(base).responses.create
    events = list(create(model="m", input="hello", tools=_response_tools(), stream=True))
    for number, event in enumerate(events):
        _strictly(ResponseStreamEvent, event)
        assert event.sequence_number == number
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    got = _response(events[-1].response)
    assert "".join(deltas) in {got.text, ""}
    return got


def chat(base: str) -> Got:
    return _chat(_openai(base).chat.completions.create(model="m", messages=ASK, tools=_chat_tools()))


def chat_streamed(base: str) -> Got:
    usage = {"include_usage": True}
    create: Any = _openai(base).chat.completions.create
    chunks: list[ChatCompletionChunk] = list(
        create(model="m", messages=ASK, tools=_chat_tools(), stream=True, stream_options=usage)
    )
    for chunk in chunks:
        _strictly(ChatCompletionChunk, chunk)
    return _chat_chunks(chunks)


def messages(base: str) -> Got:
    create = _anthropic(base).messages.create
    return _message(create(model="m", max_tokens=9, messages=ASK, tools=_message_tools()))


def messages_streamed(base: str) -> Got:
    stream = _anthropic(base).messages.stream
    with stream(model="m", max_tokens=9, messages=ASK, tools=_message_tools()) as events:
        for event in events:
            if event.type in {"message_start", "content_block_start", "content_block_delta", "message_delta"}:
                _strictly(RawMessageStreamEvent, event)
        return _message(events.get_final_message())


CLIENTS: dict[str, Callable[[str], Got]] = {
    client.__name__: client
    for client in (responses, responses_streamed, chat, chat_streamed, messages, messages_streamed)
}


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Callable[[str], Got]:
    return CLIENTS[request.param]


def play(*turns: Turn) -> Any:
    return replay(Script(turns))


TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
CALL = st.builds(Call, name=st.sampled_from(NAMES), arguments=st.dictionaries(TEXT, JSON, max_size=3))
TURN = st.builds(
    Turn, text=TEXT, reasoning=TEXT, tool_calls=st.lists(CALL, max_size=3), chunks=st.integers(1, 40)
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(turns=[Turn(text="a\r\n\u2028b\x85c\0d", chunks=40)])
@example(turns=[Turn()])
@given(turns=st.lists(TURN, min_size=1, max_size=4))
def test_what_the_script_says_is_what_the_client_gets(
    turns: list[Turn], client: Callable[[str], Got]
) -> None:
    with play(*turns) as model:
        for turn in turns:
            got = client(model.base_url)
            assert got.text == turn.text
            assert got.reasoning == turn.reasoning
            assert got.calls == [(call.name, call.arguments) for call in turn.tool_calls]
        assert model.remaining == 0
        assert model.failure() is None


def test_a_megabyte_of_text_arrives_whole(client: Callable[[str], Got]) -> None:
    text = "naïve 🦀 " * 131_072
    with play(Turn(text=text, chunks=300)) as model:
        assert client(model.base_url).text == text


def test_usage_counts_cached_input_and_reasoning_once(client: Callable[[str], Got]) -> None:
    usage = {"input_tokens": 1000, "cached_tokens": 300, "cache_write_tokens": 200, "output_tokens": 70}
    with play(Turn.model_validate({"text": "hi", "usage": {**usage, "reasoning_tokens": 20}})) as model:
        got = client(model.base_url)
    assert (got.input_tokens, got.output_tokens) == (1000, 70)


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ("stop", {"completed", "stop", "end_turn"}),
        ("length", {"max_output_tokens", "length", "max_tokens"}),
        ("content_filter", {"content_filter", "refusal"}),
        ("refusal", {"completed", "stop", "refusal"}),
    ],
)
def test_every_finish_has_its_word_in_every_dialect(
    client: Callable[[str], Got], finish: str, words: set[str]
) -> None:
    with play(Turn.model_validate({"text": "no", "finish": finish})) as model:
        got = client(model.base_url)
    assert got.finish in words
    assert got.text == "no"


def test_a_command_becomes_a_call_of_the_shell_tool_offered(client: Callable[[str], Got]) -> None:
    with play(Turn.model_validate({"text": "Look.", "shell": ["ls", "echo 'ä'"]})) as model:
        assert client(model.base_url).calls == [
            ("bash", {"command": "ls"}),
            ("bash", {"command": "echo 'ä'"}),
        ]


def test_arguments_that_are_no_json_are_streamed_as_they_stand() -> None:
    with play(Turn(tool_calls=(Call(name="exec", arguments="{oops"),))) as model:
        assert chat_streamed(model.base_url).calls == [("exec", "{oops")]


def test_a_freeform_tool_gets_its_input_as_plain_text() -> None:
    patch = "*** Begin Patch\n*** End Patch"
    tools: Any = [{"type": "custom", "name": "apply_patch"}]
    with play(Turn(tool_calls=(Call(name="apply_patch", arguments=patch),))) as model:
        client = _openai(model.base_url)
        events = list(client.responses.create(model="m", input="x", tools=tools, stream=True))
    for event in events:
        _strictly(ResponseStreamEvent, event)
    assert events[-1].type == "response.completed"
    item = events[-1].response.output[0]
    assert item.type == "custom_tool_call"
    assert item.input == patch


def test_codex_local_shell_is_called_with_an_argument_list() -> None:
    tools: Any = [{"type": "local_shell"}]
    with play(Turn.model_validate({"shell": "ls"})) as model:
        response = _openai(model.base_url).responses.create(model="m", input="x", tools=tools)
    Response.model_validate(response.to_dict())
    assert response.output[0].to_dict()["action"] == {
        "type": "exec",
        "command": ["bash", "-lc", "ls"],
        "env": {},
    }


@pytest.mark.parametrize("stream", [True, False])
def test_token_ids_and_logprobs_come_whole_to_a_chat_request_that_asks(stream: bool) -> None:  # noqa: FBT001
    captured = {"prompt_token_ids": [1, 2, 3], "token_ids": list(range(21)), "logprobs": [-0.5] * 21}
    ask = {"model": "m", "messages": ASK, "stream": stream, "return_token_ids": True, "logprobs": True}
    with play(*[Turn.model_validate({"text": "some words", "captured": captured})] * 2) as model:
        raw = httpx2.post(f"{model.base_url}/chat/completions", json=ask).text
        plain = httpx2.post(f"{model.base_url}/chat/completions", json={"messages": ASK}).text
    data = [line.removeprefix("data: ") for line in raw.splitlines() if line.startswith("data: {")]
    chunks = [json.loads(text) for text in (data if stream else [raw])]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    logprobs = [
        entry["logprob"] for choice in choices for entry in (choice["logprobs"] or {}).get("content", ())
    ]
    assert [chunk["prompt_token_ids"] for chunk in chunks if "prompt_token_ids" in chunk] == [[1, 2, 3]]
    assert [token for choice in choices for token in choice.get("token_ids", ())] == list(range(21))
    assert logprobs == [-0.5] * 21
    assert "token_ids" not in plain


def test_the_path_may_carry_anything_before_the_endpoint() -> None:
    with play(Turn(text="a"), Turn(text="b")) as model:
        assert chat(f"{model.base_url}/api/interceptor/v1/trial/trace_1").text == "a"
        assert messages(f"{model.base_url}/cid_2/v1").text == "b"
        assert [request.dialect for request in model.requests] == ["chat", "messages"]
        assert model.requests[0].path == "/api/interceptor/v1/trial/trace_1/chat/completions"
        assert model.requests[0].headers["authorization"] == "Bearer dummy"


def test_counting_tokens_listing_models_and_probes_take_no_turn() -> None:
    with play(Turn(text="a")) as model:
        client = _anthropic(model.base_url)
        assert client.messages.count_tokens(model="m", messages=ASK).input_tokens > 0
        assert client.models.list().data[0].id == "replay"
        assert _openai(model.base_url).models.list().data[0].id == "replay"
        assert httpx2.head(f"{model.base_url}/trace_1").status_code == 200
        assert httpx2.get(f"{model.base_url}/v1/responses").status_code == 404
        assert httpx2.post(f"{model.base_url}/v1/embeddings", json={}).status_code == 404
        assert model.remaining == 1


def test_a_script_that_runs_out_is_a_bad_request_and_a_failure_naming_the_turn(
    client: Callable[[str], Got],
) -> None:
    with play(Turn(text="a")) as model:
        client(model.base_url)
        with pytest.raises((openai.BadRequestError, anthropic.BadRequestError), match="no turn 2"):
            client(model.base_url)
        failure = model.failure()
    assert failure is not None
    assert "no turn 2" in str(failure)
    assert "hello" in str(failure)
    assert not failure.retryable


def test_a_body_that_is_no_json_is_a_bad_request_and_takes_no_turn() -> None:
    with play(Turn(text="a")) as model:
        for body in (b"{", b"[]", b"\xff", b""):
            assert httpx2.post(f"{model.base_url}/v1/messages", content=body).status_code == 400
        assert model.remaining == 1


def test_only_the_newest_requests_are_kept() -> None:
    with play(*[Turn(text="a")] * 40) as model:
        padding = "x" * 4_000_000
        for _ in range(20):
            ask = {"model": "m", "messages": [{"role": "user", "content": padding}]}
            assert httpx2.post(f"{model.base_url}/chat/completions", json=ask).status_code == 200
        assert 10 < len(model.requests) < 20


def _openai(base: str) -> openai.OpenAI:
    return OPENAI.with_options(base_url=base)


def _anthropic(base: str) -> anthropic.Anthropic:
    return ANTHROPIC.with_options(base_url=base)


def _strictly(kind: Any, event: Any) -> None:
    """Clients build their models without checking them; this checks."""
    _adapter(kind).validate_python(event.to_dict())


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _response(response: Response) -> Got:
    Response.model_validate(response.to_dict())
    usage = response.usage
    assert usage is not None
    reasoning = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
    parts = [part for item in response.output if item.type == "message" for part in item.content]
    calls = [
        (item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"
    ]
    details = response.incomplete_details
    return Got(
        text="".join(part.text if part.type == "output_text" else part.refusal for part in parts),
        reasoning="".join(reasoning),
        calls=calls,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        finish=details.reason if details else response.status,
    )


def _chat(completion: ChatCompletion) -> Got:
    ChatCompletion.model_validate(completion.to_dict())
    choice, usage = completion.choices[0], completion.usage
    assert usage is not None
    calls = [call for call in choice.message.tool_calls or () if call.type == "function"]
    return Got(
        text=choice.message.content or choice.message.refusal or "",
        reasoning=choice.message.to_dict().get("reasoning_content", ""),  # type: ignore[arg-type]
        calls=[(call.function.name, json.loads(call.function.arguments)) for call in calls],
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        finish=choice.finish_reason,
    )


def _chat_chunks(chunks: list[ChatCompletionChunk]) -> Got:
    usage = chunks[-1].usage
    assert usage is not None
    choices = [choice for chunk in chunks for choice in chunk.choices]
    deltas = [choice.delta for choice in choices]
    calls: dict[int, tuple[str, str]] = {}
    for part in (part for delta in deltas for part in delta.tool_calls or ()):
        assert part.function is not None
        name, arguments = calls.get(part.index, ("", ""))
        calls[part.index] = (name + (part.function.name or ""), arguments + (part.function.arguments or ""))
    return Got(
        text="".join((delta.content or "") + (delta.refusal or "") for delta in deltas),
        reasoning="".join(str(delta.to_dict().get("reasoning_content", "")) for delta in deltas),
        calls=[(name, _parsed(arguments)) for name, arguments in calls.values()],
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        finish=choices[-1].finish_reason,
    )


def _message(message: Message) -> Got:
    Message.model_validate(message.to_dict())
    usage = message.usage
    cached = (usage.cache_read_input_tokens or 0) + (usage.cache_creation_input_tokens or 0)
    return Got(
        text="".join(block.text for block in message.content if block.type == "text"),
        reasoning="".join(block.thinking for block in message.content if block.type == "thinking"),
        calls=[(block.name, block.input) for block in message.content if block.type == "tool_use"],
        input_tokens=usage.input_tokens + cached,
        output_tokens=usage.output_tokens,
        finish=message.stop_reason,
    )


def _parsed(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _response_tools() -> Any:
    return [{"type": "function", "name": name, "parameters": SHELL, "strict": False} for name in NAMES]


def _chat_tools() -> Any:
    return [{"type": "function", "function": {"name": name, "parameters": SHELL}} for name in NAMES]


def _message_tools() -> Any:
    return [{"name": name, "input_schema": SHELL} for name in NAMES]
