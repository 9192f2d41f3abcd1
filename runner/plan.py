"""What a request would do, said without doing it; and the schemas of request and result."""

from collections.abc import Mapping
from typing import Any

from runner import overrides
from runner.errors import OverrideFailed
from runner.interceptor import open as interceptor
from runner.prompt import render
from runner.request import schema
from runner.result import Result
from runner.setting import Options, read_request, understand


def plan(data: bytes, options: Options, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return each decision by name; raise the `Failure` of the rollout that shows before anything runs."""
    rollout = read_request(data, options)
    setting = understand(rollout, options, environ)
    warnings = (*rollout.warnings, *setting.warnings, *interceptor.foresee(rollout))
    prompt = render(rollout, setting.task)
    if refusal := overrides.foresee(setting):
        raise OverrideFailed(refusal)
    return {
        "trace_correlation_id": rollout.trace_correlation_id,
        "agent": setting.agent_name,
        "model": setting.model,
        "inference_url": rollout.inference_url,
        "task": setting.task.id,
        "task_folder": str(setting.task.folder) if setting.task.folder else None,
        "seed": rollout.seed,
        "seed_wrapped": setting.task.wrapped,
        "workspace": str(setting.task.workspace),
        "scorer": setting.scorer.name,
        "timeout_s": rollout.limits.timeout_s,
        "agent_s": setting.agent_s,
        "scoring_s": setting.scoring_s,
        "stall_s": rollout.limits.stall_s,
        "overrides": [override.override_id for override in rollout.overrides],
        "prompt": prompt.text,
        "system_prompt": prompt.system,
        "warnings": list(warnings),
    }


def schemas() -> dict[str, Any]:
    """Return the JSON Schemas of `rollout.json` and `result.json`."""
    return {"request": schema(), "result": Result.model_json_schema(mode="serialization")}
