"""A rollout's calls in the shape that trainers read: trace v4, under a cap of bytes."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import to_json

from agents.base import Dialect
from runner.interceptor.records import CallRecord, read_records

TRACE_BYTES = 4 * 1024**2
"""Cap of a trace; `calls.jsonl` beside the result is whole."""
_FORMATS: Mapping[Dialect, str] = {
    "chat": "chat_completions",
    "responses": "responses",
    "messages": "messages",
}


def trace_v4(calls: Path, correlation_id: str, max_bytes: int = TRACE_BYTES) -> dict[str, Any]:
    """Return the trace of a `calls.jsonl`.

    Each request repeats the conversation so far, so the newest call says the most: where the cap is reached,
    the messages of earlier calls are left out first, then whole earlier calls. `metadata.truncated` counts
    the calls that lost something, and is absent where none did.
    """
    whole, bare = _within(calls, max_bytes)
    events = [
        _event(record, with_messages=record.call_index in whole)
        for record in _answered(calls)
        if record.call_index in whole or record.call_index in bare
    ]
    total = sum(1 for _ in _answered(calls))
    metadata = {
        "session_id": correlation_id,
        "trace_correlation_id": correlation_id,
        "correlation_ids": {"trace_correlation_id": correlation_id},
    }
    return {
        "schema_version": "4.0",
        "event_history": events,
        "markov_blanket_message_history": [],
        "metadata": metadata | ({"truncated": total - len(whole)} if total > len(whole) else {}),
    }


def _within(calls: Path, max_bytes: int) -> tuple[set[int], set[int]]:
    """Return which calls are kept whole and which without their messages, by index, the newest first."""
    sizes = [(record.call_index, *_sizes(record)) for record in _answered(calls)]
    whole: set[int] = set()
    bare: set[int] = set()
    left = max_bytes - 1000
    for index, full, small in reversed(sizes):
        if full <= left and not bare:
            whole.add(index)
            left -= full
        elif small <= left:
            bare.add(index)
            left -= small
    return whole, bare


def _sizes(record: CallRecord) -> tuple[int, int]:
    full = len(to_json(_event(record, with_messages=True)))
    return full, len(to_json(_event(record, with_messages=False)))


def _answered(calls: Path) -> Iterator[CallRecord]:
    return (record for record in read_records(calls) if _is_reply(record))


def _is_reply(record: CallRecord) -> bool:
    return bool(record.response) and not record.outcome.error and record.kind != "count_tokens"


def _event(record: CallRecord, *, with_messages: bool) -> dict[str, Any]:
    response = record.response
    usage = record.usage
    said: dict[str, Any] = {"role": "assistant", "content": response.text if response else None}
    if response and response.reasoning:
        said["reasoning_content"] = response.reasoning
    if response and response.tool_calls:
        said["tool_calls"] = [
            {"id": c.id, "type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in response.tool_calls
        ]
    return {
        "type": "lm_call",
        "event_type": "lm_call",
        "timestamp": record.timing.started_at,
        "llm_request": {
            "model": record.request.model,
            "messages": list(_messages(record.request.body)) if with_messages else [],
        },
        "llm_response": {
            "message": said,
            "usage": usage.model_dump(),
            "finish_reason": response.finish_reason if response else None,
        },
        "api_format": _FORMATS[record.request.dialect],
        "correlation_id": record.trace_correlation_id,
        "call_id": record.call_id,
    }


def _messages(body: Any) -> Iterable[Any]:  # noqa: ANN401 - the request's JSON
    """Yield the conversation of a request, its system prompt first, whatever its dialect."""
    system = body.get("instructions") or body.get("system")
    if system:
        yield {"role": "system", "content": system}
    items = body.get("input", body.get("messages"))
    if isinstance(items, str):
        yield {"role": "user", "content": items}
    else:
        yield from items or ()
