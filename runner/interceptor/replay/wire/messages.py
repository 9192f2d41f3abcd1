"""Anthropic's Messages."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.interceptor.replay.wire.base import Answer, Event, ToolUse, sse


def body(answer: Answer, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `message`."""
    del request
    content: list[dict[str, Any]] = []
    if answer.reasoning:
        content.append({"type": "thinking", "thinking": answer.reasoning, "signature": _signature(answer)})
    if answer.text:
        content.append({"type": "text", "text": answer.text})
    content += [{**_tool_use(call), "input": call.as_object} for call in answer.calls]
    return {**_head(answer), "content": content, "stop_reason": stop_reason(answer), "usage": usage(answer)}


def events(answer: Answer, request: Mapping[str, Any]) -> Iterator[Event]:
    """Return the events from `message_start` to `message_stop`."""
    del request
    start = {
        **_head(answer),
        "content": [],
        "stop_reason": None,
        "usage": {**usage(answer), "output_tokens": 1},
    }
    yield _event("message_start", message=start)
    yield _event("ping")
    for index, (block, deltas) in enumerate(_blocks(answer)):
        yield _event("content_block_start", index=index, content_block=block)
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    end = {"stop_reason": stop_reason(answer), "stop_sequence": None}
    yield _event("message_delta", final=True, delta=end, usage=usage(answer))
    yield _event("message_stop", final=True)


def error(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return Anthropic's error body."""
    kinds = {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        504: "timeout_error",
        529: "overloaded_error",
    }
    default = "api_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
    return {"type": "error", "error": {"type": code or kinds.get(status, default), "message": message}}


def stop_reason(answer: Answer) -> str:
    """Return the dialect's word for why the answer ends."""
    if answer.finish == "stop":
        return "tool_use" if answer.calls else "end_turn"
    return "max_tokens" if answer.finish == "length" else "refusal"


def usage(answer: Answer) -> dict[str, Any]:
    """Return the token counts; here, and only here, the input leaves out what was cached."""
    tokens = answer.tokens
    return {
        "input_tokens": max(0, tokens.input - tokens.cached - tokens.cache_write),
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens": tokens.output,
        "output_tokens_details": {"thinking_tokens": tokens.reasoning},
    }


def _blocks(answer: Answer) -> Iterator[tuple[dict[str, Any], Iterator[dict[str, Any]]]]:
    if answer.reasoning:
        yield {"type": "thinking", "thinking": "", "signature": ""}, _thinking(answer)
    if answer.text:
        pieces = answer.pieces(answer.text)
        yield {"type": "text", "text": ""}, ({"type": "text_delta", "text": piece} for piece in pieces)
    for call in answer.calls:
        pieces = answer.pieces(call.arguments)
        yield (
            {**_tool_use(call), "input": {}},
            ({"type": "input_json_delta", "partial_json": piece} for piece in pieces),
        )


def _thinking(answer: Answer) -> Iterator[dict[str, Any]]:
    for piece in answer.pieces(answer.reasoning):
        yield {"type": "thinking_delta", "thinking": piece}
    yield {"type": "signature_delta", "signature": _signature(answer)}


def _tool_use(call: ToolUse) -> dict[str, Any]:
    return {"type": "tool_use", "id": call.id, "name": call.name}


def _signature(answer: Answer) -> str:
    return f"replayed-{answer.id}"


def _head(answer: Answer) -> dict[str, Any]:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "stop_sequence": None,
    }


def _event(kind: str, *, final: bool = False, **fields: Any) -> Event:  # noqa: ANN401 - JSON values
    return sse({"type": kind, **fields}, name=kind, final=final)
