"""Opens the interceptor that a request asks for."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from runner.errors import RequestInvalid, SandboxFailed
from runner.interceptor.absent import Absent
from runner.interceptor.base import Interceptor
from runner.interceptor.direct import Direct
from runner.interceptor.limits import Meter
from runner.interceptor.prices import price_of, read_prices
from runner.interceptor.recorder import Recorder
from runner.interceptor.records import CALLS
from runner.interceptor.relayed import Relayed
from runner.interceptor.routing import Route, disagreement, key_for, parse_url
from runner.interceptor.settings import Settings, read_settings
from runner.request import Rollout

REPLAY = "replay:"
JUDGE = "judge.jsonl"
"""Records of the runner's own calls, apart from the agent's."""


@contextmanager
def open_interceptor(rollout: Rollout, environ: Mapping[str, str], *, folder: Path) -> Iterator[Interceptor]:
    """Stand between the agent and the model while the block runs.

    `environ` holds the upstream's key; `calls.jsonl` is written into `folder`. Raises `RequestInvalid`
    where `inference_url` or a parameter of ours cannot be understood, `SandboxFailed` where nothing can be
    written. The server starts when an endpoint is first asked for; without an `inference_url` there is none.
    """
    if not rollout.inference_url:
        yield Absent()
        return
    settings = read_settings(rollout.params)
    meter = _meter(rollout, settings)
    with ExitStack() as stack:
        direct = _direct(rollout, environ, stack)
        if settings.off:
            yield direct
        else:
            yield Relayed(
                rollout=rollout,
                settings=_for_replay(settings) if _replays(rollout) else settings,
                direct=direct,
                folder=folder,
                meter=meter,
                recorder=_recorder(rollout, folder / CALLS, stack),
                judge_recorder=_recorder(rollout, folder / JUDGE, stack),
                stack=stack,
            )


def foresee(rollout: Rollout) -> tuple[str, ...]:
    """Return what an interceptor would warn of, and raise what it would refuse, without opening one."""
    if not rollout.inference_url:
        return ()
    _meter(rollout, read_settings(rollout.params))
    if _replays(rollout):
        from runner.interceptor.replay.script_file import read_script  # noqa: PLC0415 - where it is asked for

        read_script(_script(rollout))
        return ()
    return _warnings(parse_url(rollout.inference_url), rollout)


def _replays(rollout: Rollout) -> bool:
    """Whether the model is a script or a recording."""
    return (rollout.inference_url or "").startswith(REPLAY)


def _direct(rollout: Rollout, environ: Mapping[str, str], stack: ExitStack) -> Direct:
    """Return where calls go when nobody stands between."""
    url = rollout.inference_url or ""
    if _replays(rollout):
        from runner.interceptor.replay import replay  # noqa: PLC0415 - where it is asked for

        model = stack.enter_context(replay(_script(rollout)))
        return Direct(parse_url(f"{model.base_url}/v1"), "", replayed=model.failure)
    route = parse_url(url)
    return Direct(route, key_for(route, environ), _warnings(route, rollout))


def _script(rollout: Rollout) -> Path:
    return Path((rollout.inference_url or "").removeprefix(REPLAY))


def _warnings(route: Route, rollout: Rollout) -> tuple[str, ...]:
    other = disagreement(route, rollout.trace_correlation_id)
    return (*route.warnings, *([other] if other else []))


def _for_replay(settings: Settings) -> Settings:
    """Let the replay model answer in the agent's dialect: it speaks all."""
    return settings.model_copy(update={"upstream_dialect": settings.upstream_dialect or "same"})


def _recorder(rollout: Rollout, file: Path, stack: ExitStack) -> Recorder:
    try:
        recorder = Recorder(file, rollout.trace_correlation_id, rollout.seed, keep_empty=file.name == CALLS)
    except OSError as error:
        raise SandboxFailed(f"{file} cannot be written: {error.strerror}", phase="model") from None
    stack.callback(recorder.close)
    return recorder


def _meter(rollout: Rollout, settings: Settings) -> Meter:
    """Return the counter of this rollout; refuses a limit that could not be held."""
    prices = read_prices(settings.prices)
    if rollout.limits.max_cost_usd is not None and not price_of(rollout.model, prices):
        raise RequestInvalid(
            f"limits.max_cost_usd cannot be held: the price of {rollout.model!r} is unknown",
            hint=f'give params.prices = {{"{rollout.model}": {{"input": ..., "output": ...}}}}',
        )
    return Meter(rollout.limits, prices)
