"""Runs pytest in the task's interpreter and tells what happens, as it happens.

Started as a file by the pytest scorer; imports the standard library and the task's pytest alone, and works
from Python 3.8 and pytest 7 on. A request (JSON) comes on standard input. Events go to what was standard
output, one a line: `MAC JSON`, the MAC chained over all lines before it with the key of the request. Standard
output itself then leads to standard error, so that nothing printed can stand between events.

Events: start {pid, python, pytest} · missing {message} (there is no pytest) · collected {ids, marks} ·
deselected {ids} · error {id, message} (a file that cannot be collected) · skipped {id} (a file) ·
begin {id} · result {id, phases, message, output} · finish {code}.
A phase is [when, outcome, seconds, wasxfail]; `when` is `sub` for a subtest.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pytest

MESSAGE, OUTPUT = 6000, 60000  # characters kept of each
PHASES = ("setup", "call", "teardown")
_OWN = re.compile(r'  File "[^"\n]*[/\\]((_pytest|pluggy)[/\\]|unittest[/\\]case\.py)')
_LINES = re.compile(r"  File .*\n(    .*\n)*")


class Channel:
    """Where events go: the descriptor that was standard output when the process began."""

    def __init__(self, key: str) -> None:
        self.fd = os.dup(1)
        os.dup2(2, 1)
        self.pid = os.getpid()
        self.chain = hmac.new(key.encode(), digestmod=hashlib.sha256)

    def send(self, event: str, **fields: object) -> None:
        """Write one event; a fork of this process has nothing to say."""
        if os.getpid() != self.pid:
            return
        line = json.dumps({"event": event, **fields})
        self.chain.update(line.encode())
        left = (self.chain.hexdigest()[:32] + " " + line + "\n").encode()
        while left:
            left = left[os.write(self.fd, left) :]


class Events:
    """The plug-in."""

    def __init__(self, send: Callable[..., None], only: list[str] | None) -> None:
        self.send = send
        self.only = None if only is None else set(only)
        self.root = str(Path.cwd()) + os.sep
        self.phases: dict[str, list[list[Any]]] = {}
        self.texts: dict[str, list[str]] = {}

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep what the request asks for."""
        if self.only is not None:
            kept = [item for item in items if item.nodeid in self.only]
            dropped = [item for item in items if item.nodeid not in self.only]
            config.hook.pytest_deselected(items=dropped)
            items[:] = kept

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Tell the ids; the controller of pytest-xdist has none of its own."""
        marks = {item.nodeid: _marks(item) for item in session.items}
        ids = [item.nodeid for item in session.items]
        self.send("collected", ids=ids, marks={id_: found for id_, found in marks.items() if found})

    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Tell the ids of a worker of pytest-xdist."""
        self.send("collected", ids=list(ids), marks={})

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Tell what is left out."""
        if items:
            self.send("deselected", ids=[item.nodeid for item in items])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Tell of a file that cannot be collected, or that skips itself."""
        if report.failed:
            message = report.longreprtext.replace(self.root, "")
            self.send("error", id=report.nodeid, message=clip(message, MESSAGE))
        elif report.skipped:
            self.send("skipped", id=report.nodeid)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Tell that a test begins."""
        self.send("begin", id=nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the phase until the test is over."""
        sub = hasattr(report, "context")
        when = "sub" if sub else report.when
        phase = [when, report.outcome, round(report.duration, 6), hasattr(report, "wasxfail")]
        self.phases.setdefault(report.nodeid, []).append(phase)
        if report.outcome != "passed" or report.sections:
            text = self.texts.setdefault(report.nodeid, ["", ""])
            if report.outcome != "passed":
                text[0] += _reason(report).replace(self.root, "") + "\n"
            text[1] = "".join("--- " + name + "\n" + body for name, body in report.sections)
        if when not in PHASES and not sub:  # a worker of pytest-xdist died: no more will come
            self.pytest_runtest_logfinish(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Tell how a test ended."""
        phases = self.phases.pop(nodeid, None)
        if phases:
            message, output = self.texts.pop(nodeid, ("", ""))
            self.send(
                "result",
                id=nodeid,
                phases=phases,
                message=clip(message, MESSAGE),
                output=clip(output, OUTPUT),
            )


def _marks(item: pytest.Item) -> list[str]:
    said = {
        "xfail": item.get_closest_marker("xfail"),
        "skip": item.config.option.collectonly and _is_skipped(item),
        "doctest": type(item).__name__ == "DoctestItem",
    }
    return [name for name, value in said.items() if value]


def _is_skipped(item: pytest.Item) -> bool:
    """Say whether a mark skips the test here; what cannot be told without running it is not."""
    try:
        from _pytest.skipping import evaluate_skip_marks  # noqa: PLC0415 - pytest's own rule

        return evaluate_skip_marks(item) is not None
    except BaseException:  # noqa: BLE001 - a condition may raise anything, pytest's own outcomes among them
        return False


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[-1])
    return without_own_frames(str(report.longreprtext)) or str(getattr(report, "wasxfail", ""))


def without_own_frames(text: str) -> str:
    """Leave pytest's own frames out of a traceback in Python's style."""
    if not text.startswith("Traceback "):
        return text
    head, *frames = re.split(r'^(?=  File ")', text, flags=re.MULTILINE)
    kept = "".join(frame if not _OWN.match(frame) else _LINES.sub("", frame, 1) for frame in frames)
    return head + kept if '  File "' in kept else kept


def clip(text: str, most: int) -> str:
    """Return head and tail of a text that is too long."""
    return text if len(text) <= most else text[: most // 4] + "\n[...]\n" + text[-most * 3 // 4 :]


def main() -> None:
    """Run pytest as the request says, and exit with its code."""
    request = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    channel = Channel(request["key"])
    sys.argv[:] = ["pytest", *request["args"]]
    sys.path[0] = str(Path.cwd())  # as `python -m pytest` has it
    sys.exit(run(channel, request))


def run(channel: Channel, request: dict[str, Any], plugins: Sequence[object] = ()) -> int:
    """Run pytest, telling of its start and its end."""
    try:
        import pytest  # noqa: PLC0415 - only now is the path ready
    except ImportError as error:
        channel.send("missing", message=str(error))
        return 1
    channel.send(
        "start",
        pid=channel.pid,
        python=sys.version.split()[0],
        pytest=pytest.__version__,
        program=sys.executable,
        pytest_at=pytest.__file__,
        os_at=os.__file__,
    )
    pytest.hookimpl(optionalhook=True)(Events.pytest_xdist_node_collection_finished)
    events = Events(channel.send, request["only"])
    code = int(pytest.main(request["args"], plugins=[events, *plugins]))
    channel.send("finish", code=code)
    return code


if __name__ == "__main__":
    main()
