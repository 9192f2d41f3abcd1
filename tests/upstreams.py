"""Upstreams that answer what a test says, byte for byte, over real HTTP."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from runner.interceptor.host import host


@dataclass
class Upstream:
    """A running upstream and what it was asked."""

    url: str = ""
    requests: list[web.Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the last request, names in lower case."""
        return {name.lower(): value for name, value in self.requests[-1].headers.items()}


Answer = Callable[[web.Request, bytes], Any]


@contextmanager
def upstream(answer: Answer) -> Iterator[Upstream]:
    """Serve `answer(request, body)`: a response, or an async iterator of chunks of a stream."""
    found = Upstream()

    async def handle(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        found.requests.append(request)
        found.bodies.append(body)
        made = answer(request, body)
        if isinstance(made, web.StreamResponse):
            return made
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        async for chunk in made:
            await response.write(chunk)
        await response.write_eof()
        return response

    def app() -> web.Application:
        made = web.Application(client_max_size=2**30)
        made.router.add_route("*", "/{path:.*}", handle)
        return made

    with host(app) as url:
        found.url = url
        yield found


async def chunks(parts: Sequence[bytes]) -> AsyncIterator[bytes]:
    """Yield the parts one by one."""
    for part in parts:
        yield part
