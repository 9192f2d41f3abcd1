"""The evidence that a result carries: artifacts, the trace of the calls, and spans for who collects them."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.boundary import boundary
from runner.errors import Failure, RunnerFailed
from runner.interceptor.export import trace_v4
from runner.interceptor.otlp import send_spans
from runner.interceptor.records import CALLS
from runner.output import head_tail
from runner.report import Report
from runner.result import Artifact

_ARTIFACT_BYTES = 64 * 1024
_ALL_ARTIFACTS_BYTES = 256 * 1024
_MOST_ARTIFACTS = 10

_KINDS = {".diff": "text/x-diff", ".json": "application/json", ".jsonl": "application/x-ndjson"}


def evidence(report: Report, *, reward: float | None = None) -> dict[str, Any]:
    """Return the result's fields for what was seen; what cannot be had is a warning, never a failure."""
    try:
        with boundary(RunnerFailed, log=report.files / "runner.log"):
            return {"artifact": artifacts(report.files), **_calls(report, reward)}
    except Failure as failure:
        report.warn(f"evidence is missing: {failure}")
        return {}


def _calls(report: Report, reward: float | None) -> dict[str, Any]:
    calls, result = report.files / CALLS, report.result
    if not calls.exists():
        return {}
    scores = {} if reward is None else {str(result.details.get("scorer")): reward}
    unsent = send_spans(
        calls, os.environ, agent=result.agent.name if result.agent else "agent", evaluation=scores
    )
    if unsent:
        report.warn(unsent)
    return {"trace": trace_v4(calls, result.trace_correlation_id)} if report.traced else {}


def artifacts(files: Path) -> list[Artifact]:
    """Return head and tail of what was kept, under the hosted service's caps (64 KiB, 256 KiB, 10)."""
    kept: list[Artifact] = []
    room = _ALL_ARTIFACTS_BYTES
    for path in list(_worth_showing(files))[:_MOST_ARTIFACTS]:
        content = head_tail(path, min(_ARTIFACT_BYTES, room))
        encoded = content.encode()
        room -= len(encoded)
        if not encoded or room < 0:
            continue
        kept.append(
            Artifact(
                name=str(path.relative_to(files)),
                content=content,
                content_type=_KINDS.get(path.suffix, "text/plain"),
                metadata={"whole_size_bytes": path.stat().st_size},
                size_bytes=len(encoded),
                sha256=hashlib.sha256(encoded).hexdigest(),
            )
        )
    return kept


def _worth_showing(files: Path) -> Iterator[Path]:
    """Yield the diff first, then logs: what a reader opens first must not fall to the cap."""
    for pattern in ("agent.diff", "runner.log", "agent/*", "scorer/*.log", "scorer/*.txt"):
        yield from sorted(path for path in files.glob(pattern) if path.is_file() and not path.is_symlink())
