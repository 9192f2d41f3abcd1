"""`calls.jsonl`: one whole record a line and a model call, in the order in which the calls ended.

The last line of a complete file is `{"type": "capture_complete", "calls": N, ...}`, written when the agent
has ended. Beside it, `calls.open.jsonl` holds the beginnings of calls still open; it is gone once the
capture is complete, and after a kill it says which calls began and never ended.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from agents.base import Dialect
from runner.interceptor.reply import Finish
from runner.model import Model

SCHEMA_VERSION = "1.0"
CALLS = "calls.jsonl"

Kind = Literal["main", "title", "compaction", "sub_agent", "count_tokens", "judge"]
ErrorCategory = Literal[
    "timeout",
    "rate_limit",
    "auth",
    "not_found",
    "client_error",
    "upstream_error",
    "connection",
    "stream_truncated",
    "context_length",
    "client_disconnected",
    "refused_by_limit",
    "unfinished",
]


class Record(Model):
    """Frozen and documented; null means unknown, never 0."""


class RequestRecord(Record):
    """What the agent asked."""

    dialect: Dialect
    """The dialect that the agent's CLI spoke."""
    endpoint: str
    """Path of the endpoint (`/responses`, `/messages/count_tokens`, ...)."""
    stream: bool
    model: str
    """The model asked for."""
    sampling: dict[str, Any] = {}
    """Sampling parameters in force: temperature, top_p, maximum of tokens, seed, reasoning, ..."""
    tools: tuple[str, ...] = ()
    """Names of the tools offered."""
    stripped_tools: tuple[str, ...] = ()
    """Provider-side tools that were taken out, since the request did not allow them."""
    upstream_dialect: Dialect
    """The dialect in which the upstream was called."""
    upstream_url: str
    """Where it was called, without the query."""
    losses: tuple[str, ...] = ()
    """What the translation between the two dialects lost or changed."""
    body: Any = None
    """The request as the agent sent it."""
    upstream_body: Any = None
    """The request as it was sent on, where it differs."""


class ToolCallRecord(Record):
    """One tool call of a reply."""

    id: str
    name: str
    arguments: str
    """As text: JSON, or plain text of a freeform tool."""


class ResponseRecord(Record):
    """What the model answered, as far as it arrived."""

    id: str | None = None
    model: str | None = None
    """The model that served the call, by the upstream's word."""
    text: str | None = None
    reasoning: str | None = None
    tool_calls: tuple[ToolCallRecord, ...] = ()
    finish_reason: Finish | None = None
    finish_reason_raw: str | None = None
    """The provider's own word."""
    final: Any = None
    """The final object in the upstream's dialect, rebuilt from the stream where there was one."""
    overflow_file: str | None = None
    """A reply too long for memory: its raw stream, whole, in this file beside `calls.jsonl`."""


class TokensRecord(Record):
    """What a trainer needs; only where the upstream gives it."""

    prompt_token_ids: tuple[int, ...] | None = None
    completion_token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    """Of the completion's tokens, in order."""
    warning: str | None = None
    """Why ids or logprobs were rejected (their lengths differ)."""


class UsageRecord(Record):
    """Tokens, as the upstream counted them."""

    input_tokens: int | None = None
    """Prompt tokens, cached ones included."""
    output_tokens: int | None = None
    """Completion tokens, reasoning included."""
    reasoning_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    """By the price table; null where the model's price is unknown."""


class TimingRecord(Record):
    """When, and how long."""

    started_at: str
    """ISO 8601, UTC."""
    completed_at: str | None = None
    first_byte_ms: float | None = None
    """From the request's arrival to the first byte of the reply."""
    duration_ms: float | None = None
    overhead_ms: float | None = None
    """The part of it spent here, not upstream."""


class OutcomeRecord(Record):
    """How the call ended."""

    status: int | None = None
    """The upstream's last HTTP status; null where it gave none."""
    error: ErrorCategory | None = None
    """Null for a whole reply."""
    message: str | None = None
    """The provider's own words."""
    attempts: int = 1
    """How often the upstream was called for it."""
    retry_of: str | None = None
    """The call that the client says it repeats."""


class CallRecord(Record):
    """One model call, whole."""

    schema_version: str = SCHEMA_VERSION
    type: Literal["call", "begun"] = "call"
    """`begun` in `calls.open.jsonl`."""
    trace_correlation_id: str
    call_id: str
    call_index: int
    """From 1, in the order of arrival."""
    parent: str | None = None
    """The call whose conversation this one goes on, by the longest shared prefix."""
    kind: Kind = "main"
    """What the call is for; told from tools, prompt and parent, since no CLI says it."""
    agent: str | None = None
    """The client's name, from its User-Agent."""
    agent_version: str | None = None
    seed: int = 0
    """The rollout's."""
    response: ResponseRecord | None = None
    tokens: TokensRecord | None = None
    usage: UsageRecord = UsageRecord()
    timing: TimingRecord
    outcome: OutcomeRecord = OutcomeRecord()
    request: RequestRecord


def open_file(file: Path) -> Path:
    """Return the file beside it that holds the beginnings of calls still open."""
    return file.with_suffix(f".open{file.suffix}")


def read_records(file: Path) -> Iterator[CallRecord]:
    """Read `calls.jsonl`, then the beginnings of calls that never ended (`outcome.error: unfinished`)."""
    ended = set()
    for line in _lines(file):
        if line.get("type") == "call":
            ended.add(line["call_id"])
            yield CallRecord.model_validate(line)
    for line in _lines(open_file(file)):
        if line["call_id"] not in ended:
            yield CallRecord.model_validate({**line, "outcome": {"error": "unfinished"}})


def is_complete(file: Path) -> bool:
    """Whether the capture was closed: the agent had ended and every call's record is there."""
    return any(line.get("type") == "capture_complete" for line in _lines(file))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """Yield each whole line; a kill may have cut the last one."""
    if not file.exists():
        return
    with file.open("rb") as lines:
        for line in lines:
            if line.endswith(b"\n"):
                yield json.loads(line)
