"""What a request may leave open: which agent works, with which model, and where its calls go."""

import re
from urllib.parse import urlsplit

from runner.errors import RequestInvalid
from runner.request import Rollout

_BUILT_IN = ("codex", "claude_code", "opencode")
_ALIASES = {
    "claude": "claude_code",
    "claudecode": "claude_code",
    "codex_cli": "codex",
    "open_code": "opencode",
}
_CODEX_MODELS = re.compile(r"gpt-|o\d|codex")
_DEFAULT_MODEL = "gpt-4.1-mini"
_DEFAULT_CLAUDE = "claude-sonnet-4-20250514"


def choose_agent(rollout: Rollout) -> str:
    """Return the agent that the request names, else the one made for its model."""
    if rollout.agent:
        plain = rollout.agent.strip().lower().replace("-", "_").replace(" ", "_")
        return _ALIASES.get(plain, plain if plain in _BUILT_IN else rollout.agent)
    model, provider = rollout.model.rsplit("/", 1)[-1].lower(), (rollout.provider or "").lower()
    if model.startswith("claude-") or (not model and provider == "anthropic"):
        return "claude_code"
    if _CODEX_MODELS.match(model) or (not model and provider == "openai"):
        return "codex"
    return "opencode"


def choose_model(rollout: Rollout, agent: str) -> str:
    """Return the model that the request names, else a common one that the agent works with."""
    return rollout.model or (_DEFAULT_CLAUDE if agent == "claude_code" else _DEFAULT_MODEL)


def require_inference_url(rollout: Rollout, agent: str) -> str:
    """Return where the agent's model calls go.

    Raises `RequestInvalid` where that is missing or no URL; ask only for agents that call a model.
    """
    url = (rollout.inference_url or "").strip()
    if not url:
        hint = "give the interceptor's URL, or replay:FILE"
        raise RequestInvalid(f"inference_url: missing, and the agent {agent} calls a model", hint=hint)
    if not url.startswith("replay:") and not _is_http(url):
        raise RequestInvalid(f"inference_url: expected http://, https:// or replay:FILE, got {url!r}")
    return url


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port beyond 65535, half an IPv6 address
        return False
