"""What all dialects encode: an answer, and the events that stream it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from runner.interceptor.replay.script import Captured, Finish

ToolKind = Literal["function", "custom", "local_shell"]


@dataclass(frozen=True, slots=True)
class ToolUse:
    """One tool call, ready for the wire."""

    id: str
    """Unique among all answers of this model."""
    name: str
    arguments: str
    """A JSON object as text, or the input of a freeform (`custom`) tool."""
    kind: ToolKind = "function"

    @property
    def as_object(self) -> dict[str, Any]:
        """The arguments as an object; `{"raw": text}` where they are none."""
        try:
            value = json.loads(self.arguments or "{}")
        except ValueError:
            value = None
        return value if isinstance(value, dict) else {"raw": self.arguments}


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token counts: the input includes what was cached, the output what was thought."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whatever the dialect."""

    id: str
    """Unique part of every id in it."""
    model: str
    created: int
    """Unix seconds."""
    text: str
    reasoning: str
    calls: tuple[ToolUse, ...]
    finish: Finish
    tokens: Tokens
    captured: Captured
    """Token ids and log probabilities, for chat completions."""
    chunks: int = 8
    """Into how many pieces a text is streamed, at most."""

    def pieces(self, text: str) -> Iterator[str]:
        """Cut a text into `chunks` pieces or fewer, none of them empty."""
        size = max(1, -(-len(text) // self.chunks))
        return (text[start : start + size] for start in range(0, len(text), size))


@dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event, encoded."""

    data: bytes
    final: bool = False
    """Whether it belongs to the end of the stream, without which the stream is truncated."""


def sse(payload: Mapping[str, Any] | str, *, name: str | None = None, final: bool = False) -> Event:
    """Encode one event; `name` is the `event:` line where the dialect has one."""
    text = payload if isinstance(payload, str) else dumps(payload)
    head = f"event: {name}\n" if name else ""
    return Event(f"{head}data: {text}\n\n".encode(), final)


def dumps(payload: Mapping[str, Any]) -> str:
    """Encode JSON the way providers do: compact, in plain UTF-8."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


class Wire(Protocol):
    """What a dialect's module offers."""

    def body(self, answer: Answer, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to a `request` that does not stream."""

    def events(self, answer: Answer, request: Mapping[str, Any]) -> Iterable[Event]:
        """Return the events that stream the answer to `request`."""

    def error(self, status: int, message: str, code: str | None = None) -> dict[str, Any]:
        """Return the body of an HTTP error."""
