"""Sends an answer to the client, or lets it go wrong the way the script says."""

import asyncio
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from aiohttp import web

from runner.interceptor.replay.playback import Play
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.script import Fault
from runner.interceptor.replay.wire import WIRES, Answer, Event, Wire
from runner.interceptor.replay.wire.base import dumps

_FLUSH_S = 0.05
"""A reset drops what the kernel has not sent yet; loopback needs far less than this."""
_HTML = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


def refusal(wire: Wire, status: int, message: str, code: str | None = None) -> web.Response:
    """Return an error in the client's dialect."""
    return web.json_response(wire.error(status, message, code), status=status)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One answer on its way."""

    http: web.Request
    request: Received
    play: Play
    had: Callable[[], None]
    """Called just before the last byte of a whole answer, and so before the client can act on it."""

    async def send(self, answer: Answer) -> web.StreamResponse:
        """Answer; return when all is handed to the socket, or the fault is done."""
        await asyncio.sleep(self.play.turn.delay_s)
        fault = self.play.fault
        if fault is not None and (instead := await self._instead(fault)):
            return instead
        if self.request.stream:
            events = list(self._wire.events(answer, self.request.body))
            return await self._stream(events, fault)
        return await self._whole(dumps(self._wire.body(answer, self.request.body)).encode(), fault)

    @property
    def _wire(self) -> Wire:
        return WIRES[self.request.dialect or "responses"]

    async def _instead(self, fault: Fault) -> web.StreamResponse | None:
        """Play the faults that send nothing of the answer; null for those that break it off."""
        if fault.kind == "hang_before_headers":
            await _hang()
        if fault.kind == "cut_before_headers":
            await self._reset()
            return web.Response()
        if fault.kind == "html":
            return web.Response(text=fault.body or _HTML, content_type="text/html")
        if fault.kind == "empty":
            kind = "text/event-stream" if self.request.stream else "application/json"
            return web.Response(content_type=kind)
        return self._error(fault) if fault.kind == "status" else None

    def _error(self, fault: Fault) -> web.Response:
        message = fault.error or f"replayed fault: HTTP {fault.status}"
        text = (
            dumps(self._wire.error(fault.status, message, fault.code)) if fault.body is None else fault.body
        )
        headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
        return web.Response(text=text, status=fault.status, headers=headers, content_type="application/json")

    async def _stream(self, events: list[Event], fault: Fault | None) -> web.StreamResponse:
        headers = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}
        response = web.StreamResponse(headers=headers)
        await response.prepare(self.http)
        if fault is not None:
            await self._break(response, events, fault)
            return response
        await self._write(response, events[:-1])
        self.had()
        await self._write(response, events[-1:])
        return response

    async def _break(self, response: web.StreamResponse, events: list[Event], fault: Fault) -> None:
        content = [event for event in events if not event.final]
        if fault.kind == "truncate":
            await self._write(response, content)
            return
        if fault.kind == "hang_after_headers":
            await _hang()
        sent = {"first": 1, "half": max(1, len(content) // 2), "content": len(content)}[fault.after]
        await self._write(response, events[:sent])
        if fault.kind == "hang_mid_stream":
            await _hang()
        if fault.kind == "cut":
            await self._reset()
            return
        torn = events[sent].data
        await response.write(torn[: len(torn) // 2].rstrip(b"\n") + b"\n\n")
        await self._write(response, events[sent:])

    async def _write(self, response: web.StreamResponse, events: list[Event]) -> None:
        pause_s = self.play.turn.chunk_delay_s
        for event in events:
            await response.write(event.data)
            if pause_s:
                await asyncio.sleep(pause_s)

    async def _whole(self, body: bytes, fault: Fault | None) -> web.StreamResponse:
        if fault is None:
            self.had()
        if fault is None or fault.kind == "bad_json":
            return web.Response(body=body if fault is None else body[:-1], content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.content_length = len(body)
        response.force_close()
        await response.prepare(self.http)
        if fault.kind != "hang_after_headers":
            await response.write(body[: 1 if fault.after == "first" else len(body) // 2])
        if fault.kind.startswith("hang"):
            await _hang()
        if fault.kind == "cut":
            await self._reset()
        elif self.http.transport is not None:
            self.http.transport.close()
        return response

    async def _reset(self) -> None:
        """Break the connection off with a TCP reset."""
        await asyncio.sleep(_FLUSH_S)
        if self.http.transport is not None:
            connection = self.http.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.http.transport.abort()


async def _hang() -> NoReturn:
    """Wait until the client goes away or the server closes: both cancel this call."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")
