"""Starts a child, watches it, ends it and all it started: the only module that starts processes."""

import contextlib
import errno
import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Literal

from runner import cgroup, launch
from runner.deadline import Deadline
from runner.disk import temporary_folder
from runner.errors import SandboxFailed
from runner.output import head_tail
from runner.pidfd import ended
from runner.pulse import Pulse
from runner.sweep import Family, starting

GRACE_S = 2.0
"""Between SIGTERM and SIGKILL."""
TICK_S = 0.1
"""Between two looks at a running child; its end is seen at once."""

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
    survivors: tuple[int, ...] = ()
    """Pids of what could not be ended: nothing may be scored beside them. Empty but for a broken sandbox."""


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
    """Run a child to its end or the deadline, then end everything that it started.

    Nothing of the child's is alive on return (but `Exit.survivors`), nor after an exception of `watch` or
    of a signal handler. May be called from any thread. Raises FileNotFoundError, PermissionError or another
    OSError with the program as its `filename` where it does not start, and SandboxFailed where the sandbox
    withholds the account or the disk.
    """
    return _run(command, deadline, watch or Watch(), Family(command.account.uid if command.account else None))


def capture(
    argv: Sequence[str],
    timeout_s: float = 10.0,
    *,
    cwd: Path = Path("/"),
    env: Mapping[str, str] | None = None,
    limit: int = 100_000,
) -> tuple[int, str]:
    """Run a short tool call; return its exit code and what it said, head and tail within `limit` bytes.

    That is its standard output, or its standard error where it wrote no other. Without `env` it gets the
    runner's. Raises as `run` does.
    """
    with temporary_folder() as folder:
        out, err = folder / "out", folder / "err"
        command = Command(argv, cwd, os.environ if env is None else env, out, err, max_output_bytes=2**26)
        exit_ = _run(command, Deadline.after(timeout_s), Watch(), Family(orphans=False))
        return exit_.code, head_tail(out, limit) or head_tail(err, limit)


@functools.cache
def can_isolate_network() -> bool:
    """Say whether the sandbox lets the runner give a child a network of loopback alone."""
    nothing = [sys.executable, "-I", "-S", "-c", ""]
    return capture(launch.become(launch.Limits(loopback_only=True), None, 2, nothing))[0] == 0


def _run(command: Command, deadline: Deadline, watch: Watch, family: Family) -> Exit:
    kills, began = cgroup.oom_kills(), time.monotonic()
    with family, contextlib.ExitStack() as files:
        # Held open until the end: what is written counts, even if the child removes the name.
        out = files.enter_context(_create(command.stdout))
        err = out if command.stderr == command.stdout else files.enter_context(_create(command.stderr))
        child = _start(command, out, err, family)
        try:
            ending = _wait(command, {out, err}, deadline, watch, family)
        finally:
            survivors = _end(child, family)
    watch.on_tick()
    code = -signal.SIGKILL if child.returncode is None else child.returncode
    return Exit(code, ending, time.monotonic() - began, cgroup.oom_kills() > kills, survivors)


def _end(child: subprocess.Popen[bytes], family: Family) -> tuple[int, ...]:
    """Ask the child and its process group to end, give them the grace, then end the whole family."""
    try:
        if not ended(child.pid, 0):
            with contextlib.suppress(PermissionError):  # a set-uid program, and the runner is not root
                os.killpg(child.pid, signal.SIGTERM)
                os.killpg(child.pid, signal.SIGCONT)
            ended(child.pid, GRACE_S)
    finally:
        survivors = family.end()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(1.0)
    return survivors


def _wait(
    command: Command, outputs: Collection[IO[bytes]], deadline: Deadline, watch: Watch, family: Family
) -> Ending:
    pid = family.root or 0
    pulse = Pulse(watch.stall_s, watch.last_sign, family.members) if watch.stall_s else None
    while not ended(pid, min(TICK_S, deadline.remaining)):
        watch.on_tick()
        family.reap()
        written = sum(os.fstat(file.fileno()).st_size for file in outputs)
        if deadline.passed:
            return "deadline"
        if written > command.max_output_bytes:
            return "output"
        if watch.should_stop():
            return "stopped"
        if pulse and pulse.stalled(written):
            return "stalled"
    return "exited"


def _start(command: Command, out: IO[bytes], err: IO[bytes], family: Family) -> subprocess.Popen[bytes]:
    env = {**command.env, **family.env}
    options = {"cwd": command.cwd, "env": env, "start_new_session": True, "stdout": out, "stderr": err}
    with (command.stdin or Path(os.devnull)).open("rb") as stdin:
        try:
            return _start_with(command, {**options, "stdin": stdin}, family)
        except ValueError as error:  # a NUL byte, a lone surrogate, a variable with = in its name
            raise OSError(errno.EINVAL, str(error), command.argv[0]) from error


def _start_with(command: Command, options: dict[str, Any], family: Family) -> subprocess.Popen[bytes]:
    """Start the child as its account and under its limits, by the cheapest way that will do."""
    account = _other_user(command.account)
    user = {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}
    loopback_only = not command.network and can_isolate_network()
    processes = command.caps.processes if account else None  # a user's own desktop would count
    limits = launch.Limits(command.caps.file_bytes, processes, loopback_only)
    if limits == launch.Limits():
        return _popen(command.argv, {**options, **user}, family)
    path = command.env.get("PATH", os.defpath)
    if argv := launch.prlimit(limits, command.argv, command.cwd, path):
        return _popen(argv, {**options, **user}, family)
    with contextlib.ExitStack() as failing:
        with launch.reported() as report:
            ids = (account.uid, account.gid) if account else None
            argv = launch.become(limits, ids, report, command.argv)
            child = _popen(argv, {**options, "pass_fds": (report,)}, family)
            failing.callback(child.wait)
        failing.pop_all()
    return child


def _popen(argv: Sequence[str], options: Mapping[str, Any], family: Family) -> subprocess.Popen[bytes]:
    with starting:
        child = subprocess.Popen(argv, **options)  # the one place that starts a process
        family.root = child.pid
    return child


def _other_user(account: Account | None) -> Account | None:
    """Return the account if it is another user than the runner."""
    if account is None or account.uid == os.geteuid():
        return None
    if os.geteuid() != 0:
        hint = "only root can; start the runner as root"
        raise SandboxFailed(f"cannot run as user {account.name}", hint=hint)
    return account


def _create(path: Path) -> IO[bytes]:
    try:
        return path.open("wb")
    except OSError as error:
        hint = "free space or rights there"
        raise SandboxFailed(f"cannot write {path}: {error.strerror}", hint=hint) from error
