"""Puts the interceptor before an upstream, as a rollout would."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.base import Agent, AgentRun
from runner.interceptor import open_interceptor
from runner.interceptor.base import Interceptor
from runner.interceptor.records import CALLS, CallRecord, read_records
from runner.interceptor.replay import ReplayModel, Script, replay
from runner.request import Limits, Rollout
from tests.driving import assign

KEY = "the-real-key-of-the-provider"
ID = "trace_abc"


@dataclass
class Relaying:
    """An open interceptor and what lies on both sides of it."""

    interceptor: Interceptor
    folder: Path
    model: ReplayModel | None = None

    @property
    def records(self) -> list[CallRecord]:
        """The calls recorded so far, in order of arrival."""
        return sorted(read_records(self.folder / CALLS), key=lambda record: record.call_index)


def rollout(url: str, limits: Limits | None = None, **params: Any) -> Rollout:
    """Return a request whose calls go to `url`."""
    return Rollout(
        trace_correlation_id=ID,
        inference_url=url,
        model="some-model",
        limits=limits or Limits(),
        params=params,
    )


@contextmanager
def relaying(folder: Path, url: str, limits: Limits | None = None, **params: Any) -> Iterator[Relaying]:
    """Open an interceptor before an upstream at `url`."""
    folder.mkdir(exist_ok=True, parents=True)
    request = rollout(url, limits, **params)
    with open_interceptor(request, {"SYNTH_API_KEY": KEY}, folder=folder) as interceptor:
        yield Relaying(interceptor, folder)


@contextmanager
def replaying(
    folder: Path, turns: Sequence[Mapping[str, Any]], limits: Limits | None = None, **params: Any
) -> Iterator[Relaying]:
    """Open an interceptor before the replay model."""
    given = {"upstream_dialect": "same"} | params
    with (
        replay(Script.of(turns)) as model,
        relaying(folder, f"{model.base_url}/v1", limits, **given) as found,
    ):
        found.model = model
        yield found


def work(agent: Agent, root: Path, relay: Relaying, **changes: Any) -> AgentRun:
    """Let an agent work behind an interceptor, then seal it."""
    interceptor = relay.interceptor
    assert agent.dialect is not None
    assignment = assign(
        root,
        endpoint=interceptor.endpoint(agent.dialect),
        last_call=interceptor.last_call,
        should_stop=interceptor.stop,
        **changes,
    )
    run = agent.run(assignment)
    interceptor.seal()
    return run
