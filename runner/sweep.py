"""Finds and ends everything that one started child has brought to life.

The CLIs start every tool in a session of its own, so a process group is not enough. The runner is a child
subreaper: whatever detaches itself becomes a child of the runner, never of init, and stays below it in
`/proc`. A process in the runner's own session is never touched: nothing that left it can come back.
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

from runner.proc import Process, environment, processes, real_uid

MARK = "ROLLOUT_MARK"
LIMIT_S = 10.0
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER, <linux/prctl.h>

starting = threading.RLock()
"""Held while a child starts, until its family knows it: to a sweep in between it would look adopted."""


class Family:
    """A started child and all that came of it, wherever it went.

    Members are what descends from the child, what carries its mark, what runs under its account, and
    (with `orphans`) what the runner has adopted since and no other family claims.
    """

    def __init__(self, uid: int | None = None, *, orphans: bool = True) -> None:
        _become_subreaper()
        self.mark = secrets.token_hex(8)
        self.root: int | None = None
        """The child's pid, once there is one."""
        self._uid = uid if uid not in {0, os.getuid()} else None
        self._orphans = orphans
        self._since = _now()
        _families.add(self)

    @property
    def env(self) -> Mapping[str, str]:
        """The variable that marks the child's environment."""
        return {MARK: self.mark}

    def members(self) -> list[Process]:
        """Return the living members."""
        with starting:
            table = processes()
            fence = {os.getpid(), *(family.root for family in tuple(_families) if family is not self)}
            found = _below(table, self._seeds(table), fence)
        return [process for process in found if process.alive]

    def end(self, limit_s: float = LIMIT_S) -> tuple[int, ...]:
        """Kill every member and forget the family; return the pids that lived on after `limit_s` seconds."""
        try:
            return self._kill(time.monotonic() + limit_s)
        except BaseException:  # a second signal interrupts the first one's sweep
            _send({member.pid for member in self.members()}, signal.SIGKILL)
            raise
        finally:
            _families.discard(self)

    def _kill(self, until: float) -> tuple[int, ...]:
        """Stop, then kill: a storm of forks that is killed one by one only makes room for the next ones."""
        pause = 0.001
        while (members := self.members()) and time.monotonic() < until:
            stopped: set[int] = set()
            while (new := {member.pid for member in members} - stopped) and time.monotonic() < until:
                _send(new, signal.SIGSTOP)
                stopped |= new
                members = self.members()
            _send(stopped, signal.SIGKILL)
            time.sleep(pause)
            pause = min(pause * 2, 0.05)
        self.reap()
        return tuple(sorted(member.pid for member in members))

    def reap(self) -> None:
        """Take the exit status of adopted members that have ended: nobody else waits for them."""
        with starting:
            ended = [process.pid for process in self._adopted(processes()) if not process.alive]
        for pid in ended:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def _seeds(self, table: Mapping[int, Process]) -> Iterator[int]:
        if self.root is not None:
            yield self.root
        if self._orphans:
            yield from (process.pid for process in self._adopted(table))
        ours = {process.pid for process in _below(table, [os.getpid()], set())}
        for process in table.values():
            strayed = process.pid not in ours and process.start >= self._since and self._marked(process)
            if strayed or (self._uid is not None and real_uid(process.pid) == self._uid):
                yield process.pid

    def _adopted(self, table: Mapping[int, Process]) -> list[Process]:
        """Return the runner's children that it did not start: those that lost their own parent."""
        runner, session = os.getpid(), os.getsid(0)
        roots = {family.root for family in tuple(_families)}
        return [
            process
            for process in table.values()
            if process.parent == runner
            and process.session != session
            and process.pid not in roots
            and process.start >= self._since
            and not self._of_another(process)
        ]

    def _marked(self, process: Process) -> bool:
        return f"{MARK}={self.mark}".encode() in environment(process.pid)

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


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _now() -> int:
    """Return this moment in the clock ticks since boot that `/proc/PID/stat` counts starts in."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


@functools.cache
def _become_subreaper() -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
