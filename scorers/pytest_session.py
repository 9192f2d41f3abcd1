"""One run of pytest under our eyes: `pytest_events.py` in the task's interpreter, and what it tells."""

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.deadline import Deadline
from runner.errors import SandboxFailed, ScorerUnavailable, ScoringFailed
from runner.output import head_tail
from runner.process import Account, Command, Exit, Watch, run
from scorers.base import Check
from scorers.expected import clip
from scorers.pytest_python import may_write
from scorers.pytest_verdict import ended_without_result, verdict, will_rerun, worse

SCRIPT = Path(__file__).with_name("pytest_events.py")
_EVENTS_BYTES = 512 * 1024**2


@dataclass(slots=True)
class Session:
    """What one run of pytest said."""

    exit: Exit
    events: Path
    """Where its events are, line by line."""
    log: Path
    """What it printed."""
    seen: dict[str, Check] = field(default_factory=dict)
    """A verdict for each test that began."""
    ids: list[str] = field(default_factory=list)
    """What was collected, in order."""
    marks: dict[str, list[str]] = field(default_factory=dict)
    """`xfail`, `doctest` and (where they are only listed) `skip`, of the collected tests that are so."""
    errors: dict[str, Check] = field(default_factory=dict)
    """Files that could not be collected."""
    outputs: dict[str, str] = field(default_factory=dict)
    """What each test printed."""
    unfinished: dict[str, list[Any]] = field(default_factory=dict)
    """Phases of tests that pytest-rerunfailures is about to repeat."""
    deselected: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    """Files that skipped themselves when they were collected."""
    begun: dict[str, None] = field(default_factory=dict)
    starts: list[Mapping[str, Any]] = field(default_factory=list)
    finishes: list[int] = field(default_factory=list)
    missing: str = ""
    """Why pytest could not be imported."""
    forged: bool = False
    """A line among the events that is none of ours."""

    @property
    def irregular(self) -> str:
        """Why nothing that the session said counts; empty where it does."""
        if self.forged or not self.starts:
            return "its events are not its own"
        if not self.seen.keys() <= set(self.ids):
            return "it told of a test that was never collected"
        if len(self.starts) > 1 or len(self.finishes) > 1:
            return "it began or ended more than once"
        if self.finishes and self.finishes != [self.exit.code]:
            return f"it announced exit code {self.finishes[0]}, and ended with {self.exit.code}"
        return ""

    @property
    def collects(self) -> bool:
        """Whether pytest came to the end of its collection: a usage or internal error is none."""
        return bool(self.finishes) and self.finishes[0] not in {3, 4}

    def writable(self, account: Account | None) -> list[str]:
        """Return what of Python and pytest the agent's user could have changed."""
        parts = [str(path) for name in ("program", "pytest_at", "os_at") if (path := self.about.get(name))]
        return [path for path in parts if may_write(Path(path), account)]

    @property
    def version(self) -> str:
        """The version of pytest."""
        return str(self.about.get("pytest", ""))

    @property
    def about(self) -> Mapping[str, Any]:
        """What it said of itself at its start."""
        return self.starts[0] if self.starts else {}


@dataclass(frozen=True, slots=True)
class Request:
    """What `pytest_events.py` is asked to do."""

    args: Sequence[str]
    only: Sequence[str] | None = None
    """Run these ids alone."""
    script: Path = SCRIPT
    short: bool = False
    """Without workers and reruns: a session beside the tests' own (strict)."""

    def text(self, key: str) -> bytes:
        """Return the request as the script reads it."""
        return json.dumps(
            {"args": list(self.args), "only": self.only, "key": key, "short": self.short}
        ).encode()


def run_session(
    command: Command, request: Request, deadline: Deadline, watch: Watch | None = None
) -> Session:
    """Run `command` (an interpreter with its switches) on the script, and return what it said.

    Raises `SandboxFailed` where a process cannot be ended. `require_start` says whether pytest began.
    """
    key = secrets.token_hex(16)
    with _memory_file(request.text(key)) as stdin:
        argv = [*command.argv, str(request.script)]
        full = Command(**{**_fields(command), "argv": argv, "stdin": stdin})
        session = Session(_run(full, deadline, watch), command.stdout, command.stderr)
    if session.exit.survivors:
        raise SandboxFailed(
            f"processes of the tests cannot be ended: {session.exit.survivors}", phase="scoring"
        )
    for event in _events(command.stdout, key, session):
        _take(session, event)
    for id_ in session.begun:
        if id_ not in session.seen:
            session.seen[id_] = ended_without_result(id_, session.exit)
    return session


