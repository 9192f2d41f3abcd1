"""The request: three dialects of `rollout.json`, one `Rollout`."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from runner import context, dialects, wire
from runner.context import ContextOverride
from runner.errors import RequestInvalid
from runner.model import Model
from runner.plugins import known
from runner.wire_values import as_text

_ALIASES = {
    "claude": "claude_code",
    "claudecode": "claude_code",
    "codex_cli": "codex",
    "open_code": "opencode",
}
_CODEX_MODELS = re.compile(r"gpt-|o\d|codex")
_DEFAULT_MODEL = "gpt-4.1-mini"
_DEFAULT_CLAUDE = "claude-sonnet-4-20250514"


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
    required: tuple[str, ...] = ()
    """Wildcards marked `REQUIRED`: placeholders that the task or the request must give."""
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
    extra: dict[str, Any] = {}
    """Top-level keys that no dialect knows, kept as given."""
    warnings: tuple[str, ...] = ()
    """Unknown keys, a correlation id that disagrees, a repaired URL."""


def load(data: bytes | str) -> Rollout:
    """Read a request in any dialect; raise `RequestInvalid` naming line and column, or the key."""
    document, repeated = dialects.parse(data)
    request = dialects.read(document)
    env = request.env or wire.Env()
    config = env.config or wire.EnvConfig()
    template = request.prompt_template or wire.PromptTemplate()
    params = _params(request)
    settings = wire.Settings(**params)
    return Rollout(
        trace_correlation_id=_correlation_id(request, settings),
        seed=next((seed for seed in (request.seed, env.seed, config.seed) if seed is not None), 0),
        task_id=request.task_id or request.instance_id or config.instance_id or config.task_id or None,
        task_dir=Path(settings.task_dir) if settings.task_dir else None,
        sections=tuple(_sections(request, template)),
        **_values(request, template, config),
        inference_url=request.inference_url or settings.inference_url,
        model=settings.model or template.model or "",
        provider=settings.provider,
        agent=settings.agent or settings.agent_type or None,
        scorer=tuple(params["scorer"]) if isinstance(settings.scorer, list) else params.get("scorer"),
        limits=_limits(request, settings),
        overrides=tuple(context.read(request)),
        params=params,
        container=request.env is not None or request.policy is not None,
        extra=dict(request.model_extra or {}),
        warnings=tuple(_warnings(request, repeated)),
    )


def correlation_id_of(data: bytes | str) -> str | None:
    """Return the correlation id of a request that `load` refuses, where one can be made out."""
    return dialects.find_correlation_id(data)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of `rollout.json`."""
    return wire.schema()


def choose_agent(rollout: Rollout) -> str:
    """Return the agent that the request names, else the one made for its model."""
    if rollout.agent:
        plain = rollout.agent.strip().lower().replace("-", "_").replace(" ", "_")
        plain = _ALIASES.get(plain, plain)
        return plain if plain != rollout.agent and plain in known("agent") else rollout.agent
    model, provider = rollout.model.rsplit("/", 1)[-1].lower(), (rollout.provider or "").lower()
    if model.startswith("claude-") or (not model and provider == "anthropic"):
        return "claude_code"
    if _CODEX_MODELS.match(model) or (not model and provider == "openai"):
        return "codex"
    return "opencode"


def choose_model(rollout: Rollout, agent: str) -> str:
    """Return the model that the request names, else a common one that the agent works with."""
    return rollout.model or (_DEFAULT_CLAUDE if agent == "claude_code" else _DEFAULT_MODEL)


def require_inference_url(rollout: Rollout) -> str:
    """Return where model calls go; ask only for agents that make any.

    Raises `RequestInvalid` where that is missing or no URL.
    """
    url = (rollout.inference_url or "").strip()
    if not url:
        hint = "give the interceptor's URL, or replay:FILE"
        agent = choose_agent(rollout)
        raise RequestInvalid(f"inference_url: missing, and the agent {agent} calls a model", hint=hint)
    if not url.startswith("replay:") and not _is_http(url):
        raise RequestInvalid(f"inference_url: expected http://, https:// or replay:FILE, got {url!r}")
    return url


def _params(request: wire.Request) -> dict[str, Any]:
    """Merge the places of settings, as given: `params` win over `policy.config`."""
    policy = request.policy or wire.Policy()
    places = (request.policy_config, policy.config, request.params)
    merged: dict[str, Any] = {}
    for place in filter(None, places):
        merged |= place.model_dump(exclude_none=True)
    return merged


def _correlation_id(request: wire.Request, settings: wire.Settings) -> str:
    found = request.trace_correlation_id
    found = settings.trace_correlation_id if found is None else found
    if found is None:
        raise RequestInvalid("trace_correlation_id: missing")
    if not found.strip():
        raise RequestInvalid("trace_correlation_id: must not be blank")
    return found


def _sections(request: wire.Request, template: wire.PromptTemplate) -> Iterator[Section]:
    places = {
        "prompt_template.sections": template.sections,
        "prompt_template.messages": template.messages,
        "messages": request.messages,
    }
    where, given = next(((where, found) for where, found in places.items() if found), ("", []))
    for index, section in enumerate(given or []):
        text = section.pattern if section.pattern is not None else section.content
        if text is None:
            raise RequestInvalid(f"{where}[{index}]: needs a pattern or a content")
        yield Section(role=section.role or "user", pattern=text, order=section.order or 0)


def _limits(request: wire.Request, settings: wire.Settings) -> Limits:
    """Take the smallest of the limits on the whole: each of them was somebody's promise."""
    given = request.limits or wire.Limits()
    safety = request.safety or wire.Safety()
    spans = (given.timeout_s, safety.max_time_s, settings.timeout)
    chosen = {name: getattr(given, name) for name in Limits.model_fields}
    chosen["timeout_s"] = min((span for span in spans if span is not None), default=None)
    return Limits(**{name: value for name, value in chosen.items() if value is not None})


def _values(request: wire.Request, template: wire.PromptTemplate, config: wire.EnvConfig) -> dict[str, Any]:
    """Return what placeholders the request fills, and which somebody has to."""
    scalars = config.model_dump(exclude_none=True).items()
    wildcards = {**(template.wildcards or {}), **(request.wildcards or {})}
    return {
        "values": {key: str(as_text(value)) for key, value in scalars if isinstance(value, str | int | float)}
        | {name: text for name, text in wildcards.items() if text != "REQUIRED"},
        "required": tuple(name for name, text in wildcards.items() if text == "REQUIRED"),
    }


def _warnings(request: wire.Request, repeated: Sequence[str]) -> Iterator[str]:
    if unknown := sorted(dialects.unknown_keys(request)):
        yield f"unknown keys, ignored: {', '.join(unknown)}"
    if repeated:
        yield f"keys given twice, the last counts: {', '.join(repeated)}"


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, half an IPv6 address
        return False
