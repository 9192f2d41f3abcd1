"""Writes a reply as Responses: a stream from `Op`s, or a whole one."""

import json
import time
from collections.abc import Iterable
from typing import Any

from pydantic_core import to_json

from runner.interceptor.reply import Counts, Op, Part, Reply

_PREFIXES = {"text": "msg", "reasoning": "rs", "call": "fc"}


class ResponsesWriter:
    """Makes Responses events as the reply grows."""

    def __init__(self, reply: Reply, model: str) -> None:
        self._reply = reply
        self._model = model
        self._number = 0

    def write(self, ops: Iterable[Op]) -> list[bytes]:
        """Return the events that tell these changes."""
        return [event for op in ops for event in self._event(op)]

    def _event(self, op: Op) -> list[bytes]:
        kind, index, text = op
        if kind == "start":
            begun = {**whole(self._reply, self._model), "status": "in_progress", "usage": None}
            return [self._sse("response.created", response=begun)]
        if kind == "finish":
            response = whole(self._reply, self._model)
            return [self._sse(f"response.{response['status']}", response=response)]
        part = self._reply.parts[index]
        at = {"item_id": _id(self._reply, index), "output_index": index}
        if kind == "open":
            return self._open(index, part, at)
        if kind == "add":
            return self._add(part, at, text)
        return self._close(index, part, at)

    def _open(self, index: int, part: Part, at: dict[str, Any]) -> list[bytes]:
        item = {**_item(self._reply, index, Part(part.kind, part.id, part.name, freeform=part.freeform))}
        item |= {"status": "in_progress"} if part.kind != "reasoning" else {}
        if part.kind == "text":
            item["content"] = []
        events = [self._sse("response.output_item.added", output_index=index, item=item)]
        if part.kind == "text":
            events.append(self._sse("response.content_part.added", **at, content_index=0, part=_text("")))
        elif part.kind == "reasoning":
            blank = {"type": "summary_text", "text": ""}
            part_added = "response.reasoning_summary_part.added"
            events.append(self._sse(part_added, **at, summary_index=0, part=blank))
        return events

    def _add(self, part: Part, at: dict[str, Any], text: str) -> list[bytes]:
        if part.freeform:
            return []  # its input lies inside JSON until the call is whole
        if part.kind == "text":
            return [self._sse("response.output_text.delta", **at, content_index=0, delta=text, logprobs=[])]
        if part.kind == "reasoning":
            kind = "response.reasoning_summary_text.delta"
            return [self._sse(kind, **at, summary_index=0, delta=text)]
        return [self._sse("response.function_call_arguments.delta", **at, delta=text)]

    def _close(self, index: int, part: Part, at: dict[str, Any]) -> list[bytes]:
        item = _item(self._reply, index, part)
        done = self._sse
        events = []
        if part.freeform:
            events.append(done("response.custom_tool_call_input.delta", **at, delta=item["input"]))
            events.append(done("response.custom_tool_call_input.done", **at, input=item["input"]))
        elif part.kind == "call":
            events.append(done("response.function_call_arguments.done", **at, arguments=part.text))
        elif part.kind == "text":
            at = {**at, "content_index": 0}
            events.append(done("response.output_text.done", **at, text=part.text, logprobs=[]))
            events.append(done("response.content_part.done", **at, part=_text(part.text)))
        else:
            at = {**at, "summary_index": 0}
            events.append(done("response.reasoning_summary_text.done", **at, text=part.text))
            summary = {"type": "summary_text", "text": part.text}
            events.append(done("response.reasoning_summary_part.done", **at, part=summary))
        return [*events, done("response.output_item.done", output_index=index, item=item)]

    def _sse(self, kind: str, **fields: object) -> bytes:
        event = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return b"event: " + kind.encode() + b"\ndata: " + to_json(event) + b"\n\n"


def _id(reply: Reply, index: int) -> str:
    return f"{_PREFIXES[reply.parts[index].kind]}_{reply.id or 'relayed'}_{index}"


def _text(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(reply: Reply, index: int, part: Part) -> dict[str, Any]:
    base = {"id": _id(reply, index)}
    if part.kind == "text":
        content = [_text(part.text)]
        return {**base, "type": "message", "role": "assistant", "status": "completed", "content": content}
    if part.kind == "reasoning":
        summary = [{"type": "summary_text", "text": part.text}] if part.chunks else []
        item = {**base, "type": "reasoning", "summary": summary}
        return {**item, "encrypted_content": part.signature} if part.signature else item
    call = {**base, "call_id": part.id, "name": part.name, "status": "completed"}
    if part.freeform:
        return {**call, "type": "custom_tool_call", "input": freeform_input(part.text)}
    return {**call, "type": "function_call", "arguments": part.text}


def freeform_input(arguments: str) -> str:
    """Take a freeform tool's text out of the function arguments it travelled in."""
    try:
        parsed = json.loads(arguments or "{}")
    except ValueError:
        return arguments
    return str(parsed.get("input", "")) if isinstance(parsed, dict) else arguments


def whole(reply: Reply, model: str) -> dict[str, Any]:
    """Return a `response`."""
    cut = {"length": "max_output_tokens", "context_length": "max_output_tokens", "refusal": "content_filter"}
    reason = cut.get(reply.finish or "")
    return {
        "id": reply.id or "resp_relayed",
        "object": "response",
        "created_at": int(time.time()),
        "status": "incomplete" if reason else "completed",
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "model": reply.model or model,
        "output": [_item(reply, index, part) for index, part in enumerate(reply.parts)],
        "parallel_tool_calls": True,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "usage": usage_of(reply.counts),
    }


def usage_of(counts: Counts) -> dict[str, Any]:
    """Return a `usage` object; clients want numbers, so unknown is 0 here (and null in the record)."""
    read, written = counts.input_tokens or 0, counts.output_tokens or 0
    return {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": counts.cache_read_tokens or 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning_tokens or 0},
        "total_tokens": read + written,
    }


def error_event(message: str, reply: Reply) -> bytes:
    """Return how a stream that broke off ends."""
    response = {**whole(Reply(id=reply.id, model=reply.model), reply.model), "status": "failed"}
    response["error"] = {"code": "server_error", "message": message}
    event = {"type": "response.failed", "sequence_number": 0, "response": {**response, "usage": None}}
    return b"event: response.failed\ndata: " + to_json(event) + b"\n\n"


def error_body(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return an error reply."""
    kind = "server_error" if status >= 500 else "invalid_request_error"  # noqa: PLR2004
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}
