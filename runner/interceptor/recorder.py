"""Writes `calls.jsonl`, each line before the client sees the end of its call."""

import re
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import to_json

from runner.interceptor.call import Call, now
from runner.interceptor.dialects import WIRES
from runner.interceptor.records import SCHEMA_VERSION, open_file
from runner.interceptor.reply import Reply

_SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "seed",
    "stop",
    "stop_sequences",
    "presence_penalty",
    "frequency_penalty",
    "reasoning",
    "reasoning_effort",
    "thinking",
    "output_config",
    "tool_choice",
    "parallel_tool_calls",
)
OPEN_BYTES = 16 * 1024**2
"""The file of beginnings is emptied when it is longer and no call is open: each time would cost 0.4 ms."""
_AGENT = re.compile(r"([\w.-]+)/(\d[\w.+-]*)")


class Recorder:
    """The two files of one rollout's calls. Used by the server's thread alone."""

    def __init__(self, file: Path, correlation_id: str, seed: int = 0, *, keep_empty: bool = True) -> None:
        self.failure: str | None = None
        """Why records can no longer be written."""
        self._identity = {"trace_correlation_id": correlation_id, "seed": seed}
        self._calls = file.open("wb", buffering=0)
        self._open = open_file(file).open("wb", buffering=0)
        self._keep_empty = keep_empty
        self._in_flight = 0
        self._ended = 0

    @property
    def closed(self) -> bool:
        """Whether nothing is recorded any more."""
        return self._calls.closed

    def begin(self, call: Call) -> None:
        """Write a call's beginning: all that is left of one that never ends."""
        self._in_flight += 1
        head = self._head(call, "begun") | {"timing": {"started_at": call.started_at}}
        self._write(self._open, _line(head, call))

    def end(self, call: Call, cost: float | None) -> None:
        """Write a call's whole record."""
        reply = call.reader.reply
        head = self._head(call, "call") | {
            "response": None if call.attempts == 0 else _response(call),
            "tokens": _tokens(reply),
            "usage": _usage(reply, cost),
            "timing": _timing(call),
            "outcome": _outcome(call),
        }
        self._write(self._calls, _line(head, call))
        self._ended += 1
        self._in_flight -= 1
        if self._in_flight == 0 and not self.failure and self._open.tell() > OPEN_BYTES:
            self._open.seek(0)
            self._open.truncate()

    def close(self) -> None:
        """Say that the capture is complete, if it is, and close the files; a second time does nothing."""
        if self._calls.closed:
            return
        closing = {"type": "capture_complete", "calls": self._ended, "at": now(), **self._identity}
        if not self.failure and self._in_flight == 0:
            self._write(self._calls, to_json(closing) + b"\n")
            if not self.failure:
                Path(self._open.name).unlink(missing_ok=True)
        self._calls.close()
        self._open.close()
        if not self._ended and not self._keep_empty:
            Path(self._calls.name).unlink(missing_ok=True)

    def _head(self, call: Call, kind: str) -> dict[str, Any]:
        agent = _AGENT.match(call.headers.get("user-agent", ""))
        return {
            "schema_version": SCHEMA_VERSION,
            "type": kind,
            **self._identity,
            "call_id": call.id,
            "call_index": call.index,
            "parent": call.parent,
            "kind": call.kind,
            "agent": agent.group(1) if agent else None,
            "agent_version": agent.group(2) if agent else None,
        }

    def _write(self, file: Any, line: bytes) -> None:  # noqa: ANN401 - io.FileIO
        """Write one line whole, or not at all: a full disk leaves no half a line."""
        if self.failure:
            return
        at = file.tell()
        try:
            written = file.write(line)
            if written < len(line):
                file.write(line[written:])
        except OSError as error:
            self.failure = f"{file.name} cannot be written: {error.strerror}"
            file.truncate(at)


