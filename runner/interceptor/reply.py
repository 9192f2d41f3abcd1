"""One model reply, free of dialect: what readers rebuild from a stream and writers write in another."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PartKind = Literal["text", "reasoning", "call"]
Finish = Literal["stop", "tool_calls", "length", "refusal", "context_length", "error"]

KEPT_BYTES = 8 * 1024**2
"""Most characters of one reply that are held in memory; the record of a longer one points to a file."""


@dataclass(slots=True)
class Part:
    """A stretch of a reply: text, reasoning, or one tool call with its arguments as text."""

    kind: PartKind
    id: str = ""
    """A tool call's id."""
    name: str = ""
    """A tool call's name."""
    signature: str = ""
    """What the provider wants back with it (Messages `signature`, Responses `encrypted_content`)."""
    freeform: bool = False
    """The call's input is plain text instead of JSON (a Responses custom tool)."""
    chunks: list[str] = field(default_factory=list)
    depth: "JsonDepth | None" = None

    def __post_init__(self) -> None:
        """Take ids that some upstreams give as numbers."""
        self.id, self.name = str(self.id), str(self.name)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.chunks)


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens of one call; null means unknown, never 0."""

    input_tokens: int | None = None
    """Prompt tokens, cached ones included."""
    output_tokens: int | None = None
    """Completion tokens, reasoning included."""
    reasoning_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None

    def __post_init__(self) -> None:
        """Take what is no count for unknown."""
        for name in self.__slots__:
            if type(getattr(self, name)) is not int:
                object.__setattr__(self, name, None)


@dataclass(slots=True)
class Reply:
    """What the model answered, as far as it has arrived."""

    id: str = ""
    model: str = ""
    """The model that served the call, by the upstream's word."""
    parts: list[Part] = field(default_factory=list)
    finish: Finish | None = None
    finish_raw: str | None = None
    """The finish reason in the provider's own word."""
    counts: Counts = field(default_factory=Counts)
    final: Mapping[str, Any] | None = None
    """The provider's own final object, where the stream carries one (Responses) or was none."""
    error: str | None = None
    """The provider's error text, where the stream ended in one."""
    error_code: str | None = None
    prompt_token_ids: list[int] | None = None
    completion_token_ids: list[int] | None = None
    logprobs: list[float] | None = None
    kept: int = 0
    """Characters held."""
    overflowed: bool = False
    """More came than is held in memory."""

    def of(self, kind: PartKind) -> list[Part]:
        """Return the parts of one kind, in order."""
        return [part for part in self.parts if part.kind == kind]

    def text(self, kind: PartKind) -> str | None:
        """Return the text of all parts of one kind, null where there is none."""
        parts = self.of(kind)
        return "".join(part.text for part in parts) if parts else None


Op = tuple[Literal["start", "open", "add", "close", "finish"], int, str]
"""A change of a reply: what happened, to which part (its index), and the text that was added."""


class Builder:
    """Applies what arrives to a `Reply` and tells it as `Op`s, for a writer of another dialect."""

    def __init__(self) -> None:
        self.reply = Reply()
        self.call_completed = False
        """Whether a tool call has all its arguments, so that some clients would run it already."""
        self.ended = False
        """Whether the reply is whole: the provider has said so."""
        self._open: int | None = None
        self._started = False

    def start(self, reply_id: str, model: str) -> list[Op]:
        """Note id and model, once."""
        if self._started:
            return []
        self._started = True
        self.reply.id, self.reply.model = str(reply_id), str(model)
        return [("start", 0, "")]

    def open(self, part: Part) -> list[Op]:
        """Close the part before and begin another."""
        ops = self.close()
        self.reply.parts.append(part)
        self._open = len(self.reply.parts) - 1
        if part.kind == "call" and not part.freeform:
            part.depth = JsonDepth()
        return [*ops, ("open", self._open, "")]

    def add(self, kind: PartKind, text: str) -> list[Op]:
        """Add text to the open part, opening one of this kind where there is none."""
        if not text:
            return []
        part = self.current
        ops: list[Op] = []
        if part is None or part.kind != kind:
            ops = self.open(Part(kind))
            part = self.reply.parts[-1]
        return ops + self.add_to(len(self.reply.parts) - 1, part, text)

    def add_to(self, index: int, part: Part, text: str) -> list[Op]:
        """Add text to a part by its index; raises `TypeError` for what is no text."""
        if not text:
            return []
        if not isinstance(text, str):
            raise TypeError(f"no text: {text!r}")
        if self.reply.kept + len(text) > KEPT_BYTES:
            self.reply.overflowed = True
        else:
            self.reply.kept += len(text)
            part.chunks.append(text)
        if part.depth is not None and part.depth.feed(text):
            self.call_completed = True
        return [("add", index, text)]

    @property
    def current(self) -> Part | None:
        """The open part."""
        return None if self._open is None else self.reply.parts[self._open]

    def close(self) -> list[Op]:
        """Close the open part."""
        if self._open is None:
            return []
        index, self._open = self._open, None
        if self.reply.parts[index].kind == "call":
            self.call_completed = True
        return [("close", index, "")]

    def finish(self) -> list[Op]:
        """Say that the reply is whole."""
        if self.ended:
            return []
        self.ended = True
        return [*self.close(), ("finish", 0, "")]


class JsonDepth:
    """Says when the text fed so far is a whole JSON object, in one pass over it."""

    _MARKS = re.compile(r'[{}"\\]')

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped_at_start = False

    def feed(self, text: str) -> bool:
        """Take more text; true from the moment the outermost brace closed."""
        position = 1 if self._escaped_at_start else 0
        self._escaped_at_start = False
        closed = False
        while match := self._MARKS.search(text, position):
            position = match.end()
            mark = match.group()
            if mark == "\\":
                self._escaped_at_start = position >= len(text)
                position += 1
            elif mark == '"':
                self._in_string = not self._in_string
            elif not self._in_string:
                self._depth += 1 if mark == "{" else -1
                closed = closed or self._depth == 0
        return closed
