"""The interceptor as the rollout sees it: a server on a thread of its own, started when it is needed."""

import secrets
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from agents.base import Dialect, Endpoint, Outcome
from runner.deadline import Deadline
from runner.errors import Failure, SandboxFailed
from runner.interceptor.base import Totals
from runner.interceptor.direct import Direct
from runner.interceptor.host import host
from runner.interceptor.limits import Meter
from runner.interceptor.recorder import Recorder
from runner.interceptor.settings import Settings, silence_of
from runner.request import Rollout

if TYPE_CHECKING:
    from aiohttp import web

    from runner.interceptor.server import Server

GIVE_UP_AFTER = 3
"""Calls that failed for good, retries and all, one after the other: then the agent need not go on."""


@dataclass
class Relayed:
    """Implements `Interceptor`; every method may be called from any thread."""

    rollout: Rollout
    settings: Settings
    direct: Direct
    """Where calls go from here."""
    folder: Path
    meter: Meter
    recorder: Recorder
    judge_recorder: Recorder
    stack: ExitStack
    """Holds the server; its owner closes it."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """What the agent presents as its key."""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    """What the runner presents as its own."""
    _base: str | None = None
    _server: "Server | None" = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was repaired in the URL, and what the sums leave out."""
        uncounted = self.meter.totals.uncounted
        if not uncounted:
            return self.direct.warnings
        said = f"{uncounted} model replies came without token counts: the sums leave them out"
        return (*self.direct.warnings, said)

    def endpoint(self, dialect: Dialect) -> Endpoint:
        """Return this server's bases; the correlation id stands in their path."""
        del dialect
        base = f"{self._url()}/{quote(self.rollout.trace_correlation_id, safe='')}"
        return Endpoint(openai_base=f"{base}/v1", anthropic_base=base, token=self.token)

    def upstream(self) -> str:
        """Return the base for the runner's own calls."""
        return f"{self._url()}/judge/v1"

    def last_call(self) -> float:
        """Return `time.monotonic` of the last byte from upstream, 0.0 before the first call."""
        return self._server.upstream.last_sign if self._server else 0.0

    def totals(self) -> Totals:
        """Return what all calls so far came to."""
        return self.meter.totals

    def stop(self) -> Outcome | None:
        """Return `budget` once a limit refused a call, `crashed` once the provider has failed for good."""
        if self.meter.refused:
            return "budget"
        return "crashed" if self._server and self._server.failed_in_a_row >= GIVE_UP_AFTER else None

    def failure(self) -> Failure | None:
        """Return why the model's answers, or their records, cannot be had."""
        if self.recorder.failure:
            return SandboxFailed(self.recorder.failure, hint="make room on the disk", phase="model")
        return self.direct.replayed() or (self._server.failure if self._server else None)

    def seal(self) -> None:
        """Refuse later calls of the agent's and close the capture."""
        if self._server:
            self._server.seal()
        self.recorder.close()

    def _url(self) -> str:
        if self._base is None:
            self._base = self.stack.enter_context(host(self._app))
        return self._base

    def _app(self) -> "web.Application":
        """Build the server, on its own thread, while the agent starts: aiohttp takes 0.2 s to load."""
        from runner.interceptor.prepare import Preparation  # noqa: PLC0415
        from runner.interceptor.server import Server  # noqa: PLC0415
        from runner.interceptor.upstream import Upstream  # noqa: PLC0415

        settings = self.settings
        silence = silence_of(settings, self.rollout)
        upstream = Upstream(self.direct.route, self.direct.key, settings.upstream_headers, silence)
        self._server = Server(
            upstream=upstream,
            preparation=Preparation(settings, upstream, self.rollout.provider),
            meter=self.meter,
            recorder=self.recorder,
            judge_recorder=self.judge_recorder,
            folder=self.folder,
            token=self.token,
            judge_token=self.key,
            model=self.rollout.model,
            deadline=Deadline.after(self.rollout.limits.timeout_s),
        )
        return self._server.app()
