"""OpenAI's Responses."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.interceptor.replay.wire import chat
from runner.interceptor.replay.wire.base import Answer, Event, ToolUse, sse

error = chat.error

Fields = dict[str, Any]


def body(answer: Answer, request: Mapping[str, Any]) -> Fields:
    """Return a `response`."""
    del request
    ended = answer.finish in {"stop", "refusal"}
    reason = "max_output_tokens" if answer.finish == "length" else answer.finish
    return {
        **_head(answer),
        "status": "completed" if ended else "incomplete",
        "incomplete_details": None if ended else {"reason": reason},
        "output": [item for item, _ in _items(answer)],
        "usage": usage(answer),
    }


def events(answer: Answer, request: Mapping[str, Any]) -> Iterator[Event]:
    """Return the events from `response.created` to `response.completed`, numbered in sequence."""
    for number, (kind, fields, final) in enumerate(_stream(answer, body(answer, request))):
        yield sse({"type": kind, "sequence_number": number, **fields}, name=kind, final=final)


def usage(answer: Answer) -> Fields:
    """Return the token counts."""
    tokens = answer.tokens
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }


def _stream(answer: Answer, end: Fields) -> Iterator[tuple[str, Fields, bool]]:
    begun = {**_head(answer), "status": "in_progress", "output": [], "usage": None}
    yield "response.created", {"response": begun}, False
    yield "response.in_progress", {"response": begun}, False
    for index, (item, parts) in enumerate(_items(answer)):
        yield "response.output_item.added", {"output_index": index, "item": _empty(item)}, False
        for kind, fields in parts:
            yield kind, {"output_index": index, "item_id": item["id"], **fields}, False
        yield "response.output_item.done", {"output_index": index, "item": item}, False
    yield f"response.{end['status']}", {"response": end}, True


def _items(answer: Answer) -> Iterator[tuple[Fields, Iterator[tuple[str, Fields]]]]:
    """Yield each output item with the events that stream it."""
    if answer.reasoning:
        summary = {"type": "summary_text", "text": answer.reasoning}
        item = {"type": "reasoning", "id": f"rs_{answer.id}", "summary": [summary]}
        yield {**item, "encrypted_content": f"replayed-{answer.id}"}, _reasoning(answer)
    if answer.text or not (answer.reasoning or answer.calls):
        item = {"type": "message", "id": f"msg_{answer.id}", "role": "assistant", "status": "completed"}
        yield {**item, "content": [_part(answer, answer.text)]}, _message(answer)
    for call in answer.calls:
        yield _call(call), _arguments(answer, call)


def _reasoning(answer: Answer) -> Iterator[tuple[str, Fields]]:
    at, full = {"summary_index": 0}, answer.reasoning
    yield "response.reasoning_summary_part.added", {**at, "part": {"type": "summary_text", "text": ""}}
    for piece in answer.pieces(full):
        yield "response.reasoning_summary_text.delta", {**at, "delta": piece}
    yield "response.reasoning_summary_text.done", {**at, "text": full}
    yield "response.reasoning_summary_part.done", {**at, "part": {"type": "summary_text", "text": full}}


def _message(answer: Answer) -> Iterator[tuple[str, Fields]]:
    refused = answer.finish == "refusal"
    kind, key = ("refusal", "refusal") if refused else ("output_text", "text")
    at: Fields = {"content_index": 0}
    extra: Fields = {} if refused else {"logprobs": []}
    yield "response.content_part.added", {**at, "part": _part(answer, "")}
    for piece in answer.pieces(answer.text):
        yield f"response.{kind}.delta", {**at, **extra, "delta": piece}
    yield f"response.{kind}.done", {**at, **extra, key: answer.text}
    yield "response.content_part.done", {**at, "part": _part(answer, answer.text)}


def _arguments(answer: Answer, call: ToolUse) -> Iterator[tuple[str, Fields]]:
    if call.kind == "local_shell":
        return
    kind, key = ("custom_tool_call_input", "input")
    if call.kind == "function":
        kind, key = ("function_call_arguments", "arguments")
    for piece in answer.pieces(call.arguments):
        yield f"response.{kind}.delta", {"delta": piece}
    done = {key: call.arguments, **({"name": call.name} if key == "arguments" else {})}
    yield f"response.{kind}.done", done


def _part(answer: Answer, text: str) -> Fields:
    if answer.finish == "refusal":
        return {"type": "refusal", "refusal": text}
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _call(call: ToolUse) -> Fields:
    base = {"call_id": call.id, "status": "completed"}
    if call.kind == "local_shell":
        action = {"type": "exec", "env": {}, **call.as_object}
        return {"type": "local_shell_call", "id": f"ls_{call.id}", **base, "action": action}
    if call.kind == "custom":
        name = {"name": call.name, "input": call.arguments}
        return {"type": "custom_tool_call", "id": f"ctc_{call.id}", **base, **name}
    name = {"name": call.name, "arguments": call.arguments}
    return {"type": "function_call", "id": f"fc_{call.id}", **base, **name}


def _empty(item: Fields) -> Fields:
    """Return an item as it looks before anything of it was streamed."""
    blank: Fields = {"summary": [], "content": [], "arguments": "", "input": "", "status": "in_progress"}
    return {key: blank.get(key, value) for key, value in item.items()}


def _head(answer: Answer) -> Fields:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": answer.created,
        "model": answer.model,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
    }
