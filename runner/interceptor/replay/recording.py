"""Makes the `calls.jsonl` of an earlier rollout a script that reproduces it.

Each recorded reply is a turn, in the order in which the calls arrived. Calls that got no reply of their own
(refused by a limit, given up by the client, unfinished) are left out, and so are titles and token counts,
which the replay model answers by itself. A call that failed is played as the fault that it met, as often as
upstream was tried.
"""

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from agents.base import Usage
from runner.errors import RequestInvalid
from runner.interceptor.records import CallRecord, OutcomeRecord, ResponseRecord, UsageRecord
from runner.interceptor.replay.script import Call, Captured, Fault, Finish, Turn

_SKIPPED = {"refused_by_limit", "client_disconnected", "unfinished"}
_OWN_ANSWER = {"title", "count_tokens"}


def is_record(line: object) -> bool:
    """Whether a line of JSONL is of a recording, not a turn."""
    return isinstance(line, dict) and line.get("type") in {"call", "begun", "capture_complete"}


def turns_of(path: Path, lines: Iterable[tuple[int, object]]) -> tuple[Turn, ...]:
    """Return the turns of a recording, given its numbered lines; raise `RequestInvalid` naming the line."""
    found: list[tuple[int, Turn]] = []
    for number, line in lines:
        if isinstance(line, dict) and line.get("type") == "capture_complete":
            continue
        record = _record(path, number, line)
        if turn := _turn(path, number, record):
            found.append((record.call_index, turn))
    return tuple(turn for _, turn in sorted(found, key=lambda pair: pair[0]))


def _record(path: Path, number: int, line: object) -> CallRecord:
    try:
        return CallRecord.model_validate(line)
    except ValidationError as invalid:
        error = invalid.errors()[0]
        key = ".".join(map(str, error["loc"]))
        raise RequestInvalid(f"{path}:{number}: {key}: {error['msg']}") from None


def _turn(path: Path, number: int, record: CallRecord) -> Turn | None:
    outcome, response = record.outcome, record.response or ResponseRecord()
    if outcome.error in _SKIPPED or record.kind in _OWN_ANSWER or record.type == "begun":
        return None
    if response.overflow_file:
        message = f"{path}:{number}: the reply was too long to be recorded whole and cannot be replayed"
        raise RequestInvalid(message, hint=f"its raw stream is in {response.overflow_file}")
    if outcome.error is not None:
        return Turn(fault=_fault(outcome))
    return Turn(
        text=response.text or "",
        reasoning=response.reasoning or "",
        tool_calls=tuple(Call(name=call.name, arguments=call.arguments) for call in response.tool_calls),
        usage=_usage(record.usage),
        captured=_captured(record),
        finish=_finish(response),
        aside=not record.request.tools,
    )


def _fault(outcome: OutcomeRecord) -> Fault:
    times, message = max(1, outcome.attempts), outcome.message or ""
    if outcome.status is not None and outcome.status >= 400:  # noqa: PLR2004 - HTTP's own line
        code = "context_length_exceeded" if outcome.error == "context_length" else None
        return Fault(status=min(outcome.status, 599), error=message, code=code, times=times)
    if outcome.error == "connection":
        return Fault(kind="cut_before_headers", times=times)
    if outcome.error == "stream_truncated":
        return Fault(kind="truncate", times=times)
    return Fault(status=504, error=message, times=times)


def _finish(response: ResponseRecord) -> Finish:
    reasons: dict[str, Finish] = {"length": "length", "context_length": "length", "refusal": "refusal"}
    return reasons.get(response.finish_reason or "", "stop")


def _usage(usage: UsageRecord) -> Usage:
    return Usage(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cached_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
    )


def _captured(record: CallRecord) -> Captured:
    if record.tokens is None:
        return Captured()
    return Captured(
        prompt_token_ids=record.tokens.prompt_token_ids or (),
        token_ids=record.tokens.completion_token_ids or (),
        logprobs=record.tokens.logprobs or (),
    )
