"""Reads `/proc`: which processes there are, whose they are, what they have used."""

import functools
import os
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of `/proc/PID/stat`, see proc(5)."""

    pid: int
    parent: int
    session: int
    alive: bool
    """False for zombies. A process whose first thread has ended shows as one, yet lives on in the others."""
    start: int
    """Clock ticks since boot."""
    cpu: int
    """Clock ticks of CPU that it and the children it has waited for have used."""


def processes() -> dict[int, Process]:
    """Return every process that `/proc` shows, by pid."""
    entries = os.listdir(_PROC)  # noqa: PTH208 - names alone: this runs several times a second
    found = (_read(int(entry)) for entry in entries if entry.isdecimal())
    return {process.pid: process for process in found if process}


def environment(pid: int) -> list[bytes]:
    """Return the environment a process was started with; empty where it may not be read."""
    return _bytes(f"/proc/{pid}/environ").split(b"\0")


@functools.cache
def began() -> float:
    """Return when the first process started, the machine's or the container's, in seconds since the epoch.

    Reckoned from its age, for a container may be told another time of boot than its clocks have.
    """
    first = _read(1)
    ticks = first.start if first else 0
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) + ticks / os.sysconf("SC_CLK_TCK")


def real_uid(pid: int) -> int | None:
    """Return the real user id, which a set-uid program keeps; null for a process that is gone."""
    for line in _bytes(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"Uid:"):
            return int(line.split()[1])
    return None


def _read(pid: int) -> Process | None:
    # The name is in parentheses and may itself hold spaces and parentheses.
    fields = _bytes(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    if not fields:
        return None
    return Process(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        alive=fields[0] not in b"ZXx" or int(fields[17]) > 1,
        start=int(fields[19]),
        cpu=sum(map(int, fields[11:15])),
    )


def _bytes(path: str) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return b"".join(iter(lambda: os.read(fd, 65536), b""))
    except OSError:
        return b""
    finally:
        os.close(fd)
