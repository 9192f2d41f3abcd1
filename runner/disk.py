"""Says plainly that a disk is full, or takes no writing."""

import contextlib
import errno
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runner.errors import SandboxFailed

_WORDS = {
    errno.ENOSPC: "No space left on device",
    errno.EDQUOT: "Disk quota exceeded",
    errno.EROFS: "Read-only file system",
    errno.EIO: "Input/output error",
}
FATAL = frozenset(_WORDS)
HINT = "give the sandbox more disk"


@contextlib.contextmanager
def writing(where: Path) -> Iterator[None]:
    """Turn the error of a full, closed or broken disk into a SandboxFailed that names the place."""
    try:
        yield
    except OSError as error:
        if error.errno not in FATAL:
            raise
        raise SandboxFailed(f"cannot write to {where}: {_WORDS[error.errno]}", hint=HINT) from error


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder that is gone afterwards; SandboxFailed where there is no place for one."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="rollout-"))
    except OSError as error:
        raise SandboxFailed(f"cannot make a temporary folder: {error.strerror}", hint=HINT) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def complaint(said: str) -> str | None:
    """Return what a tool's output (in the C locale) says of a full, closed or broken disk, if it does."""
    return next((words for words in _WORDS.values() if words in said), None)
