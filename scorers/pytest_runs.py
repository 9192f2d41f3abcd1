"""Runs the tests of a tree to the end, however often a test ends the process that runs them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.process import Watch
from scorers.base import Check
from scorers.conditions import Conditions
from scorers.pytest_intact import Drift
from scorers.pytest_place import Place
from scorers.pytest_session import Request, Session, run_session

ROUNDS = 5
"""Most sessions after the first: each is one crash or exit."""
FILES = 20
"""Most files that are run each by itself, where the process ends before anything is collected."""
ARGS = (
    *("-o", "cache_dir=$TMPDIR/pytest-cache", "--tb=native"),
    *("--continue-on-collection-errors", "--maxfail=0"),
)
"""A file that cannot be collected fails its own tests only, and no number of failures ends the run.

Pytest's own tracebacks read a test's whole file twice: 0.2 s for each failure in one of 6,000 lines.
"""


@dataclass(slots=True)
class Run:
    """What all sessions said together."""

    seen: dict[str, Check] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    deselected: set[str] = field(default_factory=set)
    errors: dict[str, Check] = field(default_factory=dict)
    sessions: list[Session] = field(default_factory=list)
    irregular: list[str] = field(default_factory=list)

    def take(self, session: Session) -> bool:
        """Add what a session said; return whether it said anything new of a test."""
        new = {id_: check for id_, check in session.seen.items() if id_ not in self.seen}
        if session.irregular:
            self.irregular.append(session.irregular)
            new = {id_: _void(check, session.irregular) for id_, check in new.items()}
        self.seen |= new
        self.outputs |= session.outputs
        self.deselected |= session.deselected
        self.errors |= session.errors
        self.sessions.append(session)
        return bool(new)

    @property
    def version(self) -> str:
        """The version of pytest."""
        return self.sessions[0].version


def _void(check: Check, why: str) -> Check:
    return check.model_copy(update={"status": "failed", "raw": "irregular", "message": why})


@dataclass(frozen=True, slots=True)
class Runner:
    """Starts sessions in one tree under the same conditions."""

    python: Path
    place: Place
    conditions: Conditions
    logs: Path
    drift: Drift | None = None
    """What of the interpreter is not to be used."""
    test_timeout_s: float | None = None
    """Seconds without an event after which a test counts as hung; null: half of what is left."""

    def session(
        self, args: Sequence[str], only: Sequence[str] | None = None, *, short: bool = False
    ) -> Session:
        """Run one session; nothing that it could see tells it from the others."""
        self.conditions.renew()
        count = len(list(self.logs.glob("*.err")))
        command = self.conditions.command(
            [str(self.python), *self._switches()],
            cwd=self.conditions.room,
            output=self.logs / f"session-{count}",
        )
        blocked = [f"-pno:{name}" for name in self.drift.plugins] if self.drift else []
        request = Request([*ARGS, *blocked, *args], only, self.place.entry, short)
        limit = self.conditions.limit
        patience = self.test_timeout_s or max(10.0, limit.remaining / 2)
        return run_session(command, request, limit, Watch(should_stop=_silence(command.stdout, patience)))

    def _switches(self) -> list[str]:
        site = ["-S"] if self.drift and self.drift.starters else []
        compiled = self.conditions.room / "tmp" / f"compiled-{self.logs.name}"
        fresh = ["-X", f"pycache_prefix={compiled}"] if self.drift and self.drift.compiled else []
        return ["-I", *site, *fresh]


def run_all(first: Runner, renew: Callable[[], Runner], args: Sequence[str], files: Sequence[str]) -> Run:
    """Run all tests; after a crash what is left, after a crash while collecting each of `files` by itself.

    `renew` makes a new tree for each further session: one may have rewritten its own.
    """
    run = Run()
    session = first.session(args)
    run.take(session)
    collected = tuple(dict.fromkeys(session.ids))
    deadline = first.conditions.deadline
    if not collected and not session.finishes:
        for file in files[:FILES]:
            if not deadline.passed:
                run.take(renew().session([*args, file]))
    for _ in range(ROUNDS):
        left = [id_ for id_ in collected if id_ not in run.seen]
        if not left or deadline.passed or not run.take(renew().session(args, left)):
            break
    return run


def _silence(events: Path, patience: float) -> Callable[[], bool]:
    last = [-1.0, time.monotonic()]

    def silent() -> bool:
        size = float(events.stat().st_size)
        if size != last[0]:
            last[:] = size, time.monotonic()
        return time.monotonic() - last[1] > patience

    return silent
