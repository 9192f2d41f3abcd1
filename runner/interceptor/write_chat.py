"""Writes a reply as chat completions: a stream from `Op`s, or a whole one."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic_core import to_json

from runner.interceptor.reply import Counts, Finish, Op, Part, Reply

_FINISH: Mapping[Finish, str] = {"refusal": "content_filter", "error": "stop", "context_length": "length"}
_DELTAS = {"text": "content", "reasoning": "reasoning_content"}


class ChatWriter:
    """Makes `chat.completion.chunk`s as the reply grows."""

    def __init__(self, reply: Reply, model: str) -> None:
        self._reply = reply
        self._model = model
        self._created = int(time.time())

    def write(self, ops: Iterable[Op]) -> list[bytes]:
        """Return the events that tell these changes."""
        return [event for op in ops for event in self._event(op)]

    def _event(self, op: Op) -> list[bytes]:
        kind, index, text = op
        if kind == "start":
            return [self._chunk({"role": "assistant", "content": ""})]
        if kind == "finish":
            end = self._chunk({}, finish(self._reply))
            usage = {**self._head(), "choices": [], "usage": usage_of(self._reply.counts)}
            return [end, _sse(to_json(usage)), _sse(b"[DONE]")]
        part = self._reply.parts[index]
        if part.kind == "call":
            return self._call(kind, index, part, text)
        return [self._chunk({_DELTAS[part.kind]: text})] if kind == "add" else []

    def _call(self, kind: str, index: int, part: Part, text: str) -> list[bytes]:
        number = sum(1 for other in self._reply.parts[:index] if other.kind == "call")
        if kind == "open":
            function = {"name": part.name, "arguments": ""}
            call = {"index": number, "id": part.id, "type": "function", "function": function}
        elif kind == "add":
            call = {"index": number, "function": {"arguments": text}}
        else:
            return []
        return [self._chunk({"tool_calls": [call]})]

    def _head(self) -> dict[str, Any]:
        return {
            "id": self._reply.id or "chatcmpl-relayed",
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._reply.model or self._model,
        }

    def _chunk(self, delta: Mapping[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return _sse(to_json({**self._head(), "choices": [choice]}))


def whole(reply: Reply, model: str) -> dict[str, Any]:
    """Return a `chat.completion`."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text("text"), "refusal": None}
    if reply.of("reasoning"):
        message["reasoning_content"] = reply.text("reasoning")
    if reply.of("call"):
        message["tool_calls"] = [
            {"id": part.id, "type": "function", "function": {"name": part.name, "arguments": part.text}}
            for part in reply.of("call")
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish(reply)}
    return {
        "id": reply.id or "chatcmpl-relayed",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": reply.model or model,
        "choices": [choice],
        "usage": usage_of(reply.counts),
    }


def finish(reply: Reply) -> str:
    """Return the dialect's word for why the reply ended."""
    reason: Finish = "tool_calls" if reply.of("call") else reply.finish or "stop"
    return _FINISH.get(reason, reason)


def usage_of(counts: Counts) -> dict[str, Any]:
    """Return a `usage` object; clients want numbers, so unknown is 0 here (and null in the record)."""
    prompt, completion = counts.input_tokens or 0, counts.output_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": counts.cache_read_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning_tokens or 0},
    }


def error_event(message: str, reply: Reply) -> bytes:
    """Return how a stream that broke off ends."""
    del reply
    body = {"error": {"message": message, "type": "server_error", "param": None, "code": None}}
    return _sse(to_json(body)) + _sse(b"[DONE]")


def error_body(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return an error reply."""
    kind = "server_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _sse(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"
