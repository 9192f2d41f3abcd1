"""Tells a child that works from one that hangs: by output, by signs from elsewhere, by CPU time."""

import os
import time
from collections.abc import Callable

from runner.proc import Process

_IDLE = 0.03
"""The share of one CPU below which a tree only idles. CLIs that wait for a provider that hangs use, by their
own timers, 0.3 % (Codex), 0.5 % (Claude Code) and 1.2 to 1.8 % (OpenCode); measured 2026-11-21."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Pulse:
    """The last sign of life of a child and its whole tree."""

    def __init__(
        self, stall_s: float, sign: Callable[[], float], members: Callable[[], list[Process]]
    ) -> None:
        self._stall_s = stall_s
        self._sign = sign
        self._members = members
        self._last = self._looked = time.monotonic()
        self._output = 0
        self._used: dict[tuple[int, int], int] = {}
        self._ticks = 0

    def stalled(self, output: int) -> bool:
        """Say whether nothing has moved for the stall limit; `output` is the bytes written so far."""
        now = time.monotonic()
        if output != self._output:
            self._output = output
            self._alive(now)
        if (sign := min(self._sign(), now)) > self._last:
            self._alive(sign)
        if now - max(self._last, self._looked) >= min(1.0, self._stall_s / 5) and self._works(now):
            self._alive(now)
        return now - self._last >= self._stall_s

    def _alive(self, at: float) -> None:
        self._last, self._ticks = at, 0

    def _works(self, now: float) -> bool:
        """Say whether the tree has been more than idle since the last sign of life."""
        used = {(process.pid, process.start): process.cpu for process in self._members()}
        self._ticks += sum(max(0, cpu - self._used.get(who, 0)) for who, cpu in used.items())
        self._used, self._looked = used, now
        return self._ticks > _IDLE * _TICKS * (now - self._last)
