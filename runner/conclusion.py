"""What is kept of a run and a score: fields of the result, and files beside it."""

import json
from pathlib import Path
from typing import Any

from agents.base import AgentRun
from runner.interceptor.base import Totals
from runner.output import cut, sound
from runner.prompt import Prompt
from runner.result import MOST_CHECKS, AgentReport, Calls, Result
from runner.setting import Setting
from runner.trajectory import trajectory
from scorers.base import Check, Score

_TEXT = 2000
"""Characters of a message inside the result."""


def agent_report(run: AgentRun, setting: Setting) -> AgentReport:
    """Return what the result says of the agent."""
    return AgentReport(
        name=setting.agent_name,
        version=run.version,
        model=setting.model,
        outcome=run.outcome,
        exit_code=run.exit_code,
        session_id=run.session_id,
        steps=len(run.steps),
        message=_short(run.message),
        error=_short(run.error) if run.error else None,
        usage=run.usage,
        cost_usd=run.cost_usd,
    )


def call_report(totals: Totals) -> Calls:
    """Return what the result says of the model calls."""
    return Calls(
        count=totals.calls,
        input_tokens=totals.input_tokens,
        output_tokens=totals.output_tokens,
        cost_usd=totals.cost_usd,
    )


def disagreement(run: AgentRun, totals: Totals) -> list[str]:
    """Say where the CLI counted other tokens than the interceptor, whose count stands."""
    pairs = (
        ("input", run.usage.input_tokens, totals.input_tokens),
        ("output", run.usage.output_tokens, totals.output_tokens),
    )
    return [
        f"the CLI counted {theirs} {kind} tokens, the interceptor {ours}: the interceptor saw every call"
        for kind, theirs, ours in pairs
        if None not in {theirs, ours} and theirs != ours
    ]


def keep_run(run: AgentRun, setting: Setting, prompt: Prompt, files: Path) -> None:
    """Write `trajectory.json`."""
    document = trajectory(
        run,
        agent=setting.agent_name,
        model=setting.model,
        prompt=prompt.text,
        system_prompt=prompt.system,
    )
    text = sound(json.dumps(document, indent=2, ensure_ascii=False))
    (files / "trajectory.json").write_text(text, encoding="utf-8")


def score_changes(score: Score, result: Result) -> dict[str, Any]:
    """Return the result's fields for a verdict."""
    counts = {"passed": score.passed, "total": score.total}
    details = {
        **result.details,
        **counts,
        "tests_passed": score.passed,
        "tests_total": score.total,
        "compilation": score.compiled,
        "resolved": score.resolved,
        "tampering": list(score.tampering),
        "protected_changes": list(score.protected_changes),
        "agent_duration_s": result.timings.agent_s,
        **score.details,
    }
    return {
        "success": True,
        "success_status": "success",
        "error": None,
        "reward": score.reward,
        "details": details,
        "checks": [_brief(check) for check in score.checks[:MOST_CHECKS]],
        "phase": "done",
    }


def _brief(check: Check) -> Check:
    return check.model_copy(update={"message": _short(check.message)})


def _short(text: str) -> str:
    return cut(text, _TEXT // 2, _TEXT // 2)
