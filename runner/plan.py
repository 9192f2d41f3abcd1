"""What a request would do, said without doing it; and the schemas of request and result."""

from collections.abc import Mapping
from typing import Any

from runner.prompt import render
from runner.request import schema
from runner.result import Result
from runner.setting import Options, read_request, understand


def plan(data: bytes, options: Options, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return name and value of each decision; raise the `Failure` that the rollout would end in."""
    rollout = read_request(data, options)
    setting = understand(rollout, options, environ)
    prompt = render(rollout, setting.task)
    return {
        "trace_correlation_id": rollout.trace_correlation_id,
        "agent": setting.agent_name,
        "model": rollout.model,
        "inference_url": rollout.inference_url,
        "task": setting.task.id,
        "task_folder": str(setting.task.folder) if setting.task.folder else None,
        "workspace": str(setting.task.workspace),
        "scorer": setting.scorer.name,
        "timeout_s": rollout.limits.timeout_s,
        "scoring_s": setting.scoring_s,
        "overrides": [override.override_id for override in rollout.overrides],
        "prompt": prompt.text,
        "system_prompt": prompt.system,
        "warnings": list(rollout.warnings),
    }


def schemas() -> dict[str, Any]:
    """Return the JSON Schemas of `rollout.json` and `result.json`."""
    return {"request": schema(), "result": Result.model_json_schema(mode="serialization")}
