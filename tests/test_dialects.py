import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.base import Dialect
from runner.interceptor.dialects import WIRES, Reader
from runner.interceptor.reply import Counts, JsonDepth, Op, Part, Reply
from runner.interceptor.sse import Splitter

DIALECTS: list[Dialect] = ["chat", "messages", "responses"]
texts = st.text(min_size=1, max_size=20)
names = st.text("abcdefgh_", min_size=1, max_size=8)
objects = st.dictionaries(names, st.one_of(texts, st.integers(), st.lists(texts, max_size=2)), max_size=3)


@st.composite
def replies(draw: st.DrawFn) -> Reply:
    reply = Reply(id="r1", model="m", finish="stop")
    if draw(st.booleans()):
        reply.parts.append(Part("reasoning", chunks=draw(st.lists(texts, min_size=1, max_size=3))))
    if draw(st.booleans()):
        reply.parts.append(Part("text", chunks=draw(st.lists(texts, min_size=1, max_size=3))))
    for number in range(draw(st.integers(0, 3))):
        arguments = json.dumps(draw(objects), ensure_ascii=draw(st.booleans()))
        half = len(arguments) // 2
        reply.parts.append(
            Part("call", id=f"call_{number}", name=draw(names), chunks=[arguments[:half], arguments[half:]])
        )
    if reply.of("call"):
        reply.finish = "tool_calls"
    reply.counts = Counts(
        draw(st.integers(20, 99)), draw(st.integers(9, 99)), None, draw(st.integers(0, 9)), None
    )
    return reply


def ops_of(reply: Reply) -> list[Op]:
    ops: list[Op] = [("start", 0, "")]
    for index, part in enumerate(reply.parts):
        ops.append(("open", index, ""))
        ops += [("add", index, chunk) for chunk in part.chunks if chunk]
        ops.append(("close", index, ""))
    return [*ops, ("finish", 0, "")]


def told(reply: Reply) -> dict[str, Any]:
    return {
        "parts": [(part.kind, part.id, part.name, part.text) for part in reply.parts],
        "finish": reply.finish,
        "model": reply.model,
        "input": reply.counts.input_tokens,
        "output": reply.counts.output_tokens,
        "cached": reply.counts.cache_read_tokens,
    }


def read_stream(dialect: Dialect, stream: bytes) -> Reader:
    reader = WIRES[dialect].reader()
    for event in Splitter().feed(stream):
        reader.take(event.data or b"")
    return reader


@pytest.mark.parametrize("dialect", DIALECTS)
@given(reply=replies())
def test_a_reply_survives_a_stream_of_each_dialect(dialect: Dialect, reply: Reply) -> None:
    stream = b"".join(WIRES[dialect].writer(reply, "m").write(ops_of(reply)))
    reader = read_stream(dialect, stream)
    assert reader.ended
    assert told(reader.reply) == told(reply)


@pytest.mark.parametrize("dialect", DIALECTS)
@given(reply=replies())
def test_a_reply_survives_whole_in_each_dialect(dialect: Dialect, reply: Reply) -> None:
    reader = WIRES[dialect].reader()
    reader.whole(json.loads(json.dumps(WIRES[dialect].whole(reply, "m"))))
    found = told(reader.reply) | {"parts": [(p.kind, p.id, p.name, loose(p)) for p in reader.reply.parts]}
    assert found == told(reply) | {"parts": [(p.kind, p.id, p.name, loose(p)) for p in reply.parts]}


def loose(part: Part) -> Any:
    return json.loads(part.text) if part.kind == "call" else part.text


@pytest.mark.parametrize("upstream", DIALECTS)
@pytest.mark.parametrize("client", DIALECTS)
@given(reply=replies())
def test_a_stream_is_translated_from_each_dialect_to_each(
    client: Dialect, upstream: Dialect, reply: Reply
) -> None:
    stream = b"".join(WIRES[upstream].writer(reply, "m").write(ops_of(reply)))
    reader = WIRES[upstream].reader()
    writer = WIRES[client].writer(reader.reply, "m")
    out = [made for event in Splitter().feed(stream) for made in writer.write(reader.take(event.data or b""))]
    assert told(read_stream(client, b"".join(out)).reply) == told(reply)


@given(objects, st.lists(st.integers(0, 200), max_size=12))
def test_a_tool_call_is_known_to_be_whole_at_its_last_byte(
    arguments: dict[str, Any], cuts: list[int]
) -> None:
    text = json.dumps(arguments, ensure_ascii=False)
    marks = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    depth = JsonDepth()
    closed = [depth.feed(text[start:end]) for start, end in itertools.pairwise(marks)]
    assert closed == [False] * (len(closed) - 1) + [True]


def test_a_chat_call_whose_arguments_come_at_once_keeps_them() -> None:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    reader = WIRES["chat"].reader()
    reader.take(json.dumps({"id": "x", "choices": [{"delta": {"tool_calls": [call]}}]}).encode())
    assert reader.call_completed
    assert reader.reply.parts[0].text == '{"a": 1}'


def test_a_chat_stream_without_its_done_is_whole_once_it_gave_a_finish_reason() -> None:
    reader = WIRES["chat"].reader()
    reader.take(b'{"id": "x", "choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}')
    assert not reader.ended
    reader.at_end()
    assert reader.ended


def test_token_ids_and_logprobs_are_kept_from_a_chat_stream() -> None:
    reader = WIRES["chat"].reader()
    reader.take(b'{"prompt_token_ids": [1, 2], "choices": [{"delta": {"role": "assistant"}}]}')
    for token in (3, 4):
        choice = {
            "delta": {"content": "a"},
            "token_ids": [token],
            "logprobs": {"content": [{"logprob": -0.5}]},
        }
        reader.take(json.dumps({"choices": [choice]}).encode())
    reply = reader.reply
    assert (reply.prompt_token_ids, reply.completion_token_ids) == ([1, 2], [3, 4])
    assert reply.logprobs == [-0.5, -0.5]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_unknown_usage_stays_unknown(dialect: Dialect) -> None:
    whole = WIRES[dialect].whole(Reply(id="r", model="m", parts=[Part("text", chunks=["a"])]), "m")
    del whole["usage"]
    reader = WIRES[dialect].reader()
    reader.whole(whole)
    assert reader.reply.counts == Counts()


def test_a_chat_content_in_parts_is_text_and_thinking() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    content = [thinking, {"type": "text", "text": "Hello"}]
    reader = WIRES["chat"].reader()
    reader.whole({"id": 7, "choices": [{"message": {"content": content}, "finish_reason": "stop"}]})
    assert (reader.reply.id, reader.reply.text("reasoning"), reader.reply.text("text")) == (
        "7",
        "Hm.",
        "Hello",
    )
