"""Tests of the loopback host."""

import asyncio
import socket
import time
import urllib.request

import pytest
from aiohttp import web

from runner.interceptor.host import CLOSE_S, host


def hello() -> web.Application:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", answer)
    return app


def test_a_client_that_connects_before_the_server_is_loaded_is_answered() -> None:
    def slow() -> web.Application:
        time.sleep(0.5)
        return hello()

    with host(slow) as url, urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
        assert answer.read() == b"hello"


def test_closing_is_bounded_though_a_call_hangs_and_ignores_its_cancellation() -> None:
    async def hang(_request: web.Request) -> web.Response:
        for _ in range(2):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue
        return web.Response()

    def make() -> web.Application:
        app = web.Application()
        app.router.add_get("/", hang)
        return app

    with host(make) as url:
        port = int(url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            time.sleep(0.3)
            began = time.monotonic()
    assert time.monotonic() - began < CLOSE_S + 1.5


def test_what_building_the_application_raises_is_raised_when_the_block_ends() -> None:
    def broken() -> web.Application:
        raise OSError("no such script")

    with pytest.raises(OSError, match="no such script"), host(broken):
        pass


def test_nothing_listens_after_the_block() -> None:
    with host(hello) as url:
        port = int(url.rsplit(":", 1)[1])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_a_block_that_ends_before_the_server_is_loaded_waits_for_it_alone() -> None:
    began = time.monotonic()
    with host(hello):
        pass
    assert time.monotonic() - began < CLOSE_S
