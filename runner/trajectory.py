"""The agent's steps as a trajectory in ATIF v1.8, which viewers and exporters read.

ATIF allows nothing but its own fields; a test validates against its public models.
"""

from typing import Any

from agents.base import AgentRun, Step, ToolCall, Usage


def trajectory(run: AgentRun, *, agent: str, model: str, prompt: str, system_prompt: str) -> dict[str, Any]:
    """Return the ATIF document of a run: the prompts, then each step of the agent."""
    given = [("system", system_prompt), ("user", prompt)]
    steps = [{"source": source, "message": text} for source, text in given if text]
    steps += [_agent_step(step, model) for step in run.steps]
    document: dict[str, Any] = _without_nulls(
        {
            "schema_version": "ATIF-v1.8",
            "session_id": run.session_id,
            "agent": {"name": agent, "version": run.version or "unknown", "model_name": model or None},
            "steps": [{"step_id": number, **step} for number, step in enumerate(steps, 1)],
            "final_metrics": _final_metrics(run.usage, run.cost_usd, len(steps)),
            "extra": {"outcome": run.outcome, "error": run.error},
        }
    )
    return document


def _agent_step(step: Step, model: str) -> dict[str, Any]:
    results = [_observation(call) for call in step.tool_calls if call.observation is not None]
    return {
        "source": "agent",
        "timestamp": step.at,
        "model_name": model or None,
        "message": step.message,
        "reasoning_content": step.reasoning,
        "tool_calls": [_tool_call(call) for call in step.tool_calls] or None,
        "observation": {"results": results} if results else None,
    }


def _tool_call(call: ToolCall) -> dict[str, Any]:
    return {"tool_call_id": call.id, "function_name": call.name, "arguments": call.arguments}


def _observation(call: ToolCall) -> dict[str, Any]:
    return {"source_call_id": call.id, "content": call.observation}


def _final_metrics(usage: Usage, cost_usd: float | None, steps: int) -> dict[str, Any]:
    return {
        "total_prompt_tokens": usage.input_tokens,
        "total_completion_tokens": usage.output_tokens,
        "total_cached_tokens": usage.cached_tokens,
        "total_cost_usd": cost_usd,
        "total_steps": steps,
    }


def _without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Drop null members of the document's own objects; arguments of tools stay as they were."""
    if isinstance(value, dict):
        return {
            key: item if key == "arguments" else _without_nulls(item)
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [_without_nulls(item) for item in value]
    return value
