"""What goes wrong upstream: its category, whether a retry helps, and what the rollout makes of it."""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runner.errors import ModelFailed, ModelRejected
from runner.interceptor.records import ErrorCategory

ERROR_BYTES = 1024**2
"""Most bytes of an error reply that are read."""
_SHOWN = 500
_FINAL = "the model gave no answer: calls.jsonl has the reason"
_CONTEXT = re.compile(
    r"context_length_exceeded|maximum context length|prompt is too long|context window|input is too long"
    r"|exceeds? the (maximum |model'?s )?context|too many (input )?tokens",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"429|50[0-4]|524|too.?many|too quickly|rate.?limit|overload|unavailable|exhausted|capacity|again|retry"
    r"|(server|internal|network|connection|returned).?error|terminated|fetch|upstream|connect|socket|reset"
    r"|refused|lost|time.?out|timed|addrinfo|enotfound|eai_",
    re.IGNORECASE,
)
"""Words by which OpenCode 1.18 takes an error, whatever its status, for a passing one: it would go on calling
for minutes over what has been tried here already."""
_PAID = re.compile(r"insufficient_quota|billing|credit balance", re.IGNORECASE)
_CATEGORIES: dict[int, ErrorCategory] = {
    401: "auth",
    403: "auth",
    404: "not_found",
    408: "timeout",
    429: "rate_limit",
}


@dataclass
class UpstreamFault(Exception):  # noqa: N818 - what happened, not yet an error of the rollout
    """One attempt that brought no whole reply."""

    category: ErrorCategory
    message: str
    """The provider's own words where it said any."""
    retryable: bool = True
    status: int | None = None
    body: bytes = b""
    """The provider's error reply."""
    retry_after: float | None = None
    """Seconds that the provider asks to wait."""


def fault_of_status(status: int, body: bytes, retry_after: str | None) -> UpstreamFault:
    """Return the fault that an HTTP error is."""
    text = body.decode("utf-8", "replace")
    category = _CATEGORIES.get(status, "upstream_error" if status >= 500 else "client_error")  # noqa: PLR2004
    if status in {400, 413, 422} and _CONTEXT.search(text):
        category = "context_length"
    retryable = status in {408, 409, 425, 429} or status >= 500  # noqa: PLR2004
    if status == 429 and _PAID.search(text):  # noqa: PLR2004
        retryable = False
    return UpstreamFault(category, message_in(text), retryable, status, body, _seconds(retry_after))


def fault_of_reply(message: str, code: str | None) -> UpstreamFault:
    """Return the fault that a reply is which says, after its HTTP 200, that it failed."""
    text = f"{code} {message}"
    if _CONTEXT.search(text):
        return UpstreamFault("context_length", message, retryable=False)
    category: ErrorCategory = "rate_limit" if "rate_limit" in text else "upstream_error"
    return UpstreamFault(category, message, retryable=not _PAID.search(text))


def message_in(text: str) -> str:
    """Return the provider's message in an error reply, else the head of the reply."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    for name in ("error", "message", "detail"):
        if isinstance(found, dict) and found.get(name):
            found = found[name]
    if isinstance(found, str):
        return found[:_SHOWN]
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:_SHOWN] or "an empty reply"


def _seconds(retry_after: str | None) -> float | None:
    """Read seconds, or a date as RFC 9110 has it; null leaves the pause to the back-off."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    return max(0.0, (then - datetime.now(UTC)).total_seconds()) if then.tzinfo else None


def said(fault: UpstreamFault, attempts: int) -> str:
    """Say what happened, for the agent and for the result."""
    status = f"status {fault.status}: " if fault.status and fault.status != 200 else ""  # noqa: PLR2004
    times = f" (after {attempts} attempts)" if attempts > 1 else ""
    return f"{status}{fault.message}{times}"


def final(message: str) -> str:
    """Return what the agent is told of a call given up: the message, unless it would call again over it."""
    return _FINAL if _PASSING.search(message) else message


def failure_of(fault: UpstreamFault, attempts: int) -> ModelFailed | None:
    """Return the rollout's failure; null where the fault is the run's own outcome (a full context)."""
    if fault.category == "context_length":
        return None
    message = f"the model provider failed: {said(fault, attempts)}"
    if fault.retryable:
        return ModelFailed(message, hint="run the rollout again; the provider may have recovered")
    hints = {"auth": "check the key", "not_found": "check inference_url and the model's name"}
    return ModelRejected(message, hint=hints.get(fault.category, "the provider refuses the request"))
