"""What has been understood of a CLI's events: steps, usage and how it says it ended, in bounded memory."""

import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from agents.base import Outcome, Step, ToolCall, Usage
from runner.output import cut, sound

TEXT = 10_000
"""Characters of one message, argument or observation that are kept: half its head, half its tail."""
KEPT = 8_000_000
"""Characters of steps kept from the start, and as many from the end."""
CALLS = 200
"""Tool calls kept of one step, and calls remembered as still running."""
OVERFLOWS = 3
"""So many contexts too long, without a tool call in between, are the end."""


def clip(text: str, most: int = TEXT) -> str:
    """Return `text`, or its head and tail where it is longer than `most` characters."""
    return sound(cut(text, most // 2, most // 2))


def _clip_all(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Clip every string inside a JSON value."""
    if isinstance(value, str):
        return clip(value)
    if isinstance(value, dict):
        return {key: _clip_all(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clip_all(item) for item in value]
    return value


@dataclass
class _Draft:
    """A step while calls of it may still be running."""

    key: str | None = None
    at: str | None = None
    message: str = ""
    reasoning: str = ""
    calls: dict[str, ToolCall] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Characters, about: a call is counted as if it had been answered at length."""
        calls = sum(TEXT + len(str(call.arguments)) for call in self.calls.values())
        return len(self.message) + len(self.reasoning) + calls

    def step(self) -> Step:
        """Return what the result shows of it."""
        return Step(
            message=self.message,
            reasoning=self.reasoning or None,
            tool_calls=tuple(self.calls.values()),
            at=self.at,
        )


class Journal:
    """What has been understood of a stream so far. Each adapter writes it, in its CLI's vocabulary."""

    def __init__(self, on_step: Callable[[Step], None] = lambda _step: None) -> None:
        self._on_step = on_step
        self._head: list[_Draft] = []
        self._tail: deque[_Draft] = deque()
        self._head_size = self._tail_size = 0
        self._draft: _Draft | None = None
        self._running: dict[str, _Draft] = {}
        self._overflows = 0
        self.events = 0
        """How many events have been read."""
        self.session_id: str | None = None
        self.version: str | None = None
        self.usage = Usage()
        self.cost_usd: float | None = None
        self.message = ""
        """The last text addressed to the user."""
        self.outcome: Outcome | None = None
        """How the CLI says that it ended; null while it works or where it does not say."""
        self.error: str | None = None
        """The error that ended the work; cleared by progress."""
        self.status: int | None = None
        """Its HTTP status, where the CLI gives it."""
        self.hopeless: Outcome | None = None
        """The CLI goes round in circles and must be ended, with this outcome."""
        self.retrying: str | None = None
        """The provider's error that the CLI is trying again over; cleared by progress."""

    def identify(self, session_id: object, version: object = None) -> None:
        """Note the CLI's id of the session, and its version where it says so."""
        self.session_id = str(session_id)
        self.version = str(version) if version else self.version

    def turn(self, key: str | None = None, at: str | None = None) -> None:
        """Begin a new step, unless `key` is the current one's: the model has been asked anew."""
        if key is None or self._draft is None or key != self._draft.key:
            self._close()
            self._draft = _Draft(key, at)

    def say(self, text: str) -> None:
        """Text addressed to the user."""
        draft = self._progress()
        draft.message = clip(f"{draft.message}\n{text}" if draft.message else text)
        self.message = clip(text)

    def think(self, text: str) -> None:
        """Reasoning."""
        draft = self._progress()
        draft.reasoning = clip(f"{draft.reasoning}\n{text}" if draft.reasoning else text)

    def call(self, call_id: str, name: str, arguments: object) -> None:
        """Note a tool call that begins."""
        draft, self._overflows = self._progress(), 0
        if len(draft.calls) < CALLS:
            draft.calls[call_id] = ToolCall(id=call_id, name=name, arguments=_object(arguments))
            self._running[call_id] = draft
            if len(self._running) > CALLS:
                del self._running[next(iter(self._running))]

    def observe(self, call_id: str, text: str | None, *, ok: bool | None) -> None:
        """Note what came back of a call, which may belong to an earlier step."""
        if draft := self._running.pop(call_id, None):
            update = {"observation": None if text is None else clip(text), "ok": ok}
            draft.calls[call_id] = draft.calls[call_id].model_copy(update=update)

    def knows(self, call_id: str) -> bool:
        """Whether a call has begun and not come back."""
        return call_id in self._running

    @property
    def waiting(self) -> bool:
        """Whether a call of the current step has not come back."""
        return any(draft is self._draft for draft in self._running.values())

    @property
    def acted(self) -> bool:
        """Whether the current step has called a tool, so that text can only be the next step's."""
        return bool(self._draft and self._draft.calls)

    def spend(self, **tokens: object) -> None:
        """Add tokens, in the words of `Usage`; what is no count leaves a sum as it is."""
        known = {name: count for name, count in tokens.items() if isinstance(count, int)}
        sums = {name: (getattr(self.usage, name) or 0) + count for name, count in known.items()}
        self.usage = self.usage.model_copy(update=sums)

    def finish(self) -> None:
        """Note that the CLI says its work is done."""
        self.outcome, self.error, self.retrying = "completed", None, None

    def stop(self, outcome: Outcome, error: str) -> None:
        """Note that the CLI says it ended otherwise, by no fault of the provider's."""
        self.outcome, self.error = outcome, clip(error)

    def overflow(self, error: str) -> None:
        """Note that the context was too long; a CLI that compacts may meet this again and again for ever."""
        self.stop("context_length", error)
        self._overflows += 1
        self.hopeless = self.outcome if self._overflows >= OVERFLOWS else None

    def fail(self, error: str, status: object = None) -> None:
        """Note the provider's error that ends the work, unless progress follows."""
        self.outcome, self.error, self.status = None, clip(error), _status(status)

    def retry(self, error: str, status: object = None) -> None:
        """Note the provider's error over which the CLI tries again."""
        self.retrying, self.status = clip(error), _status(status)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, or the first and last of very many."""
        self._close()
        return tuple(draft.step() for draft in (*self._head, *self._tail))

    def _progress(self) -> _Draft:
        self.outcome = self.error = self.status = self.retrying = None
        if self._draft is None:
            self._draft = _Draft()
        return self._draft

    def _close(self) -> None:
        draft, self._draft = self._draft, None
        if draft is None or not (draft.message or draft.reasoning or draft.calls):
            return
        self._keep(draft)
        self._on_step(draft.step())

    def _keep(self, draft: _Draft) -> None:
        size = draft.size
        if not self._tail and self._head_size + size <= KEPT:
            self._head.append(draft)
            self._head_size += size
            return
        self._tail.append(draft)
        self._tail_size += size
        while self._tail_size > KEPT and len(self._tail) > 1:
            self._tail_size -= self._tail.popleft().size


def _object(arguments: object) -> dict[str, Any]:
    """Return arguments as a JSON object, `{"raw": text}` where they are none or very many."""
    clipped = _clip_all(arguments)
    text = arguments if isinstance(arguments, str) else json.dumps(clipped)
    if isinstance(clipped, dict) and len(text) <= 10 * TEXT:
        return clipped
    return {"raw": clip(text)}


def _status(status: object) -> int | None:
    return status if isinstance(status, int) else None
