"""What a request sets of the interceptor: limits, prices, waits, headers, dialect."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator

from agents.base import Dialect
from runner.errors import RequestInvalid
from runner.model import CONFIG
from runner.request import Rollout

_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")


class Settings(BaseModel):
    """The interceptor's share of `params`."""

    model_config = CONFIG

    interceptor: Literal["on", "off"] | bool = "on"
    """`off`: the agent calls upstream itself, and nothing is recorded."""
    upstream_dialect: Dialect | Literal["same"] | None = None
    """What the upstream speaks; `same`: whatever the agent speaks. Null reads it from the URL."""
    upstream_headers: dict[str, str] = {}
    """Headers for every call upstream; the agent never sees them."""
    upstream_attempts: int = Field(5, ge=1, le=20)
    """How often a call is tried before the agent is told of the failure."""
    silence_s: float | None = Field(None, gt=0)
    """Seconds of silence after which an upstream counts as hanging; null takes half of `limits.stall_s`."""
    capture: Literal["tokens"] | None = None
    """`tokens` asks chat upstreams for token ids and logprobs."""
    allow_provider_tools: tuple[str, ...] = ()
    """Provider-side tools that stay (`web_search`, `code_execution`, `mcp`, ...)."""
    prices: dict[str, Any] | None = None
    """USD for a million tokens by model; see `runner.interceptor.prices`."""

    @field_validator("upstream_headers")
    @classmethod
    def _sendable(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError(f"{name!r} cannot be sent as a header")
        return headers

    @property
    def off(self) -> bool:
        """Whether the agent goes direct."""
        return self.interceptor in {"off", False}


def read_settings(params: Mapping[str, Any]) -> Settings:
    """Read `params`; raises `RequestInvalid` naming the key."""
    try:
        return Settings.model_validate(dict(params))
    except ValidationError as invalid:
        error = invalid.errors()[0]
        key = ".".join(map(str, error["loc"][:2]))
        raise RequestInvalid(f"params.{key}: {error['msg']}", hint=f"got {error['input']!r}") from None


def silence_of(settings: Settings, rollout: Rollout) -> float:
    """Return the silence limit in seconds: short enough that a retry comes before the stall limit."""
    return settings.silence_s or rollout.limits.stall_s / 2
