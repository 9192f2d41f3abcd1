"""Decides which turn of a script a request gets.

- Turns are had in order. A turn is had when its last byte is handed to the socket; a client that goes away
  before, or that met the turn's fault, gets the same turn when it asks again. No hash of the request is
  compared: two equal requests in a row are two samples, not a retry.
- A turn broken off by a fault is had all the same when the next request brings the result of a tool call
  that the client took from the broken stream: playing it again would run the tool twice.
- A request without tools is a side request. It gets the next turn that is marked `aside`; else a canned
  answer and no turn, where it asks for a title, where the turn wants tools, or where another request has
  offered some. Where no request offers tools it gets the turns like any other.
- A request that fits no turn is answered with HTTP 400, which no CLI retries, and is the rollout's failure.
"""

import re
from collections import Counter
from dataclasses import dataclass, field

from runner.errors import ReplayFailed
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.script import Fault, Script, Turn
from runner.interceptor.replay.shell import shell_tool

SIDE = Turn(text="Replayed rollout")
"""The answer to every side request."""
_TITLE = re.compile(r"title generator|(generate|write) an? .{0,60}title", re.IGNORECASE)
"""OpenCode's and Claude Code's requests for a session's title."""
_SHOWN = 200
"""How many characters of a request a message quotes."""


@dataclass(frozen=True, slots=True)
class Play:
    """What a request gets."""

    id: str
    """Unique among all answers; every id in the answer holds it."""
    turn: Turn
    number: int | None = None
    """The turn's number from 1; null for a side request, which takes no turn."""
    fault: Fault | None = None
    """What goes wrong this time."""


@dataclass
class Playback:
    """The state of one replay; used by one thread."""

    script: Script
    failure: ReplayFailed | None = None
    """Why a request fitted no turn; the first one stays."""
    _had: set[int] = field(default_factory=set)
    _taken: set[int] = field(default_factory=set)
    _faults: Counter[int] = field(default_factory=Counter)
    _broken: dict[str, int] = field(default_factory=dict)
    _seen_tools: bool = False
    _serial: int = 0

    @property
    def remaining(self) -> int:
        """How many turns nobody has had yet."""
        return len(self.script.turns) - len(self._had)

    def take(self, request: Received) -> Play:
        """Return what this request gets, or raise `ReplayFailed`: it fits no turn.

        The caller says `had` just before the last byte, and `release` at the end in any case.
        """
        self._seen_tools = self._seen_tools or bool(request.tools)
        self._accept_broken(request)
        self._serial += 1
        answer_id = f"replay{self._serial:06d}"
        number = self._pick(request)
        if number is None:
            return Play(answer_id, SIDE)
        turn = self._turn(number)
        if reason := _unfit(turn, request):
            raise self._misfit(request, f"the request does not fit turn {number}: {reason}")
        if turn.fault is not None and self._faults[number] != turn.fault.times:
            return self._fault(answer_id, turn, turn.fault, number)
        self._taken.add(number)
        return Play(answer_id, turn, number)

    def had(self, play: Play) -> None:
        """Note that the client gets all of it."""
        if play.number is not None and play.fault is None:
            self._had.add(play.number)

    def release(self, play: Play) -> None:
        """Give a turn that was not had back."""
        if play.number is not None and play.fault is None:
            self._taken.discard(play.number)

    def _fault(self, answer_id: str, turn: Turn, fault: Fault, number: int) -> Play:
        """Spend one fault at once, so that a retry which overtakes its end finds the next."""
        self._faults[number] += 1
        self._broken[answer_id] = number
        if turn.only_a_fault and self._faults[number] == fault.times:
            self._had.add(number)
        return Play(answer_id, turn, number, fault)

    def _accept_broken(self, request: Received) -> None:
        for call_id in request.call_ids:
            number = self._broken.get(call_id.removeprefix("call_").partition("_")[0])
            if number is not None:
                self._had.add(number)

    def _pick(self, request: Received) -> int | None:
        """Return the number of the turn that a request is due, null for a side request without one."""
        number = self._next(aside=False)
        turn = None if number is None else self._turn(number)
        expected = turn is not None and turn.expect is not None and turn.expect in request.newest
        if not request.tools and not expected:
            if _TITLE.search(request.system):
                return None
            if aside := self._next(aside=True):
                return aside
            if self._seen_tools or (turn is not None and turn.calls_tools):
                return None
        if number is None:
            raise self._misfit(request, f"there is no turn {len(self.script.turns) + 1}: the script ended")
        return number

    def _next(self, *, aside: bool) -> int | None:
        free = (n for n in range(1, len(self.script.turns) + 1) if n not in self._had | self._taken)
        return next((n for n in free if self._turn(n).aside == aside), None)

    def _turn(self, number: int) -> Turn:
        return self.script.turns[number - 1]

    def _misfit(self, request: Received, reason: str) -> ReplayFailed:
        newest = " ".join(request.newest.split())
        shown = f"{newest[:_SHOWN]}..." if len(newest) > _SHOWN else newest
        error = ReplayFailed(f"{self.script.source}: {reason}", hint=f"the request's newest text: {shown!r}")
        self.failure = self.failure or error
        return error


def _unfit(turn: Turn, request: Received) -> str:
    if turn.expect is not None and turn.expect not in request.newest:
        return f"it expects {turn.expect!r}"
    if turn.commands and shell_tool(request.tools.values()) is None:
        return f"it runs a shell command, and no shell tool is among {', '.join(request.tools) or 'none'}"
    return ""
