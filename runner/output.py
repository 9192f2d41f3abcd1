"""Reads what a child wrote, however much that is and whatever it holds."""

import os
from pathlib import Path


def head_tail(path: Path, limit: int = 20_000) -> str:
    """Return a file's text, or its head and tail around a note of what was left out, within `limit` bytes.

    Needs memory for `limit` bytes only; empty for a file that is not there. What is no UTF-8 becomes U+FFFD.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= limit:
                return file.read(limit).decode(errors="replace")
            head = file.read(limit // 2)
            file.seek(size - limit // 2)
            tail = file.read(limit // 2)
    except FileNotFoundError:
        return ""
    left_out = size - len(head) - len(tail)
    return (
        f"{head.decode(errors='ignore')}\n... {left_out} bytes left out ...\n{tail.decode(errors='ignore')}"
    )


def sound(text: str) -> str:
    """Return a text that UTF-8 can hold: each half of a character, which JSON may name, becomes `?`."""
    return text.encode(errors="replace").decode()


def cut(text: str, head: int, tail: int) -> str:
    """Return a text, or head and tail (characters) of a longer one: an error is mostly at the end."""
    left_out = len(text) - head - tail
    return (
        text if left_out <= 0 else f"{text[:head]}\n[... {left_out} characters left out ...]\n{text[-tail:]}"
    )
