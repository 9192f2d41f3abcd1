"""Sends an answer to the client, or lets it go wrong the way the script says."""

import asyncio
import socket
import struct
from collections.abc import Iterable
from typing import NoReturn

from aiohttp import web

from runner.interceptor.received import Received
from runner.interceptor.script import Fault, Turn
from runner.interceptor.wire import WIRES, Answer, Event, Wire
from runner.interceptor.wire.base import dumps

_FLUSH_S = 0.05
"""A reset drops what the kernel has not sent yet; loopback needs far less than this."""
_HTML = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"


async def deliver(
    http: web.Request, request: Received, answer: Answer, turn: Turn, fault: Fault | None
) -> web.StreamResponse:
    """Answer `http`; return once every byte has been handed to the socket, or the fault is done."""
    await asyncio.sleep(turn.delay_s)
    if fault is not None and (early := await _instead(http, request, fault)):
        return early
    wire = WIRES[request.dialect or "responses"]
    if request.stream:
        return await _stream(http, list(wire.events(answer, request.body)), turn.chunk_delay_s, fault)
    return await _whole(http, dumps(wire.body(answer)).encode(), fault)


def refusal(wire: Wire, status: int, message: str, code: str | None = None) -> web.Response:
    """Return an error in the client's dialect."""
    return web.json_response(wire.error(status, message, code), status=status)


async def _instead(http: web.Request, request: Received, fault: Fault) -> web.StreamResponse | None:
    """Play the faults that need no answer; null for those that break one off."""
    if fault.kind == "hang_before_headers":
        await _hang()
    if fault.kind == "cut_before_headers":
        await _reset(http)
        return web.Response()
    if fault.kind == "html":
        return web.Response(text=fault.body or _HTML, content_type="text/html")
    if fault.kind == "empty":
        return web.Response(content_type="text/event-stream" if request.stream else "application/json")
    return _status(request, fault) if fault.kind == "status" else None


def _status(request: Received, fault: Fault) -> web.Response:
    message = fault.error or f"replayed fault: HTTP {fault.status}"
    error = WIRES[request.dialect or "responses"].error(fault.status, message, fault.code)
    text = dumps(error) if fault.body is None else fault.body
    headers = {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
    return web.Response(text=text, status=fault.status, headers=headers, content_type="application/json")


async def _stream(
    http: web.Request, events: list[Event], pause_s: float, fault: Fault | None
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(http)
    if fault is None:
        await _write(response, events, pause_s)
    else:
        await _broken(http, response, events, pause_s, fault)
    return response


async def _broken(
    http: web.Request, response: web.StreamResponse, events: list[Event], pause_s: float, fault: Fault
) -> None:
    content = [event for event in events if not event.final]
    if fault.kind == "truncate":
        await _write(response, content, pause_s)
        return
    if fault.kind == "hang_after_headers":
        await _hang()
    sent = {"first": 1, "half": max(1, len(content) // 2), "content": len(content)}[fault.after]
    await _write(response, events[:sent], pause_s)
    if fault.kind == "hang_mid_stream":
        await _hang()
    if fault.kind == "cut":
        await _reset(http)
        return
    torn = events[sent].data
    await response.write(torn[: len(torn) // 2].rstrip(b"\n") + b"\n\n")
    await _write(response, events[sent:], pause_s)


async def _write(response: web.StreamResponse, events: Iterable[Event], pause_s: float) -> None:
    for event in events:
        await response.write(event.data)
        if pause_s:
            await asyncio.sleep(pause_s)


async def _whole(http: web.Request, body: bytes, fault: Fault | None) -> web.StreamResponse:
    if fault is None or fault.kind == "bad_json":
        return web.Response(body=body if fault is None else body[:-1], content_type="application/json")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    response.force_close()
    await response.prepare(http)
    if fault.kind != "hang_after_headers":
        await response.write(body[: 1 if fault.after == "first" else len(body) // 2])
    if fault.kind.startswith("hang"):
        await _hang()
    if fault.kind == "cut":
        await _reset(http)
    elif http.transport is not None:
        http.transport.close()
    return response


async def _hang() -> NoReturn:
    """Wait until the client goes away or the server closes: both cancel this call."""
    await asyncio.Event().wait()
    raise AssertionError("nobody sets the event")


async def _reset(http: web.Request) -> None:
    """Break the connection off with a TCP reset."""
    await asyncio.sleep(_FLUSH_S)
    if http.transport is not None:
        connection = http.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        http.transport.abort()
