"""Finds and ends everything that one started child has brought to life.

The CLIs start every tool in a session of its own, so a process group is not enough. The runner is a child
subreaper: whatever detaches itself becomes a child of the runner, never of init, and stays below it in
`/proc`. A process in the runner's own session is touched only where nothing else of the runner's is at work:
nothing that left it can come back.
"""

import contextlib
import ctypes
import functools
import os
import secrets
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from runner.proc import Process, environment, processes, real_uid

MARK = "ROLLOUT_MARK"
LIMIT_S = 10.0
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, <linux/prctl.h>

starting = threading.RLock()
"""Held while a child starts, until its family knows it: to a sweep in between it would look adopted."""


class Family:
    """A started child and all that came of it, wherever it went.

    Members are what descends from the child, what carries its mark, what runs under its account, and
    (with `orphans`) what the runner has adopted since and no other family claims. Of a plug-in, which starts
    children as the runner itself, whatever the runner has as a child since is a member (`sole`).
    """

    def __init__(self, uid: int | None = None, *, orphans: bool = True, sole: bool = False) -> None:
        _become_subreaper()
        self.mark = secrets.token_hex(8)
        self.root: int | None = None
        """The child's pid, once there is one."""
        self._uid = uid if uid not in {0, os.getuid()} else None
        self._orphans = orphans
        self._sole = sole
        self._older = _own_children() if sole else frozenset()
        self._since = _now()
        self._ended = False
        _families.add(self)

    @property
    def env(self) -> Mapping[str, str]:
        """The variable that marks the child's environment."""
        return {MARK: self.mark}

    def __enter__(self) -> Self:
        """Have it known to other families' sweeps until it is left."""
        return self

    def __exit__(self, *_: object) -> None:
        """End what is still alive, and forget the family: now the child's pid may be anybody's."""
        try:
            if not self._ended:
                self.end()
        finally:
            _families.discard(self)

    def members(self) -> list[Process]:
        """Return the living members."""
        return [process for process in self._look()[0] if process.alive]

    def end(self, limit_s: float = LIMIT_S) -> tuple[int, ...]:
        """Kill every member; return the pids of those that lived on after `limit_s` seconds."""
        try:
            left = self._kill(time.monotonic() + limit_s)
        except BaseException:  # a second signal interrupts the first one's sweep
            _send(_living(self._look()[0]), signal.SIGKILL)
            raise
        self._ended = True
        return left

    def reap(self) -> None:
        """Take the exit status of adopted members that have ended, for nobody else does."""
        with contextlib.suppress(ChildProcessError):
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):  # else no child has ended
                _bury(self._look()[1])

    def _kill(self, until: float) -> tuple[int, ...]:
        """Stop, then kill: a storm of forks that is killed one by one only makes room for the next ones.

        Nothing is over while there are dead to bury: a process that forks and ends at once, again and again,
        may never be seen alive, but each time it leaves the runner its body.
        """
        pause = 0.001
        while time.monotonic() < until:
            members, adopted = self._look()
            if not _living(members) and not _bury(adopted):
                return ()
            stopped: set[int] = set()
            while (new := _living(members) - stopped) and time.monotonic() < until:
                _send(new, signal.SIGSTOP)
                stopped |= new
                members, _ = self._look()
            _send(stopped, signal.SIGKILL)
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        return tuple(sorted(_living(self._look()[0])))

    def _look(self) -> tuple[list[Process], list[Process]]:
        """Return all members, and all that the runner has adopted; the dead too."""
        with starting:
            table = processes()
            fence = {os.getpid(), *(family.root for family in tuple(_families) if family is not self)}
            adopted = self._adopted(table)
            orphans = (process.pid for process in adopted if self._orphans)
            seeds = [*self._seeds(table), *orphans]
        return _below(table, seeds, fence), adopted

    def _seeds(self, table: Mapping[int, Process]) -> Iterator[int]:
        if self.root is not None:
            yield self.root
        runner = os.getpid()
        kept = {process.pid for process in _below(table, [runner], set()) if process.parent != runner}
        for process in table.values():
            strayed = process.pid not in kept and process.start >= self._since and self._marked(process)
            if strayed or (self._uid is not None and real_uid(process.pid) == self._uid):
                yield process.pid

    def _adopted(self, table: Mapping[int, Process]) -> list[Process]:
        """Return the runner's children that it did not start: those that lost their own parent.

        After `setsid -f` one is of the runner's session for a moment, like those that it started.
        """
        runner, session = os.getpid(), os.getsid(0)
        older = {pid for pid, start in self._older if pid in table and table[pid].start == start}
        roots = {family.root for family in tuple(_families)}
        return [
            process
            for process in table.values()
            if process.parent == runner
            and (process.session != session or (self._sole and process.pid not in older))
            and process.pid not in roots
            and process.start >= self._since
            and not self._of_another(process)
        ]

    def _marked(self, process: Process) -> bool:
        """Say whether a process is of the child's session or carries its mark."""
        mark = f"{MARK}={self.mark}".encode()
        return process.session == self.root or mark in environment(process.pid)

    def _of_another(self, process: Process) -> bool:
        others = [family for family in tuple(_families) if family is not self]
        return any(family._marked(process) for family in others)  # noqa: SLF001 - the same class


_families: set[Family] = set()


def _below(table: Mapping[int, Process], seeds: Iterable[int], fence: set[int | None]) -> list[Process]:
    """Return the seeds and all their descendants, never crossing the fence."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: dict[int, Process] = {}
    waiting = list(seeds)
    while waiting:
        pid = waiting.pop()
        if pid in table and pid not in found and pid not in fence:
            found[pid] = table[pid]
            waiting += children.get(pid, [])
    return list(found.values())


def _living(members: Iterable[Process]) -> set[int]:
    return {member.pid for member in members if member.alive}


def _bury(adopted: Iterable[Process]) -> bool:
    """Take the exit status of the dead, and say whether there were any."""
    dead = [process.pid for process in adopted if not process.alive]
    for pid in dead:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
    return bool(dead)


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _own_children() -> frozenset[tuple[int, int]]:
    return frozenset((each.pid, each.start) for each in processes().values() if each.parent == os.getpid())


def _now() -> int:
    """Return this moment in the clock ticks since boot that `/proc/PID/stat` counts starts in."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


@functools.cache
def _become_subreaper() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
