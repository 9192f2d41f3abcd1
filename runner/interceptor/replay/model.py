"""The replay model: plays a script to any client of the three dialects, on loopback.

It stands where a provider stands: `inference_url: "replay:FILE"`.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from runner.errors import ReplayFailed
from runner.interceptor.host import host
from runner.interceptor.replay.playback import Playback
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.script import Script
from runner.interceptor.replay.script_file import read_script

if TYPE_CHECKING:
    from aiohttp import web


@dataclass(frozen=True)
class ReplayModel:
    """A running replay."""

    base_url: str
    """`http://127.0.0.1:PORT`, without a path."""
    requests: deque[Received]
    """The newest requests in order of arrival (at most 1000, and 64 MiB of bodies)."""
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
    requests: deque[Received] = deque()

    def app() -> "web.Application":
        from runner.interceptor.replay.server import Server  # noqa: PLC0415 - loads aiohttp: 0.2 s

        return Server(playback, requests).app()

    with host(app) as base_url:
        yield ReplayModel(base_url, requests, playback)
