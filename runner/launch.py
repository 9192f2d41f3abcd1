"""Starts a program under limits that only the child can take upon itself.

Where nothing but resource limits is asked and the image has util-linux, `prlimit` does it for 1 ms; else
`become.py`, in an interpreter of its own, for 9 ms.
"""

import contextlib
import errno
import functools
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_BECOME = str(Path(__file__).with_name("become.py"))


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child takes upon itself; null leaves things as they are."""

    file_bytes: int | None = None
    processes: int | None = None
    loopback_only: bool = False


@contextlib.contextmanager
def reported() -> Iterator[int]:
    """Yield a descriptor for `become`; raise, at the end, the OSError that it reported."""
    read, write = os.pipe()
    with os.fdopen(read, "rb") as pipe:
        try:
            yield write
        finally:
            os.close(write)
        said = pipe.read().decode()
    if said:
        number, _, what = said.partition(" ")
        raise OSError(int(number), os.strerror(int(number)), what)


def become(limits: Limits, ids: tuple[int, int] | None, report: int, program: Sequence[str]) -> list[str]:
    """Return the command that takes all limits, becomes the user (uid and gid), then the program."""
    numbers = (report, limits.file_bytes, limits.processes, int(limits.loopback_only), *(ids or (None, None)))
    words = ["-" if number is None else str(number) for number in numbers]
    return [sys.executable, "-I", "-S", _BECOME, *words, *program]


def prlimit(limits: Limits, program: Sequence[str], cwd: Path, path: str) -> list[str] | None:
    """Return the command that takes the resource limits, then becomes the program; null where it cannot.

    Raises FileNotFoundError or PermissionError for a program that is neither below `cwd` nor on `path`.
    """
    tool = _tool()
    if tool is None or limits.loopback_only:
        return None
    name = str(cwd / program[0]) if "/" in program[0] else program[0]
    if shutil.which(name, path=path) is None:
        number = errno.EACCES if shutil.which(name, os.F_OK, path) else errno.ENOENT
        raise OSError(number, os.strerror(number), program[0])
    chosen = (("fsize", limits.file_bytes), ("nproc", limits.processes))
    return [tool, *(f"--{name}={most}:{most}" for name, most in chosen if most is not None), "--", *program]


@functools.cache
def _tool() -> str | None:
    return shutil.which("prlimit", path="/usr/bin:/bin")
