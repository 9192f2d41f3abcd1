"""Serves a playback on every endpoint that an agent's CLI may call.

`POST .../responses`, `.../chat/completions`, `.../messages` and `.../messages/count_tokens`, `GET .../models`
and probes, under any path prefix, so that a correlation id may stand in the path.
"""

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from agents.base import Dialect
from runner.errors import ReplayFailed
from runner.interceptor.replay.answers import BYTES_A_TOKEN, answer
from runner.interceptor.replay.delivery import Delivery, refusal
from runner.interceptor.replay.playback import Playback
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.wire import WIRES
from runner.interceptor.routing import ENDINGS

BODY_BYTES = 64 * 1024**2
"""Largest request that is read; longer ones get HTTP 413."""
KEPT = 1000
"""How many requests are remembered, and `BODY_BYTES` in all."""


@dataclass(frozen=True)
class Server:
    """One replay; lives on the server's thread."""

    playback: Playback
    requests: deque[Received]
    """What was received is added here."""

    def app(self) -> web.Application:
        """Return the application to serve."""
        app = web.Application(client_max_size=BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        return app

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        path = http.path.rstrip("/")
        dialect = next((ENDINGS[end] for end in ENDINGS if path.endswith(end)), None)
        request = _received(http, await http.read(), dialect)
        self._remember(request)
        if http.method == "POST" and dialect and request.body:
            return await self._answer(http, request)
        return _canned(request, path)

    async def _answer(self, http: web.Request, request: Received) -> web.StreamResponse:
        try:
            play = self.playback.take(request)
        except ReplayFailed as error:
            return refusal(WIRES[request.dialect or "responses"], 400, str(error))
        try:
            delivery = Delivery(http, request, play, lambda: self.playback.had(play))
            return await delivery.send(answer(play, request))
        except ConnectionError:
            return web.Response()  # nobody is left to read it
        finally:
            self.playback.release(play)

    def _remember(self, request: Received) -> None:
        self.requests.append(request)
        while len(self.requests) > KEPT or sum(r.size for r in self.requests) > BODY_BYTES:
            self.requests.popleft()


def _received(http: web.Request, raw: bytes, dialect: Dialect | None) -> Received:
    try:
        body: Any = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        body = {}
    headers = {name.lower(): value for name, value in http.headers.items()}
    return Received(
        http.method, http.path_qs, headers, body if isinstance(body, dict) else {}, len(raw), dialect
    )


def _canned(request: Received, path: str) -> web.Response:
    """Answer what asks for no turn: probes, the list of models, a count of tokens."""
    if request.method == "POST" and path.endswith("/messages/count_tokens"):
        return web.json_response({"input_tokens": 1 + request.size // BYTES_A_TOKEN})
    if request.method in {"GET", "HEAD"} and path.endswith("/models"):
        return web.json_response(_models("replay"))
    if request.method in {"GET", "HEAD"} and request.dialect is None:
        return web.json_response({"model": "replay"})
    if request.method == "POST" and request.dialect:
        return _refused(400, "the body is no JSON object")
    return _refused(404, f"the replay model has no {request.method} {path}")


def _refused(status: int, message: str) -> web.Response:
    error = {"type": "invalid_request_error", "message": message}
    return web.json_response({"type": "error", "error": error}, status=status)


def _models(name: str) -> dict[str, Any]:
    """Return a list of one model that both OpenAI's and Anthropic's clients read."""
    model = {"id": name, "object": "model", "created": 0, "owned_by": "replay"}
    model |= {"type": "model", "display_name": name, "created_at": "1970-01-01T00:00:00Z"}
    return {"object": "list", "data": [model], "has_more": False, "first_id": name, "last_id": name}
