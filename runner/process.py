"""Starts a child, watches it, ends it and all it started: the only module that starts processes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runner.deadline import Deadline

Ending = Literal["exited", "deadline", "stalled", "stopped", "output"]


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user of the image."""

    name: str
    uid: int
    gid: int
    home: Path


@dataclass(frozen=True, slots=True)
class Caps:
    """Limits that the kernel holds; null leaves the sandbox's own."""

    file_bytes: int | None = None
    """Largest file a child may write (RLIMIT_FSIZE)."""
    processes: int | None = None
    """Most processes and threads of the account (RLIMIT_NPROC; only with an account)."""


@dataclass(frozen=True, slots=True)
class Command:
    """One child to run."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    """The whole environment; nothing is inherited. The mark is added by `run`."""
    stdout: Path
    """Written to this file: a pipe that a grandchild holds would hang its reader."""
    stderr: Path
    stdin: Path | None = None
    """Read from this file, else from /dev/null."""
    account: Account | None = None
    caps: Caps = field(default_factory=Caps)
    network: bool = True
    """False: loopback only, where the sandbox lets the runner make a network namespace."""
    max_output_bytes: int = 2 * 1024**3
    """More output than this ends the child (`output`)."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended."""

    code: int
    """Exit code; negative is the signal that ended it."""
    ending: Ending
    """`exited` by itself, or why it was ended."""
    duration_s: float
    oom: bool = False
    """The kernel's memory limit killed it or a child of it (the cgroup's own count says so)."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is asked several times a second while a child runs."""

    stall_s: float | None = None
    """Seconds without output, `last_sign` or CPU time of the child's tree that end it (`stalled`)."""
    last_sign: Callable[[], float] = lambda: 0.0
    """`time.monotonic` of a sign of life seen elsewhere (a model call)."""
    should_stop: Callable[[], bool] = lambda: False
    """True ends the child (`stopped`)."""
    on_tick: Callable[[], None] = lambda: None
    """Called each time, and once after the end: a place to read new output."""


def run(command: Command, deadline: Deadline, watch: Watch | None = None) -> Exit:
    """Run a child to its end or the deadline, then end everything that it started."""
    raise NotImplementedError
