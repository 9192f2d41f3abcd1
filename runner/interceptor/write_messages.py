"""Writes a reply as Messages: a stream from `Op`s, or a whole one."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from runner.interceptor.reply import Counts, Finish, Op, Part, Reply

_FINISH: Mapping[Finish, str] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "refusal": "refusal",
    "context_length": "model_context_window_exceeded",
    "error": "end_turn",
}


class MessagesWriter:
    """Makes Messages events as the reply grows."""

    def __init__(self, reply: Reply, model: str) -> None:
        self._reply = reply
        self._model = model

    def write(self, ops: Iterable[Op]) -> list[bytes]:
        """Return the events that tell these changes."""
        return [event for op in ops for event in self._event(op)]

    def _event(self, op: Op) -> list[bytes]:
        kind, index, text = op
        if kind == "start":
            message = {**whole(Reply(id=self._reply.id, model=self._reply.model), self._model)}
            return [_sse("message_start", message={**message, "stop_reason": None})]
        if kind == "finish":
            delta = {"stop_reason": finish(self._reply), "stop_sequence": None}
            usage = usage_of(self._reply.counts)
            return [_sse("message_delta", delta=delta, usage=usage), _sse("message_stop")]
        part = self._reply.parts[index]
        if kind == "open":
            return [_sse("content_block_start", index=index, content_block=_empty(part))]
        if kind == "add":
            return [_sse("content_block_delta", index=index, delta=_delta(part, text))]
        closing = [_sse("content_block_stop", index=index)]
        if part.kind == "reasoning" and part.name != "redacted":
            signature = {"type": "signature_delta", "signature": part.signature}
            closing.insert(0, _sse("content_block_delta", index=index, delta=signature))
        return closing


def _empty(part: Part) -> dict[str, Any]:
    if part.kind == "call":
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
    if part.name == "redacted":
        return {"type": "redacted_thinking", "data": part.signature}
    if part.kind == "reasoning":
        return {"type": "thinking", "thinking": "", "signature": ""}
    return {"type": "text", "text": ""}


def _delta(part: Part, text: str) -> dict[str, str]:
    if part.kind == "call":
        return {"type": "input_json_delta", "partial_json": text}
    if part.kind == "reasoning":
        return {"type": "thinking_delta", "thinking": text}
    return {"type": "text_delta", "text": text}


def _block(part: Part) -> dict[str, Any]:
    block = _empty(part)
    if part.kind == "call":
        return {**block, "input": arguments(part.text)}
    if part.name == "redacted":
        return block
    if part.kind == "reasoning":
        return {**block, "thinking": part.text, "signature": part.signature}
    return {**block, "text": part.text}


def arguments(text: str) -> dict[str, Any]:
    """Return a call's arguments as an object; what is none becomes `{"raw": text}`."""
    try:
        parsed = json.loads(text or "{}")
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"raw": text}


def whole(reply: Reply, model: str) -> dict[str, Any]:
    """Return a `message`."""
    return {
        "id": reply.id or "msg_relayed",
        "type": "message",
        "role": "assistant",
        "model": reply.model or model,
        "content": [_block(part) for part in reply.parts],
        "stop_reason": finish(reply),
        "stop_sequence": None,
        "usage": usage_of(reply.counts),
    }


def finish(reply: Reply) -> str:
    """Return the dialect's word for why the reply ended."""
    if reply.of("call") and reply.finish in {"stop", None}:
        return "tool_use"
    return _FINISH[reply.finish or "stop"]


def usage_of(counts: Counts) -> dict[str, Any]:
    """Return a `usage` object; its input leaves out what was cached, and unknown is 0 here."""
    read, written = counts.cache_read_tokens or 0, counts.cache_write_tokens or 0
    return {
        "input_tokens": max(0, (counts.input_tokens or 0) - read - written),
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": counts.output_tokens or 0,
    }


def error_event(message: str, reply: Reply) -> bytes:
    """Return how a stream that broke off ends: as one that was cut short, without its open tool call.

    Claude Code 2.1 gives up on an `error` event and on a cut connection once it has some text; after
    `max_tokens` it asks the model to go on. The record, not the client, has the message.
    """
    del message
    last = len(reply.parts) - 1
    closing = b""
    if last >= 0 and reply.parts[last].kind != "call":
        closing = _sse("content_block_stop", index=last)
    delta = {"stop_reason": "max_tokens", "stop_sequence": None}
    return closing + _sse("message_delta", delta=delta, usage=usage_of(reply.counts)) + _sse("message_stop")


def error_body(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return an error reply."""
    del code
    kind = "api_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
    return {"type": "error", "error": {"type": kind, "message": message}}


def _sse(kind: str, **fields: object) -> bytes:
    return b"event: " + kind.encode() + b"\ndata: " + to_json({"type": kind, **fields}) + b"\n\n"
