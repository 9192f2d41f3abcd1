"""Opens the interceptor that a request asks for."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from runner.interceptor.absent import Absent
from runner.interceptor.base import Interceptor
from runner.interceptor.direct import Direct
from runner.interceptor.routing import disagreement, key_for, parse_url
from runner.request import Rollout


@contextmanager
def open_interceptor(rollout: Rollout, environ: Mapping[str, str], *, folder: Path) -> Iterator[Interceptor]:
    """Stand between the agent and the model while the block runs.

    `environ` holds the upstream's key; `calls.jsonl` is written into `folder`. Raises `RequestInvalid`
    where `inference_url` or a parameter of ours cannot be understood.
    """
    if not rollout.inference_url:
        yield Absent()
        return
    route = parse_url(rollout.inference_url)
    other = disagreement(route, rollout.trace_correlation_id)
    warnings = (*route.warnings, *([other] if other else []))
    yield Direct(route, key_for(route, environ), warnings)
