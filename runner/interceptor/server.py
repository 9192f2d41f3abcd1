"""The server between the agent and the model: who may call, what, and until when."""

import asyncio
import hmac
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from pydantic_core import to_json

from agents.base import Dialect
from runner.deadline import Deadline
from runner.errors import ModelFailed, ModelRejected
from runner.interceptor.aside import answer_probe, count_tokens, list_models
from runner.interceptor.bridge import Untranslatable
from runner.interceptor.call import Call, body_of
from runner.interceptor.dialects import WIRES
from runner.interceptor.exchange import NO_RETRY, ClientGone, Exchange
from runner.interceptor.faults import UpstreamFault, failure_of
from runner.interceptor.limits import Meter
from runner.interceptor.lineage import Lineage
from runner.interceptor.prepare import Preparation
from runner.interceptor.recorder import Recorder
from runner.interceptor.records import ErrorCategory
from runner.interceptor.routing import ENDINGS
from runner.interceptor.upstream import Upstream

REQUEST_BYTES = 256 * 1024**2
"""Longest request that is taken."""
_OVER = "the rollout's agent has ended: no more calls"
SETTLE_S = 1.0
"""Seconds that calls still open get to end when the agent has ended."""


@dataclass
class Server:
    """State of one rollout's server; lives on the server's thread, but for what `Relayed` reads."""

    upstream: Upstream
    preparation: Preparation
    meter: Meter
    recorder: Recorder
    judge_recorder: Recorder
    folder: Path
    token: str
    judge_token: str
    model: str
    deadline: Deadline
    sealed: bool = False
    failure: ModelFailed | None = None
    """How the last call of the agent failed, if it did."""
    failed_in_a_row: int = 0
    """Calls of the agent that failed for good since the last good one."""
    lineage: Lineage = field(default_factory=Lineage)
    _calls: int = 0
    _broken: bool = False
    """The last stream broke off after the client had got some of it."""
    _open: set["asyncio.Task[object]"] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop | None = None

    def app(self) -> web.Application:
        """Return the application to serve."""
        app = web.Application(client_max_size=REQUEST_BYTES)
        app.router.add_route("*", "/{path:.*}", self._handle)
        app.on_startup.append(self._start)
        app.on_cleanup.append(self._close)
        return app

    def seal(self) -> None:
        """Seal from another thread; returns once the capture is closed."""
        self.sealed = True
        if self._loop is not None:
            sealing = asyncio.run_coroutine_threadsafe(self._seal(), self._loop)
            with suppress(TimeoutError):  # a loop that is stuck: the capture then is closed as incomplete
                sealing.result(4 * SETTLE_S)

    async def _start(self, app: web.Application) -> None:
        del app
        self._loop = asyncio.get_running_loop()

    async def _seal(self) -> None:
        """Refuse the agent's later calls, let the open ones end, and close the capture."""
        open_calls = self._open.copy()
        if open_calls:
            _, late = await asyncio.wait(open_calls, timeout=SETTLE_S)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=SETTLE_S)
        self.recorder.close()

    async def _close(self, app: web.Application) -> None:
        del app
        self.judge_recorder.close()
        await self.upstream.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path = request.path.rstrip("/")
        if request.method in {"GET", "HEAD"} and not path.endswith("/models"):
            return answer_probe(request)
        token = request.headers.get("x-api-key") or request.headers.get("authorization") or ""
        judge = _same(token, self.judge_token)
        dialect, endpoint = _endpoint(path)
        if not judge and not _same(token, self.token):
            return _refuse(
                dialect, 401, "this address serves one rollout alone: its token is missing or wrong"
            )
        if self._is_over(judge=judge):
            return _refuse(dialect, 409, _OVER)
        if path.endswith("/models"):
            return await list_models(self.upstream, request, self.model)
        if request.method != "POST" or dialect is None:
            return _refuse(dialect, 404, f"there is no {request.method} {path}")
        return await self._call(request, dialect, endpoint, judge=judge)

    async def _call(
        self, request: web.Request, dialect: Dialect, endpoint: str, *, judge: bool
    ) -> web.StreamResponse:
        raw, body = body_of(await request.read())
        if body is None:
            return _refuse(dialect, 400, "the request's body is no JSON object")
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(dialect, endpoint, raw, body, headers, request.query_string)
        call.upstream = await self.preparation.dialect(dialect)
        if self._is_over(judge=judge):  # since the request began to arrive
            return _refuse(dialect, 409, _OVER)
        self._calls += 1
        call.index = self._calls
        if judge:
            call.kind = "judge"
        else:
            self.lineage.place(call)
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - for the type checker
        self._open.add(task)
        try:
            return await self._recorded(call, request, self.judge_recorder if judge else self.recorder)
        finally:
            self._open.discard(task)

    def _is_over(self, *, judge: bool) -> bool:
        return not judge and (self.sealed or self.recorder.closed)

    async def _recorded(self, call: Call, request: web.Request, recorder: Recorder) -> web.StreamResponse:
        """Answer a call; its record is written whatever happens."""
        refusal = None if call.kind == "count_tokens" else self._refusal(call, recorder)
        recorder.begin(call)
        if refusal:
            return self._refused(call, recorder, *refusal)
        try:
            return await self._answer(call, request, recorder)
        except (asyncio.CancelledError, ClientGone):
            if not call.settled:
                reason = _OVER if self.sealed else "the client closed its connection"
                call.error, call.message = "client_disconnected", reason
            raise
        finally:
            if not call.settled:
                call.error = call.error or "client_error"
                self._end(call, recorder)

    async def _answer(self, call: Call, request: web.Request, recorder: Recorder) -> web.StreamResponse:
        if call.kind == "count_tokens":
            counted = await count_tokens(self.upstream, call)
            self._end(call, recorder)
            return counted

        def settle(fault: UpstreamFault | None) -> None:
            self._settle(call, recorder, fault)

        exchange = Exchange(call, request, self.upstream, settle)
        spill = self.folder / "overflow" / f"{call.index:05d}.raw"
        attempts = self.preparation.settings.upstream_attempts
        return await exchange.run(attempts, self.deadline, spill, cautious=self._broken)

    def _refusal(self, call: Call, recorder: Recorder) -> tuple[ErrorCategory, str] | None:
        """Say why a call is refused before it is sent."""
        if recorder.failure:
            return "client_error", f"the call cannot be recorded: {recorder.failure}"
        if call.kind != "judge" and (spent := self.meter.refusal()):
            return "refused_by_limit", spent
        try:
            self.preparation.prepare(call)
        except Untranslatable as error:
            message = f"cannot be put into the {call.upstream} dialect: {error}"
            self.failure = ModelRejected(
                f"a model call {message}", hint="set params.upstream_dialect to what the upstream speaks"
            )
            return "client_error", message
        return None

    def _refused(
        self, call: Call, recorder: Recorder, category: ErrorCategory, message: str
    ) -> web.StreamResponse:
        call.error, call.message = category, message
        recorder.end(call, None)
        return _refuse(call.dialect, 400, message)

    def _settle(self, call: Call, recorder: Recorder, fault: UpstreamFault | None) -> None:
        self._broken = fault is not None and call.passed
        if call.kind != "judge":
            self.failure = failure_of(fault, call.attempts) if fault else None
            self.failed_in_a_row = self.failed_in_a_row + 1 if self.failure else 0
        self._end(call, recorder)

    def _end(self, call: Call, recorder: Recorder) -> None:
        call.settled = True
        reply = call.reader.reply
        cost = None
        if call.kind not in {"judge", "count_tokens"}:
            cost = self.meter.count(reply.counts, call.model, answered=bool(reply.parts))
        recorder.end(call, cost)


def _endpoint(path: str) -> tuple[Dialect | None, str]:
    """Return the dialect and endpoint of a path, under any prefix."""
    for ending, dialect in ENDINGS.items():
        for below in ("", "/compact", "/count_tokens"):
            if path.endswith(ending + below):
                return dialect, ending + below
    return None, path


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.removeprefix("Bearer ").encode(), token.encode())


def _refuse(dialect: Dialect | None, status: int, message: str) -> web.Response:
    body = WIRES[dialect or "chat"].error_body(status, message, None)
    return web.Response(status=status, body=to_json(body), content_type="application/json", headers=NO_RETRY)
