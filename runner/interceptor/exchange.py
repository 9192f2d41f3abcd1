"""One call from end to end: sent with retries, relayed, recorded."""

import asyncio
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp
from aiohttp import web
from pydantic_core import to_json

from runner.deadline import Deadline
from runner.interceptor.call import Call
from runner.interceptor.dialects import WIRES
from runner.interceptor.faults import UpstreamFault, fault_of_reply, final, said
from runner.interceptor.reply import Op
from runner.interceptor.stream import Relay, hide_tokens, mark_freeform
from runner.interceptor.upstream import Upstream, parsed, read_whole

BACKOFF_S = 0.5
"""First pause between attempts; it doubles."""
LONGEST_PAUSE_S = 120.0
"""A provider that asks for more is not waited for."""
_SILENT_ATTEMPTS = 2
_KEPT_HEADERS = ("x-", "openai-", "anthropic-", "request-id", "ratelimit")
NO_RETRY = {"x-should-retry": "false"}
"""Understood by the openai and anthropic SDKs: what could be retried was retried here."""

Settle = Callable[[UpstreamFault | None], None]
"""Puts the call on disk; called once, before the client sees its end."""


class ClientGone(Exception):  # noqa: N818 - nobody is left to tell
    """The client closed its connection."""


class Exchange:
    """Carries one call to the upstream and its reply back."""

    def __init__(self, call: Call, request: web.Request, upstream: Upstream, settle: Settle) -> None:
        self._call = call
        self._request = request
        self._upstream = upstream
        self._settle = settle
        self._response: web.StreamResponse | None = None

    async def run(
        self, attempts: int, deadline: Deadline, spill: Path, *, cautious: bool
    ) -> web.StreamResponse:
        """Return the client's answer. `cautious` passes a stream on only when it is whole."""
        while True:
            self._call.attempts += 1
            self._call.restart()
            try:
                return await self._attempt(spill, cautious=cautious)
            except UpstreamFault as fault:
                self._call.status = fault.status or self._call.status
                pause = self._pause(fault, attempts, deadline)
                if pause is None:
                    return await self._give_up(fault)
            self._upstream.last_sign = monotonic() + pause  # a pause that was asked for is no silence
            await asyncio.sleep(pause)
            self._call.waiting_s += pause

    def _pause(self, fault: UpstreamFault, attempts: int, deadline: Deadline) -> float | None:
        """Return the seconds to wait before another attempt; null to give up."""
        made = self._call.attempts
        silent = fault.category == "timeout" and made >= _SILENT_ATTEMPTS
        if self._call.passed or not fault.retryable or silent or made >= attempts:
            return None
        pause = BACKOFF_S * 2 ** (made - 1) * random.uniform(0.8, 1.2)  # noqa: S311 - spreads retries
        pause = max(pause, fault.retry_after or 0.0)
        return pause if pause < min(LONGEST_PAUSE_S, deadline.remaining) else None

    async def _attempt(self, spill: Path, *, cautious: bool) -> web.StreamResponse:
        call = self._call
        body = call.raw if call.sent is None else call.sent
        asked = monotonic()
        try:
            async with self._upstream.post(call.url, call.upstream, call.headers, body) as reply:
                call.waiting_s += monotonic() - asked
                call.status = reply.status
                kind = reply.headers.get("content-type", "")
                if call.stream and "json" not in kind and "html" not in kind:
                    return await self._stream(reply, spill, cautious=cautious)
                asked = monotonic()
                whole = await read_whole(reply)
                call.waiting_s += monotonic() - asked
        except UpstreamFault as fault:
            if fault.status:
                call.waiting_s += monotonic() - asked
            raise
        self._seen(monotonic())
        return await self._whole(whole, parsed(whole, kind), reply)

    async def _stream(
        self, reply: aiohttp.ClientResponse, spill: Path, *, cautious: bool
    ) -> web.StreamResponse:
        async def send(data: bytes) -> None:
            began = monotonic()
            await self._send(data, reply)
            self._call.waiting_s += monotonic() - began

        relay = Relay(self._call, send, spill, cautious=cautious)
        end = await relay.run(reply.content, self._seen)
        self._settle(None)
        await self._send(end, reply)
        return await self._finished()

    async def _whole(
        self, body: bytes, found: Mapping[str, Any], reply: aiohttp.ClientResponse
    ) -> web.StreamResponse:
        call = self._call
        try:
            ops = call.reader.whole(found)
        except (ValueError, AttributeError, TypeError, KeyError) as error:
            raise UpstreamFault("upstream_error", f"a reply that cannot be read: {body[:120]!r}") from error
        read = call.reader.reply
        if read.error or read.finish == "error":
            raise fault_of_reply(read.error or "the reply failed", read.error_code)
        if not (read.parts or read.finish_raw or found.get("output")):
            raise UpstreamFault("upstream_error", f"a reply without an answer: {body[:120]!r}")
        made = self._made(body, found, ops)
        self._settle(None)
        if call.stream:
            await self._send(made, reply)
            return await self._finished()
        return web.Response(body=made, content_type="application/json", headers=_headers(reply))

    def _made(self, body: bytes, found: Mapping[str, Any], ops: list[Op]) -> bytes:
        """Return what the client gets for a reply that came whole."""
        call = self._call
        reply = call.reader.reply
        wire = WIRES[call.dialect]
        mark_freeform(reply, ops, call.freeform)
        if call.stream:
            return b"".join(wire.writer(reply, call.model).write(ops))
        if call.translated:
            return to_json(wire.whole(reply, call.model))
        return to_json(hide_tokens(found)) if call.hide_tokens else body

    async def _give_up(self, fault: UpstreamFault) -> web.StreamResponse:
        """Tell the client, in its own dialect, what went wrong."""
        call = self._call
        call.error, call.message = fault.category, said(fault, call.attempts)
        self._settle(fault)
        wire = WIRES[call.dialect]
        full = fault.category == "context_length"
        told, code = (call.message, "context_length_exceeded") if full else (final(call.message), None)
        if self._response is not None:
            await self._write(wire.error_event(call.message, call.reader.reply))
            return await self._finished()
        if fault.retryable or fault.status in {None, 429} or told is not call.message:
            # No status that a client would retry: that was done here.
            return _error(400, to_json(wire.error_body(400, told, code)))
        status = max(400, fault.status)  # a redirect is an error here
        if call.translated or not fault.body:
            return _error(status, to_json(wire.error_body(status, call.message, code)))
        return _error(status, fault.body)

    def _seen(self, at: float) -> None:
        self._upstream.last_sign = at
        if self._call.first_byte is None:
            self._call.first_byte = at

    async def _send(self, data: bytes, reply: aiohttp.ClientResponse) -> None:
        if self._response is None:
            headers = {"content-type": "text/event-stream", "cache-control": "no-cache", **_headers(reply)}
            self._response = web.StreamResponse(headers=headers)
            await self._response.prepare(self._request)
        await self._write(data)

    async def _write(self, data: bytes) -> None:
        assert self._response is not None  # noqa: S101 - for the type checker
        try:
            await self._response.write(data)
        except ConnectionError as error:
            raise ClientGone from error

    async def _finished(self) -> web.StreamResponse:
        assert self._response is not None  # noqa: S101 - for the type checker
        try:
            await self._response.write_eof()
        except ConnectionError as error:
            raise ClientGone from error
        return self._response


def _headers(reply: aiohttp.ClientResponse) -> dict[str, str]:
    """Return the upstream's headers that mean something to a client."""
    return {name: value for name, value in reply.headers.items() if name.lower().startswith(_KEPT_HEADERS)}


def _error(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type="application/json", headers=NO_RETRY)
