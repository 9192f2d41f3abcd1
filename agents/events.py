"""Reads a CLI's events, JSON lines in a growing file, in constant memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHUNK = 1024**2
LINE = 8 * 1024**2
"""Bytes; a longer line is left out here, and stays in the log."""

Event = dict[str, Any]


class Stream:
    """The events that a growing file of JSON lines has gained since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._rest = b""
        self._skipping = False

    def new(self, *, most: int) -> Iterator[Event]:
        """Yield the events of at most about `most` new bytes; what is no JSON object is passed over."""
        end = self._offset + most
        with self._path.open("rb") as file:
            file.seek(self._offset)
            while self._offset < end and (chunk := file.read(CHUNK)):
                self._offset += len(chunk)
                for line in self._lines(chunk):
                    yield from _event(line)

    def last(self) -> Iterator[Event]:
        """Yield all that is left, a last line without its newline included."""
        size = self._path.stat().st_size
        yield from self.new(most=size)
        yield from _event(self._rest)
        self._rest = b""

    def _lines(self, chunk: bytes) -> Iterator[bytes]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            if not self._skipping:
                yield line
            self._skipping = False
        if len(self._rest) > LINE:
            self._rest, self._skipping = b"", True


def _event(line: bytes) -> Iterator[Event]:
    if line.lstrip()[:1] != b"{":
        return
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return
    yield event
