"""Opens the interceptor that a request asks for."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from runner.errors import Failure, RequestInvalid, SandboxFailed
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
    meter = Meter(rollout.limits, read_prices(settings.prices))
    _check_cost_limit(rollout, meter)
    with ExitStack() as stack:
        route, key, replayed = _upstream(rollout, environ, stack)
        other = disagreement(route, rollout.trace_correlation_id)
        warnings = (*route.warnings, *([other] if other else []))
        if settings.off:
            yield Direct(route, key, warnings, replayed)
            return
        yield Relayed(
            rollout=rollout,
            settings=_for_replay(settings) if rollout_replays(rollout) else settings,
            route=route,
            upstream_key=key,
            folder=folder,
            meter=meter,
            recorder=_recorder(rollout, folder / CALLS, stack),
            judge_recorder=_recorder(rollout, folder / JUDGE, stack),
            stack=stack,
            warnings=warnings,
            replayed=replayed,
        )


def rollout_replays(rollout: Rollout) -> bool:
    """Whether the model is a script."""
    return (rollout.inference_url or "").startswith(REPLAY)


def _upstream(
    rollout: Rollout, environ: Mapping[str, str], stack: ExitStack
) -> tuple[Route, str, Callable[[], Failure | None]]:
    """Return where calls go, the key, and whom to ask why a replay failed."""
    url = rollout.inference_url or ""
    if not rollout_replays(rollout):
        route = parse_url(url)
        return route, key_for(route, environ), lambda: None
    from runner.interceptor.replay import replay  # noqa: PLC0415 - where it is asked for

    model = stack.enter_context(replay(Path(url.removeprefix(REPLAY))))
    return parse_url(f"{model.base_url}/v1"), "", model.failure


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


def _check_cost_limit(rollout: Rollout, meter: Meter) -> None:
    """Refuse a limit that could not be held."""
    if rollout.limits.max_cost_usd is None or price_of(rollout.model, meter.prices):
        return
    raise RequestInvalid(
        f"limits.max_cost_usd cannot be held: the price of {rollout.model!r} is unknown",
        hint=f'give params.prices = {{"{rollout.model}": {{"input": ..., "output": ...}}}}',
    )
