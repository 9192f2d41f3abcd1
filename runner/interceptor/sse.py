"""Server-sent events: cut from arbitrary chunks without changing a byte."""

import re
from dataclasses import dataclass

EVENT_BYTES = 16 * 1024**2
"""Longest event that is held to be understood; a longer one is passed on in pieces, unread."""

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")


@dataclass(frozen=True, slots=True)
class Event:
    """One event as it came, or a piece of one that is too long to hold."""

    raw: bytes
    """The bytes, blank line included."""
    data: bytes | None
    """The `data` field; null where there is none (a comment) or the event was too long."""


class Splitter:
    """Cuts a stream into events; the bytes of all events, then `rest`, are the stream."""

    def __init__(self) -> None:
        self.rest = b""
        self._searched = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """Take a chunk and return the events that it completes."""
        buffer = self.rest + chunk if self.rest else chunk
        events = []
        start, search = 0, max(0, self._searched - 3)
        while match := _END.search(buffer, search):
            raw = buffer[start : match.end()]
            events.append(Event(raw, data_of(raw)))
            start = search = match.end()
        self.rest = buffer[start:]
        self._searched = len(self.rest)
        if len(self.rest) > EVENT_BYTES:
            events.append(Event(self.rest, None))
            self.rest, self._searched = b"", 0
        return events


def data_of(raw: bytes) -> bytes | None:
    """Return the `data` of an event, its lines joined."""
    if raw.startswith(b"data: ") and raw.count(b"\n") <= 2 and b"\r" not in raw:  # noqa: PLR2004 - the common form
        return raw[6:].rstrip(b"\n")
    lines = [line[5:].removeprefix(b" ") for line in raw.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None
