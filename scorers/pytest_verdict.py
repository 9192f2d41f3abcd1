"""What the phases of a test make of it."""

import signal
from collections.abc import Sequence
from typing import Any

from runner.process import Exit
from scorers.base import Check
from scorers.expected import clip

_ORDER = {"failed": 0, "skipped": 1, "passed": 2}


def verdict(id_: str, phases: Sequence[Sequence[Any]], message: str = "") -> Check:
    """Return the check: passed when set-up, call and tear-down of the last attempt passed.

    A phase is (when, outcome, seconds, wasxfail). Attempts before the last are those that
    pytest-rerunfailures ended with the outcome `rerun`.
    """
    last = _last_attempt(phases)
    status, raw = _judge(last)
    seconds = sum(float(phase[2]) for phase in phases)
    message = "" if status == "passed" else clip(message.strip())
    raw = "" if raw == status else raw
    return Check(id=id_, status=status, raw=raw, duration_s=round(seconds, 6), message=message)


def _last_attempt(phases: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Return the phases from the last set-up after the last rerun."""
    reruns = [number for number, phase in enumerate(phases) if phase[1] == "rerun"]
    rest = phases[reruns[-1] + 1 :] if reruns else phases
    setups = [number for number, phase in enumerate(rest) if phase[0] == "setup"]
    return rest[setups[0] :] if reruns and setups else rest


def _judge(phases: Sequence[Sequence[Any]]) -> tuple[Any, str]:
    outcomes = {when: (outcome, wasxfail) for when, outcome, _, wasxfail in phases if when != "sub"}
    if any(outcome == "failed" for when, outcome, *_ in phases if when == "sub"):
        return "failed", "subtest failed"
    for when, (outcome, _) in outcomes.items():
        if outcome == "failed":
            return "failed", "failed" if when == "call" else "error" if when in {
                "setup",
                "teardown",
            } else "crashed"
    if any(when != "sub" and outcome == "failed" for when, outcome, *_ in phases):
        return "failed", "failed"
    for outcome, wasxfail in outcomes.values():
        if outcome == "skipped":
            return "skipped", "xfailed" if wasxfail else "skipped"
    if {"setup", "call", "teardown"} <= outcomes.keys():
        return "passed", "xpassed" if outcomes["call"][1] else "passed"
    return "failed", "incomplete"


def will_rerun(phases: Sequence[Sequence[Any]]) -> bool:
    """Say whether these phases end in an attempt that pytest-rerunfailures will repeat."""
    reruns = [number for number, phase in enumerate(phases) if phase[1] == "rerun"]
    return bool(reruns) and all(phase[0] != "setup" for phase in phases[reruns[-1] + 1 :])


def worse(first: Check | None, second: Check) -> Check:
    """Return the worse of two verdicts on one id: a second answer never improves the first."""
    return second if first is None or _ORDER[second.status] < _ORDER[first.status] else first


def ended_without_result(id_: str, end: Exit) -> Check:
    """Return the check of a test that began and never said how it ended."""
    if end.ending == "exited":
        how = (
            f"signal {-end.code} ({signal.Signals(-end.code).name})"
            if end.code < 0
            else f"exit code {end.code}"
        )
        return Check(
            id=id_, status="failed", raw="crashed", message=f"the process ended during this test: {how}"
        )
    why = {"deadline": "timeout", "stalled": "timeout", "stopped": "timeout", "output": "output limit"}.get(
        end.ending, end.ending
    )
    return Check(
        id=id_, status="failed", raw=why, message=f"the run was ended during this test: {end.ending}"
    )
