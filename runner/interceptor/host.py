"""Hosts an aiohttp application on loopback, on a thread of its own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Event

    from aiohttp import web

CLOSE_S = 2.0
"""Most seconds that closing waits for calls still open; then they are cut."""
HEADER_BYTES = 64 * 1024
"""Longest header that is taken."""


@contextmanager
def host(make_app: Callable[[], "web.Application"]) -> "Iterator[str]":
    """Serve `make_app()` while the block runs; yield its base URL (`http://127.0.0.1:PORT`).

    The socket listens at once, the server is imported and built behind it: an agent started now finds it
    by the time of its first call. What `make_app` raises is raised here, when the block ends.
    """
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        server = _Server(make_app, listener)
        server.start()
        try:
            yield url
        finally:
            server.close()
    if server.error is not None:
        raise server.error


class _Server(threading.Thread):
    """The thread with the event loop."""

    def __init__(self, make_app: Callable[[], "web.Application"], listener: socket.socket) -> None:
        super().__init__(name="host", daemon=True)
        self.error: Exception | None = None
        self._make_app = make_app
        self._listener = listener
        self._ready = threading.Event()
        self._closing: tuple[AbstractEventLoop, Event] | None = None

    def run(self) -> None:
        import asyncio  # noqa: PLC0415 - loaded while the agent starts

        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - carried over to the thread that waits for it
            self.error = error
            self._listener.close()  # refuse the agent at once instead of letting it wait
        finally:
            self._ready.set()

    def close(self) -> None:
        self._ready.wait(10 * CLOSE_S)
        if self._closing is not None and self.is_alive():
            loop, closing = self._closing
            loop.call_soon_threadsafe(closing.set)
        self.join(CLOSE_S + 1)

    async def _serve(self) -> None:
        import asyncio  # noqa: PLC0415

        from aiohttp import web  # noqa: PLC0415

        runner = web.AppRunner(
            self._make_app(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=CLOSE_S / 4,
            max_line_size=HEADER_BYTES,
            max_field_size=HEADER_BYTES,
        )
        await runner.setup()
        await web.SockSite(runner, self._listener).start()
        closing = asyncio.Event()
        self._closing = (asyncio.get_running_loop(), closing)
        self._ready.set()
        await closing.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(runner.cleanup(), CLOSE_S)
