"""Reads a file that was written beside the agent's code: it may be a link, a pipe, or endless."""

import os
import stat
from pathlib import Path


class UnusableFileError(ValueError):
    """No regular file, or larger than anything honest."""


def read_regular(path: Path, most: int) -> bytes:
    """Return a regular file's content; never follows a link, never waits.

    Raises `UnusableFileError`, and FileNotFoundError.
    """
    try:
        found = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnusableFileError(f"{path.name} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(os.fstat(found).st_mode):
        os.close(found)
        raise UnusableFileError(f"{path.name} is no regular file")
    with os.fdopen(found, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UnusableFileError(f"{path.name} has more than {most} bytes")
    return content