def _line(head: Mapping[str, Any], call: Call) -> bytes:
    """Return the record as a line; the bodies are put in as they came, which spares their encoding."""
    request = {
        "dialect": call.dialect,
        "endpoint": call.endpoint,
        "stream": call.stream,
        "model": call.model,
        "sampling": {name: call.body[name] for name in _SAMPLING if call.body.get(name) is not None},
        "tools": [_tool_name(tool) for tool in call.body.get("tools") or ()],
        "stripped_tools": call.stripped,
        "upstream_dialect": call.upstream,
        "upstream_url": urlsplit(call.url)._replace(query="").geturl(),
        "losses": call.losses,
    }
    line = to_json({**head, "request": request}, serialize_unknown=True)[:-2]
    line += b',"body":' + _one_line(call.raw, call.body)
    if call.sent is not None and head["type"] == "call":
        line += b',"upstream_body":' + call.sent
    return line + b"}}\n"


def _one_line(raw: bytes, body: Mapping[str, Any]) -> bytes:
    return raw if b"\n" not in raw and b"\r" not in raw else to_json(body, serialize_unknown=True)


def _tool_name(tool: Any) -> str:  # noqa: ANN401 - the client's JSON
    if not isinstance(tool, dict):
        return str(tool)
    inner = tool.get("function") or tool.get("custom") or tool
    return str(inner.get("name") or tool.get("type") or "")


def _response(call: Call) -> dict[str, Any] | None:
    reply = call.reader.reply
    final = reply.final
    if final is None and reply.parts and not reply.overflowed:
        final = WIRES[call.upstream].whole(reply, call.model)
    return {
        "id": reply.id or None,
        "model": reply.model or None,
        "text": reply.text("text"),
        "reasoning": reply.text("reasoning"),
        "tool_calls": [{"id": p.id, "name": p.name, "arguments": p.text} for p in reply.of("call")],
        "finish_reason": reply.finish,
        "finish_reason_raw": reply.finish_raw,
        "final": final,
        "overflow_file": call.overflow_file,
    }


def _tokens(reply: Reply) -> dict[str, Any] | None:
    """Return ids and logprobs; those that cannot be are rejected, and that is said."""
    ids, logprobs = reply.completion_token_ids, reply.logprobs
    if reply.prompt_token_ids is None and ids is None and logprobs is None:
        return None
    prompt, warning = reply.prompt_token_ids, None
    if not all(map(_is_number, (*(prompt or ()), *(ids or ()), *(logprobs or ())))):
        prompt = ids = logprobs = None
        warning = "token ids or logprobs that are no numbers: all rejected"
    if ids is not None and logprobs is not None and len(ids) != len(logprobs):
        warning = f"{len(ids)} token ids but {len(logprobs)} logprobs: both rejected"
        ids = logprobs = None
    return {
        "prompt_token_ids": prompt,
        "completion_token_ids": ids,
        "logprobs": logprobs,
        "warning": warning,
    }


def _is_number(value: object) -> bool:
    return type(value) in {int, float} and isfinite(value)  # type: ignore[arg-type]


def _usage(reply: Reply, cost: float | None) -> dict[str, Any]:
    counts = reply.counts
    return {name: getattr(counts, name) for name in counts.__slots__} | {"cost_usd": cost}


def _timing(call: Call) -> dict[str, Any]:
    duration = monotonic() - call.began
    first = None if call.first_byte is None else round(1000 * (call.first_byte - call.began), 3)
    return {
        "started_at": call.started_at,
        "completed_at": now(),
        "first_byte_ms": first,
        "duration_ms": round(1000 * duration, 3),
        "overhead_ms": round(1000 * max(0.0, duration - call.waiting_s), 3),
    }


def _outcome(call: Call) -> dict[str, Any]:
    return {
        "status": call.status,
        "error": call.error,
        "message": call.message,
        "attempts": call.attempts,
        "retry_of": call.retry_of,
    }
