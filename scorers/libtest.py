"""Runs one libtest binary and reads its events; what it prints besides never counts."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from scorers.base import Status

FLAGS = ("-Z", "unstable-options", "--format", "json", "--report-time")
"""Libtest's event stream. It is unstable: the binary needs RUSTC_BOOTSTRAP=1 in its environment."""

MAX_EVENTS_BYTES = 256 * 1024**2
"""More standard output than this is not read: no honest suite writes it."""

_STATUS: dict[str, Status] = {"ok": "passed", "failed": "failed", "ignored": "skipped"}
"""`timeout` is no result but a warning after 60 s: the test goes on."""
_EVENT = re.compile(r'\{ "type": "(?:suite|test)", .*\}\s*$')


@dataclass(frozen=True, slots=True)
class Verdict:
    """What libtest said of one test."""

    status: Status
    raw: str
    """Libtest's own word, or ours: `no result`, `two results`."""
    duration_s: float | None = None
    message: str = ""
    """What the test printed, where it failed."""


@dataclass(slots=True)
class Events:
    """The events of one process, in which every test must begin once and end once."""

    verdicts: dict[str, Verdict] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    announced: int | None = None
    """How many tests the suite said it would run; null where it never began."""
    finished: Literal["ok", "failed"] | None = None
    """The suite's own verdict; null where the process ended before it, or said two."""
    oddities: list[str] = field(default_factory=list)
    """What no honest libtest writes: a second suite, a second result, a result without a beginning."""

    def add(self, event: dict[str, Any]) -> None:
        """Take one event."""
        kind, what, name = event.get("type"), event.get("event"), event.get("name")
        if kind == "suite":
            self._suite(what, event)
        elif what == "started" and isinstance(name, str):
            self._begin(name)
        elif what in _STATUS and isinstance(name, str):
            self._end(name, str(what), event)

    def _suite(self, what: object, event: dict[str, Any]) -> None:
        if what == "started":
            if self.announced is not None:
                self.oddities.append("two suites")
            self.announced = int(event.get("test_count", 0))
        elif what in {"ok", "failed"}:
            if self.finished is not None:
                self.oddities.append("two ends of the suite")
            self.finished = "ok" if what == "ok" else "failed"

    def _begin(self, name: str) -> None:
        if name in self.begun:
            self.oddities.append(f"{name} began twice")
        self.begun.add(name)

    def _end(self, name: str, what: str, event: dict[str, Any]) -> None:
        if name in self.verdicts or name not in self.begun:
            self.oddities.append(
                f"{name} has two results" if name in self.verdicts else f"{name} never began"
            )
            self.verdicts[name] = Verdict("failed", "two results")
            return
        text = event.get("stdout") or event.get("message") or event.get("reason") or ""
        self.verdicts[name] = Verdict(_STATUS[what], what, event.get("exec_time"), str(text))

    @property
    def unfinished(self) -> set[str]:
        """Tests that began and have no result."""
        return self.begun - self.verdicts.keys()

    def agrees(self, exit_code: int) -> bool:
        """Say whether suite, results and exit code tell one story: anything else is no pass of anything."""
        ran = len(self.begun) == len(self.verdicts) == self.announced
        failed = any(verdict.status == "failed" for verdict in self.verdicts.values())
        told = {"ok": exit_code == 0 and not failed, "failed": exit_code == 101 and failed}  # noqa: PLR2004
        return ran and not self.oddities and self.finished is not None and told[self.finished]


def read(path: Path) -> Events:
    """Read the events that a process wrote to `path`, between whatever else it printed there."""
    events = Events()
    for event in _lines(path):
        events.add(event)
    return events


def listed(path: Path) -> dict[str, bool]:
    """Read what `--list --format json` wrote: each test's name, and whether it is ignored."""
    return {
        str(event["name"]): bool(event.get("ignore"))
        for event in _lines(path)
        if event.get("event") == "discovered"
    }


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file.read(MAX_EVENTS_BYTES).splitlines():
            # A test that writes to the descriptor itself may leave half a line before an event.
            found = _EVENT.search(line.decode("utf-8", "replace"))
            try:
                event = json.loads(found[0]) if found else None
            except ValueError:
                event = None
            if isinstance(event, dict):
                yield event
