"""The replay model: plays a script to any client of the three dialects, on loopback.

It stands where a provider stands: `inference_url: "replay:FILE"`. It answers
`POST .../responses`, `.../chat/completions`, `.../messages`, `.../messages/count_tokens`, `GET .../models`
and probes, under any path prefix, so that a correlation id may stand in the path.
"""

import json
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.base import Dialect
from runner.errors import ReplayFailed
from runner.interceptor.host import host
from runner.interceptor.replay.playback import Playback
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.script import Script
from runner.interceptor.replay.script_file import read_script

if TYPE_CHECKING:
    from aiohttp import web

ENDPOINTS: Mapping[str, Dialect] = {
    "/responses": "responses",
    "/chat/completions": "chat",
    "/messages": "messages",
}
"""How the path of a model call ends."""
BODY_BYTES = 64 * 1024**2
"""Largest request that is read; longer ones get HTTP 413."""
KEPT = 1000
"""How many requests are remembered, and `BODY_BYTES` in all."""


@dataclass(frozen=True)
class ReplayModel:
    """A running replay."""

    base_url: str
    """`http://127.0.0.1:PORT`, without a path."""
    requests: deque[Received]
    """The newest requests in order of arrival (at most `KEPT`, and 64 MiB of bodies)."""
    _playback: Playback

    @property
    def remaining(self) -> int:
        """How many turns nobody has had yet."""
        return self._playback.remaining

    def failure(self) -> ReplayFailed | None:
        """Return why a request fitted no turn, if one did."""
        return self._playback.failure


@contextmanager
def replay(script: Script | Path | str) -> Iterator[ReplayModel]:
    """Play a script, or the script or recording in a file, while the block runs.

    Raises `RequestInvalid`, naming file, line and key, before anything is served.
    """
    playback = Playback(script if isinstance(script, Script) else read_script(Path(script)))
    server = _Replay(playback)
    with host(server.app) as base_url:
        yield ReplayModel(base_url, server.requests, playback)


@dataclass(frozen=True)
class _Replay:
    playback: Playback
    requests: deque[Received] = field(default_factory=deque)

    def app(self) -> "web.Application":
        from aiohttp import web  # noqa: PLC0415 - 0.2 s, behind the listening socket

        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, http: "web.Request") -> "web.StreamResponse":
        path = http.path.rstrip("/")
        dialect = next((ENDPOINTS[end] for end in ENDPOINTS if path.endswith(end)), None)
        request = _received(http, await http.read(), dialect)
        self._remember(request)
        if http.method == "POST" and dialect and request.body:
            return await self._answer(http, request)
        return _canned(request, path)

    async def _answer(self, http: "web.Request", request: Received) -> "web.StreamResponse":
        from runner.interceptor.replay.answers import answer  # noqa: PLC0415 - aiohttp is loaded by now
        from runner.interceptor.replay.delivery import Delivery, refusal  # noqa: PLC0415
        from runner.interceptor.replay.wire import WIRES  # noqa: PLC0415

        try:
            play = self.playback.take(request)
        except ReplayFailed as error:
            return refusal(WIRES[request.dialect or "responses"], 400, str(error))
        try:
            delivery = Delivery(http, request, play, lambda: self.playback.had(play))
            return await delivery.send(answer(play, request))
        finally:
            self.playback.release(play)

    def _remember(self, request: Received) -> None:
        self.requests.append(request)
        while len(self.requests) > KEPT or sum(r.size for r in self.requests) > BODY_BYTES:
            self.requests.popleft()


def _received(http: "web.Request", raw: bytes, dialect: Dialect | None) -> Received:
    try:
        body: Any = json.loads(raw) if raw else {}
    except ValueError:
        body = {}
    headers = {name.lower(): value for name, value in http.headers.items()}
    return Received(
        http.method, http.path_qs, headers, body if isinstance(body, dict) else {}, len(raw), dialect
    )


def _canned(request: Received, path: str) -> "web.Response":
    """Answer what asks for no turn: probes, the list of models, a count of tokens."""
    from aiohttp import web  # noqa: PLC0415

    if request.method == "POST" and path.endswith("/messages/count_tokens"):
        return web.json_response({"input_tokens": 1 + request.size // 4})
    if request.method in {"GET", "HEAD"} and path.endswith("/models"):
        return web.json_response(_models("replay"))
    if request.method in {"GET", "HEAD"} and request.dialect is None:
        return web.json_response({"model": "replay"})
    if request.method == "POST" and request.dialect:
        return _refused(400, "the body is no JSON object")
    return _refused(404, f"the replay model has no {request.method} {path}")


def _refused(status: int, message: str) -> "web.Response":
    from aiohttp import web  # noqa: PLC0415

    error = {"type": "invalid_request_error", "message": message}
    return web.json_response({"type": "error", "error": error}, status=status)


def _models(name: str) -> dict[str, Any]:
    """Return a list of one model that both OpenAI's and Anthropic's clients read."""
    model = {"id": name, "object": "model", "created": 0, "owned_by": "replay"}
    model |= {"type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    return {"object": "list", "data": [model], "has_more": False, "first_id": name, "last_id": name}
