"""Reads Responses: stream events and whole replies."""

from collections.abc import Mapping
from typing import Any

from runner.interceptor import wire_json
from runner.interceptor.reply import Builder, Counts, Op, Part

_TEXT = {"response.output_text.delta", "response.refusal.delta"}
_REASONING = {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}
_ARGUMENTS = {"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"}
_ENDS = {"response.completed", "response.incomplete", "response.failed"}
_CALLS = {"function_call", "custom_tool_call"}


class ResponsesReader(Builder):
    """Rebuilds a reply from Responses events or one `response`."""

    def __init__(self) -> None:
        super().__init__()
        self._items: dict[int, int] = {}

    def take(self, data: bytes) -> list[Op]:
        """Take the data of one event; raises `ValueError` where it is no JSON."""
        event = wire_json.read(data)
        kind = event.get("type", "")
        index = event.get("output_index", 0)
        if kind.endswith(".delta"):
            return self._delta(kind, index, event.get("delta") or "")
        if kind == "response.output_item.added":
            return self._item(index, event.get("item") or {})
        if kind == "response.output_item.done":
            return self._done(index, event.get("item") or {})
        if kind == "response.created":
            response = event.get("response") or {}
            return self.start(response.get("id") or "", response.get("model") or "")
        if kind in _ENDS:
            return self._end(event.get("response") or {})
        if kind == "error":
            self._failed(event.get("error") or event)
        return []

    def at_end(self) -> list[Op]:
        """Take the end of the stream: without a last event it is broken."""
        return []

    def whole(self, body: Mapping[str, Any]) -> list[Op]:
        """Take a whole reply."""
        return self._end(body)

    def _delta(self, kind: str, index: int, text: str) -> list[Op]:
        known = self._items.get(index)
        if kind in _ARGUMENTS and known is not None:
            return self.add_to(known, self.reply.parts[known], text)
        ops: list[Op] = []
        if kind in _TEXT:
            ops = self.add("text", text)
        elif kind in _REASONING:
            ops = self.add("reasoning", text)
        if ops:
            self._items[index] = len(self.reply.parts) - 1
        return ops

    def _item(self, index: int, item: Mapping[str, Any]) -> list[Op]:
        kind = item.get("type")
        if kind == "reasoning":
            part = Part("reasoning")
        elif kind in _CALLS:
            freeform = kind == "custom_tool_call"
            part = Part("call", id=item.get("call_id") or "", name=item.get("name") or "", freeform=freeform)
        else:
            return self.close()
        ops = self.open(part)
        self._items[index] = len(self.reply.parts) - 1
        return ops + self.add_to(self._items[index], part, item.get("arguments") or item.get("input") or "")

    def _done(self, index: int, item: Mapping[str, Any]) -> list[Op]:
        """Take an item that is whole: what no delta brought is added now."""
        ops = [] if index in self._items else self._item(index, item)
        known = self._items.get(index)
        text = _text(item)
        if known is None:
            ops += self.add("text", text) if item.get("type") == "message" else []
            self._items[index] = len(self.reply.parts) - 1
        else:
            part = self.reply.parts[known]
            part.signature = item.get("encrypted_content") or ""
            if not part.chunks:
                ops += self.add_to(known, part, text)
        return ops + self.close()

    def _end(self, response: Mapping[str, Any]) -> list[Op]:
        ops = self.start(response.get("id") or "", response.get("model") or "")
        for index, item in enumerate(response.get("output") or ()):
            if index not in self._items:
                ops += self._done(index, item)
        reply = self.reply
        reply.final = response
        reply.model = response.get("model") or reply.model
        reply.counts = counts(response.get("usage") or {})
        reply.finish_raw = response.get("status")
        if response.get("status") == "failed" or response.get("error"):
            reply.finish = "error"
            self._failed(response.get("error") or {})
        elif response.get("status") == "incomplete":
            reply.finish_raw = (response.get("incomplete_details") or {}).get("reason") or "incomplete"
            reply.finish = "refusal" if reply.finish_raw == "content_filter" else "length"
        else:
            reply.finish = "tool_calls" if reply.of("call") else "stop"
        return ops + self.finish()

    def _failed(self, error: Mapping[str, Any]) -> None:
        self.reply.error = str(error.get("message") or error)
        self.reply.error_code = str(error.get("code") or "")


def _text(item: Mapping[str, Any]) -> str:
    """Return the text of a whole item, whatever its type."""
    if item.get("type") in _CALLS:
        return str(item.get("arguments") or item.get("input") or "")
    parts = item.get("content") or item.get("summary") or ()
    return "".join(part.get("text") or part.get("refusal") or "" for part in parts)


def counts(usage: Mapping[str, Any]) -> Counts:
    """Read a `usage` object."""
    read = usage.get("input_tokens_details") or {}
    written = usage.get("output_tokens_details") or {}
    return Counts(
        input_tokens=usage.get("input_tokens"),
        output_tokens=usage.get("output_tokens"),
        reasoning_tokens=written.get("reasoning_tokens"),
        cache_read_tokens=read.get("cached_tokens"),
        cache_write_tokens=read.get("cache_write_tokens"),
    )
