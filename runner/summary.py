"""A result in a screenful, for the person who ran it."""

import json
from pathlib import Path
from typing import Any

from agents.base import Step, ToolCall
from runner.display import headline
from runner.report import Report
from runner.result import Result
from scorers.base import Check

_MOST_STEPS = 20
_MOST_CHECKS = 20
_MARKS = {"passed": "✓", "failed": "✗", "skipped": "-"}


def summary(report: Report) -> str:
    """Return the agent's steps, the checks, the reward, and where the result lies."""
    result = report.result
    parts = [_steps(report.files), _checks(result.checks), _warnings(result), _verdict(result)]
    if report.output:
        parts.append(f"result  {_near(report.output)}\nfiles   {_near(report.files)}/")
    return "\n\n".join(part for part in parts if part)


def _near(path: Path) -> Path:
    """Return a path as a person in this folder would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _steps(files: Path) -> str:
    try:
        document = json.loads((files / "trajectory.json").read_text())
    except (OSError, ValueError):
        return ""
    lines = [headline(_step_of(step)) for step in document["steps"] if step["source"] == "agent"]
    return _block("steps", lines, _MOST_STEPS)


def _step_of(step: dict[str, object]) -> Step:
    calls = step.get("tool_calls")
    return Step(
        message=str(step.get("message", "")),
        tool_calls=tuple(
            ToolCall(id=call["tool_call_id"], name=call["function_name"], arguments=call["arguments"])
            for call in (calls if isinstance(calls, list) else [])
        ),
    )


def _checks(checks: list[Check]) -> str:
    failing_first = sorted(checks, key=lambda check: check.status != "failed")
    lines = [f"{_MARKS[check.status]} {check.id}{_reason(check)}" for check in failing_first]
    return _block("checks", lines, _MOST_CHECKS)


def _reason(check: Check) -> str:
    return f"  ({check.raw})" if check.raw and check.raw != check.status else ""


def _warnings(result: Result) -> str:
    return _block("warnings", result.warnings, _MOST_CHECKS)


def _verdict(result: Result) -> str:
    agent = result.agent
    lines = []
    if agent:
        tokens = f", {result.calls.count} model calls" if result.calls.count is not None else ""
        lines.append(
            f"agent   {agent.name} {agent.version or ''} {agent.outcome}, {agent.steps} steps{tokens}, "
            f"{result.timings.agent_s or 0:.1f} s"
        )
    if result.reward is None:
        lines.append("reward  none: not measured")
    else:
        lines.append(f"reward  {result.reward:.3f}{_counts(result.details)}")
    return "\n".join(lines)


def _counts(details: dict[str, Any]) -> str:
    """Return how many checks passed; a task's own script may name none."""
    return f"  ({details['passed']}/{details['total']} passed)" if details.get("total") else ""


def _block(title: str, lines: list[str], most: int) -> str:
    if not lines:
        return ""
    shown = [f"  {line}" for line in lines[:most]]
    if len(lines) > most:
        shown.append(f"  ... and {len(lines) - most} more")
    return "\n".join([title, *shown])
