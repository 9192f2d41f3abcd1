"""Reads Messages: stream events and whole replies."""

import json
from collections.abc import Mapping
from typing import Any

from runner.interceptor import wire_json
from runner.interceptor.reply import Builder, Counts, Finish, Op, Part, PartKind

_FINISH: Mapping[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "refusal",
    "model_context_window_exceeded": "context_length",
}
_KINDS: Mapping[str, PartKind] = {
    "text": "text",
    "thinking": "reasoning",
    "redacted_thinking": "reasoning",
    "tool_use": "call",
}
_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}


class MessagesReader(Builder):
    """Rebuilds a reply from Messages events or one `message`."""

    def __init__(self) -> None:
        super().__init__()
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, int] = {}

    def take(self, data: bytes) -> list[Op]:
        """Take the data of one event; raises `ValueError` where it is no JSON."""
        event = wire_json.read(data)
        kind = event.get("type")
        if kind == "content_block_delta":
            return self._delta(event.get("index", 0), event.get("delta") or {})
        if kind == "content_block_start":
            return self._block(event.get("index", 0), event.get("content_block") or {})
        if kind == "content_block_stop":
            return self._stop()
        if kind == "message_start":
            message = event.get("message") or {}
            self._count(message.get("usage"))
            return self.start(message.get("id") or "", message.get("model") or "")
        if kind == "message_delta":
            self._finished((event.get("delta") or {}).get("stop_reason"))
            self._count(event.get("usage"))
        elif kind == "error":
            self._failed(event.get("error") or {})
        elif kind == "message_stop":
            return self.finish()
        return []

    def at_end(self) -> list[Op]:
        """Take the end of the stream: without `message_stop` it is broken."""
        return []

    def whole(self, body: Mapping[str, Any]) -> list[Op]:
        """Take a whole reply."""
        if body.get("error"):
            self._failed(body["error"])
        ops = self.start(body.get("id") or "", body.get("model") or "")
        for index, block in enumerate(body.get("content") or ()):
            ops += self._block(index, block)
            ops += self._stop()
        self._finished(body.get("stop_reason"))
        self._count(body.get("usage"))
        self.reply.final = body
        return ops + self.finish()

    def _block(self, index: int, block: Mapping[str, Any]) -> list[Op]:
        kind = _KINDS.get(block.get("type", ""))
        if kind is None:
            return self.close()
        redacted = "redacted" if block.get("type") == "redacted_thinking" else ""
        ops = self.open(
            Part(
                kind,
                id=block.get("id") or "",
                name=block.get("name") or redacted,
                signature=block.get("signature") or block.get("data") or "",
            )
        )
        self._blocks[index] = part = len(self.reply.parts) - 1
        text = block.get("text") or block.get("thinking") or ""
        if block.get("input"):
            text = json.dumps(block["input"], ensure_ascii=False)
        return ops + self.add_to(part, self.reply.parts[part], text)

    def _delta(self, index: int, delta: Mapping[str, Any]) -> list[Op]:
        known = self._blocks.get(index)
        if known is None:
            return []
        part = self.reply.parts[known]
        if delta.get("type") == "signature_delta":
            part.signature += delta.get("signature") or ""
            return []
        return self.add_to(known, part, delta.get(_DELTAS.get(delta.get("type", ""), "")) or "")

    def _stop(self) -> list[Op]:
        part = self.current
        ops: list[Op] = []
        if part is not None and part.kind == "call" and not part.chunks:
            ops = self.add_to(len(self.reply.parts) - 1, part, "{}")
        return ops + self.close()

    def _finished(self, reason: str | None) -> None:
        if reason:
            self.reply.finish_raw = reason
            self.reply.finish = _FINISH.get(reason, "stop")

    def _count(self, usage: Mapping[str, Any] | None) -> None:
        self._usage |= {name: value for name, value in (usage or {}).items() if value is not None}
        self.reply.counts = counts(self._usage)

    def _failed(self, error: Mapping[str, Any]) -> None:
        self.reply.error = str(error.get("message") or error)
        self.reply.error_code = str(error.get("type") or "")


def counts(usage: Mapping[str, Any]) -> Counts:
    """Read a `usage` object; its `input_tokens` leaves out what was cached."""
    fresh = usage.get("input_tokens")
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    details = usage.get("output_tokens_details") or {}
    return Counts(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=usage.get("output_tokens"),
        reasoning_tokens=details.get("thinking_tokens"),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
