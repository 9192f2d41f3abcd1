"""Passes a stream on: event for event as it arrives, its parsed copy beside it.

Three things are held back. The terminal event, until the call is on disk: an agent ends on it. Everything
from the start of a tool call: some clients run a tool as soon as its arguments are whole, and would run it
again when the stream breaks afterwards and they retry. And the opening events until something is said: a
stream that breaks before is tried again here, and the client never learns of it.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from io import BufferedWriter
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
from pydantic_core import to_json

from runner.interceptor import wire_json
from runner.interceptor.call import Call
from runner.interceptor.dialects import WIRES, Writer
from runner.interceptor.faults import UpstreamFault, fault_of_reply
from runner.interceptor.reply import KEPT_BYTES, Op, Reply
from runner.interceptor.sse import Event, Splitter

Send = Callable[[bytes], Awaitable[None]]


class Relay:
    """One attempt's stream on its way to the client."""

    def __init__(self, call: Call, send: Send, spill: Path, *, cautious: bool) -> None:
        self._call = call
        self._send = send
        self._writer: Writer = WIRES[call.dialect].writer(call.reader.reply, call.model)
        self._splitter = Splitter()
        self._spill = Spill(spill)
        self._holding = cautious
        self._begun = False
        self._held: list[bytes] = []
        self._held_bytes = 0

    async def run(self, content: aiohttp.StreamReader, seen: Callable[[float], None]) -> bytes:
        """Pass the stream on but for its end; return the end, to be sent once the call is on disk.

        Raises `UpstreamFault` where the stream breaks off, stays silent, or says that it failed.
        """
        try:
            began = monotonic()
            while chunk := await content.readany():
                at = monotonic()
                self._call.waiting_s += at - began
                seen(at)
                await self._take(chunk)
                began = monotonic()
            return self._end()
        finally:
            self._call.overflow_file = self._spill.close(keep=self._call.reader.reply.overflowed)

    async def _take(self, chunk: bytes) -> None:
        self._spill.add(chunk)
        out: list[bytes] = []
        for event in self._splitter.feed(chunk):
            out += self._event(event)
            if out and not self._call.passed:  # the first word goes out before the rest is read
                await self._pass(out)
                out = []
        if out:
            await self._pass(out)

    async def _pass(self, out: list[bytes]) -> None:
        self._call.passed = True
        await self._send(b"".join(out))

    def _event(self, event: Event) -> list[bytes]:
        """Return what the client gets for an event now; what is held is kept aside."""
        reader = self._call.reader
        had_usage = reader.reply.counts
        ops = self._read(event)
        if reader.reply.error and not reader.ended:
            raise fault_of_reply(reader.reply.error, reader.reply.error_code)
        if self._call.translated:
            made = self._translated(ops)
        elif (
            self._call.usage_added and not ops and reader.reply.counts is not had_usage and _only_usage(event)
        ):
            made = []
        elif self._call.hide_tokens and event.data and event.data != b"[DONE]":
            made = [without_tokens(event.data)]
        else:
            made = [event.raw]
        return self._due(ops, made)

    def _due(self, ops: list[Op], made: list[bytes]) -> list[bytes]:
        """Return what can be passed on now, with what was held before; hold the rest."""
        parts = self._call.reader.reply.parts
        calls = any(kind == "open" and parts[index].kind == "call" for kind, index, _ in ops)
        self._begun = self._begun or any(kind == "add" for kind, _, _ in ops)
        self._holding = self._holding or calls or self._call.reader.ended
        self._hold(made)
        if self._holding or not self._begun:
            return []
        due, self._held, self._held_bytes = self._held, [], 0
        return due

    def _read(self, event: Event) -> list[Op]:
        if event.data is None:
            return []
        try:
            return self._call.reader.take(event.data)
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            shown = event.data[:120].decode("utf-8", "replace")
            raise UpstreamFault("upstream_error", f"an event that cannot be read: {shown!r}") from error

    def _translated(self, ops: list[Op]) -> list[bytes]:
        mark_freeform(self._call.reader.reply, ops, self._call.freeform)
        return self._writer.write(ops)

    def _hold(self, made: list[bytes]) -> None:
        self._held += made
        self._held_bytes += sum(map(len, made))
        if self._held_bytes > KEPT_BYTES and not self._call.reader.ended:
            raise UpstreamFault(
                "upstream_error", "more than 8 MiB from the start of a tool call on", retryable=False
            )

    def _end(self) -> bytes:
        reader = self._call.reader
        ops = [] if reader.ended else reader.at_end()
        rest = b"" if self._call.translated else self._splitter.rest
        if not reader.ended:
            raise UpstreamFault("stream_truncated", "the stream ended without its last event")
        if reader.reply.finish == "error":
            self._failed(fault_of_reply(reader.reply.error or "the reply failed", reader.reply.error_code))
        if self._call.translated:
            self._held += self._translated(ops)
        elif ops and self._call.dialect == "chat":
            rest += b"data: [DONE]\n\n"
        return b"".join(self._held) + rest

    def _failed(self, fault: UpstreamFault) -> None:
        """Let a client that knows its provider's word for a full context have it; raise any other fault."""
        if fault.category != "context_length" or self._call.translated:
            raise fault
        self._call.error, self._call.message = fault.category, fault.message


class Spill:
    """Keeps the raw stream of a reply that is too long for memory, whole, on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chunks: list[bytes] = []
        self._size = 0
        self._file: BufferedWriter | None = None

    def add(self, chunk: bytes) -> None:
        """Keep a chunk."""
        try:
            self._add(chunk)
        except OSError as error:
            reason = f"the reply cannot be kept: {error.strerror}"
            raise UpstreamFault("client_error", reason, retryable=False) from error

    def _add(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._file is not None:
            self._file.write(chunk)
            return
        self._chunks.append(chunk)
        if self._size > KEPT_BYTES:
            self._path.parent.mkdir(exist_ok=True)
            self._file = self._path.open("wb")
            self._file.writelines(self._chunks)
            self._chunks.clear()

    def close(self, *, keep: bool) -> str | None:
        """Close the file; return its name beside `calls.jsonl` where it is needed."""
        if self._file is None:
            return None
        self._file.close()
        if keep:
            return f"{self._path.parent.name}/{self._path.name}"
        self._path.unlink()
        return None


def mark_freeform(reply: Reply, ops: Iterable[Op], names: Collection[str]) -> None:
    """Mark the calls that were freeform tools before they travelled as functions."""
    for kind, index, _ in ops:
        if kind == "open" and reply.parts[index].name in names:
            reply.parts[index].freeform = True


def _only_usage(event: Event) -> bool:
    return not wire_json.read(event.data or b"{}").get("choices")


def without_tokens(data: bytes) -> bytes:
    """Return an event without what was asked for in the client's stead."""
    return b"data: " + to_json(hide_tokens(wire_json.read(data))) + b"\n\n"


def hide_tokens(chunk: Mapping[str, Any]) -> dict[str, Any]:
    """Take token ids and logprobs out of a chat completion."""
    hidden = {name: value for name, value in chunk.items() if name != "prompt_token_ids"}
    choices = chunk.get("choices")
    if isinstance(choices, list):
        drop = ("token_ids", "prompt_token_ids", "logprobs")
        hidden["choices"] = [{n: v for n, v in choice.items() if n not in drop} for choice in choices]
    return hidden