def _run(command: Command, deadline: Deadline, watch: Watch | None) -> Exit:
    try:
        return run(command, deadline, watch)
    except OSError as error:
        who = f"the user {command.account.name}" if command.account else "this user"
        raise ScorerUnavailable(
            f"{command.argv[0]} does not start: {error.strerror}",
            hint=f"it must be a program that {who} can read and run, or name another in [scorer] python",
        ) from error


def _fields(command: Command) -> dict[str, Any]:
    return {name: getattr(command, name) for name in Command.__dataclass_fields__}


@contextmanager
def _memory_file(content: bytes) -> Iterator[Path]:
    """Hold the request in memory: the key in it is never on a disk that tests can read."""
    fd = os.memfd_create("request")
    try:
        with os.fdopen(os.dup(fd), "wb") as file:
            file.write(content)
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


def _events(path: Path, key: str, session: Session) -> Iterator[dict[str, Any]]:
    chain = hmac.new(key.encode(), digestmod=hashlib.sha256)
    with path.open("rb") as file:
        while line := file.readline(_EVENTS_BYTES):
            mac, _, body = line.rstrip(b"\n").partition(b" ")
            chain.update(body)
            if not line.endswith(b"\n") or not hmac.compare_digest(mac, chain.hexdigest()[:32].encode()):
                session.forged = session.forged or line.endswith(b"\n")
                return
            yield json.loads(body)


def copy_events(sessions: Iterable[Session], target: Path, hidden: Container[str] = ()) -> None:
    """Write the events of all sessions to one file of JSON lines, without those of hidden ids."""
    with target.open("w", encoding="utf-8") as file:
        for session in sessions:
            with session.events.open(encoding="utf-8", errors="replace") as lines:
                file.writelines(_visible(line, hidden) for line in lines)


def _visible(line: str, hidden: Container[str]) -> str:
    try:
        event = json.loads(line.partition(" ")[2])
    except ValueError:  # a line that is none of ours
        return ""
    if event.get("id") in hidden:
        return ""
    for name in ("ids", "marks"):
        if name in event:
            event[name] = [id_ for id_ in event[name] if id_ not in hidden]
    return json.dumps(event) + "\n"


def _take(session: Session, event: dict[str, Any]) -> None:
    match event["event"]:
        case "start":
            session.starts.append(event)
        case "missing":
            session.missing = event["message"]
        case "collected":
            session.ids += [id_ for id_ in event["ids"] if id_ not in session.begun]
            session.marks |= event["marks"]
        case "deselected":
            session.deselected.update(event["ids"])
        case "error":
            error = Check(
                id=event["id"], status="failed", raw="collection error", message=clip(event["message"])
            )
            session.errors[event["id"]] = error
        case "skipped":
            session.skipped.add(event["id"])
        case "begin":
            session.begun[event["id"]] = None
        case "result":
            _take_result(session, event)
        case "finish":
            session.finishes.append(event["code"])


def _take_result(session: Session, event: dict[str, Any]) -> None:
    id_ = event["id"]
    before = session.unfinished.pop(id_, [])
    phases = [*before, *event["phases"]]
    check = verdict(id_, phases, event["message"])
    session.seen[id_] = check if before else worse(session.seen.get(id_), check)
    session.outputs[id_] = event["output"]
    if will_rerun(phases):
        session.unfinished[id_] = phases


def require_start(session: Session, python: Path) -> None:
    """Raise `ScoringFailed` where pytest did not begin; only to be asked where no agent's code ran."""
    if session.starts and not session.missing:
        return
    if session.missing:
        raise ScorerUnavailable(
            f"pytest does not start in {python}: {session.missing}",
            hint=f"run: {python} -m pip install pytest",
        )
    if session.exit.ending == "deadline":
        raise ScoringFailed("the deadline passed before pytest began", hint="raise limits.timeout_s")
    said = head_tail(session.log, 2000).strip() or "it printed nothing"
    raise ScorerUnavailable(
        f"{python} ended ({session.exit.ending}, code {session.exit.code}) before pytest began: {said}",
        hint="run this interpreter by hand, or name another in [scorer] python",
    )
