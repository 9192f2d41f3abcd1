"""Writes the difference between two files as git does, in bounded time and memory.

difflib needs no git in the image and no process, and knows neither the workspace's attributes nor its
configuration. Measured against `git diff --no-index` on 2026-11-21: 0.5 ms against 7 for one edited file of
100 lines, 68 against 30 for twenty of 300, 430 against 49 for three hundred.
"""

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BYTES = 2**20
"""A larger file is named only."""
_MAX_LINES = 5000
"""Where more lines than this differ in one stretch, it is shown as replaced: difflib would take minutes."""
_CONTEXT = 3
_SPECIAL = re.compile(rb'[\x00-\x1f"\\\x7f]')
_SPECIAL_BYTES = re.compile(rb'[\x00-\x1f"\\\x7f-\xff]')
_Operation = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after."""

    mode: str
    """`100644`, `100755` or `120000`, git's words for a file, an executable and a link."""
    content: bytes | None
    """Null where it is not shown: too large, or not readable."""


def patch(path: bytes, old: Side | None, new: Side | None) -> Iterator[bytes]:
    """Yield one file's patch; null for a side where there is no file."""
    if old and new and old.mode[:3] != new.mode[:3]:  # git shows a file that became a link as two
        yield from patch(path, old, None)
        yield from patch(path, None, new)
        return
    a, b = _quoted(b"a/" + path), _quoted(b"b/" + path)
    yield b"diff --git %b %b\n" % (a, b)
    yield from _modes(old, new)
    before, after = (side.content if side else b"" for side in (old, new))
    left, right = (a if old else b"/dev/null"), (b if new else b"/dev/null")
    if before is None or after is None or b"\0" in before + after:
        yield b"Binary files %b and %b differ\n" % (left, right)
    elif before != after:
        tab = b"\t" if b" " in path else b""
        yield b"--- %b%b\n+++ %b%b\n" % (left, tab if old else b"", right, tab if new else b"")
        yield from _hunks(before.split(b"\n"), after.split(b"\n"))


def _modes(old: Side | None, new: Side | None) -> Iterator[bytes]:
    if old is None and new:
        yield b"new file mode %b\n" % new.mode.encode()
    elif new is None and old:
        yield b"deleted file mode %b\n" % old.mode.encode()
    elif old and new and old.mode != new.mode:
        yield b"old mode %b\nnew mode %b\n" % (old.mode.encode(), new.mode.encode())


def _quoted(name: bytes) -> bytes:
    """Quote a name as git does: control characters, quotes, backslashes, and what is no UTF-8."""
    try:
        name.decode()
        special = _SPECIAL
    except UnicodeDecodeError:
        special = _SPECIAL_BYTES
    quoted = special.sub(lambda found: b"\\%03o" % found[0][0], name)
    return name if quoted == name else b'"%b"' % quoted


def _hunks(old: list[bytes], new: list[bytes]) -> Iterator[bytes]:
    """Yield the hunks; `old` and `new` were split at newlines, so a last item that is empty is no line."""
    lines = [
        [*(line + b"\n" for line in side[:-1]), *([side[-1]] if side[-1] else [])] for side in (old, new)
    ]
    for group in _groups(*lines):
        spans = _span(group[0][1], group[-1][2]), _span(group[0][3], group[-1][4])
        yield b"@@ -%b +%b @@\n" % spans
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_shown(b" ", line) for line in lines[0][i1:i2])
            else:
                yield from (_shown(b"-", line) for line in lines[0][i1:i2])
                yield from (_shown(b"+", line) for line in lines[1][j1:j2])


def _groups(old: list[bytes], new: list[bytes]) -> list[list[_Operation]]:
    """Group what differs with three lines around it; the equal start and end never reach difflib."""
    most = min(len(old), len(new))
    start = next((i for i in range(most) if old[i] != new[i]), most)
    end = next((i for i in range(most - start) if old[-1 - i] != new[-1 - i]), most - start)
    start, end = max(0, start - _CONTEXT), max(0, end - _CONTEXT)
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    if max(len(left), len(right)) > _MAX_LINES:
        return [[("replace", start, len(old) - end, start, len(new) - end)]]
    matcher = difflib.SequenceMatcher(None, left, right)
    return [
        [(tag, i1 + start, i2 + start, j1 + start, j2 + start) for tag, i1, i2, j1, j2 in group]
        for group in matcher.get_grouped_opcodes(_CONTEXT)
    ]


def _span(first: int, last: int) -> bytes:
    length = last - first
    return b"%d" % last if length == 1 else b"%d,%d" % (first + bool(length), length)


def _shown(sign: bytes, line: bytes) -> bytes:
    return sign + line if line.endswith(b"\n") else sign + line + b"\n\\ No newline at end of file\n"
