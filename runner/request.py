"""The request: three dialects of `rollout.json`, one `Rollout`."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen and documented."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Section(Model):
    """One section of the prompt."""

    role: str = "user"
    """`system` goes to the agent's system-prompt addition, all others to the prompt."""
    pattern: str
    """The text, with placeholders."""
    order: int = 0
    """Sections are sorted by it."""


class Limits(Model):
    """What the rollout may spend; null means no limit."""

    timeout_s: float = 600.0
    """Seconds for the whole rollout."""
    scoring_s: float | None = None
    """Seconds kept back for scoring; null takes the task's, else a quarter."""
    stall_s: float = 300.0
    """Seconds without output, model call or CPU after which the agent counts as stalled."""
    max_requests: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None
    max_total_tokens: int | None = None
    max_cost_usd: float | None = None


class ContextOverride(Model):
    """Files, a pre-flight script and variables that an optimiser lays over the task."""

    override_id: str
    files: tuple[tuple[str, str], ...] = ()
    """Path and content, both forms of `file_artifacts` brought to one."""
    preflight_script: str | None = None
    env_vars: dict[str, str] = {}
    priority: int = 0


class Rollout(Model):
    """The parsed request."""

    trace_correlation_id: str
    """The caller's id, echoed in the result."""
    seed: int = 0
    """Picks the task where no id names one."""
    task_id: str | None = None
    """`task_id`, `instance_id` or `env.config.instance_id`; wins over the seed."""
    task_dir: Path | None = None
    """`params.task_dir`."""
    sections: tuple[Section, ...] = ()
    """Of `prompt_template.sections` or `messages`."""
    values: dict[str, str] = {}
    """Scalars for placeholders that the request itself gives (`env.config`, wildcards with a value)."""
    inference_url: str | None = None
    """The interceptor's URL, or `replay:FILE`."""
    model: str = ""
    provider: str | None = None
    agent: str | None = None
    """Agent by name, entry point, `module:Class` or path; null picks by provider and model."""
    scorer: str | dict[str, Any] | tuple[dict[str, Any], ...] | None = None
    """`params.scorer`: a name, a `[scorer]` table, or several with weights."""
    limits: Limits = Limits()
    overrides: tuple[ContextOverride, ...] = ()
    params: dict[str, Any] = {}
    """`params` and `policy.config`, merged, as given."""
    container: bool = False
    """Whether the request had the container shape, whose result says more."""
    warnings: tuple[str, ...] = ()
    """Unknown keys, a correlation id that disagrees, a repaired URL."""
