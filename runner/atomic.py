"""Writes a file that is always whole: the old content or the new, also on a full disk."""

import contextlib
import errno
import os
from pathlib import Path

from runner.errors import ResultUnwritable


def replace(path: Path, content: bytes) -> None:
    """Replace a file by rename, or in place where it is a mount point of its own.

    Raises `ResultUnwritable` naming the path.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            file.write(content)
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        if error.errno in {errno.EBUSY, errno.EXDEV}:
            overwrite(path, content)
            return
        raise _unwritable(path, error) from error


def overwrite(path: Path, content: bytes) -> None:
    """Write over the bytes that a file already owns: this needs no free space for a shorter content."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.truncate()
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ResultUnwritable:
    return ResultUnwritable(
        f"cannot write the result to {path}: {error.strerror}", hint="name a writable --output"
    )
