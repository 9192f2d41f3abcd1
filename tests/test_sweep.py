import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runner.deadline import Deadline
from runner.proc import processes
from runner.process import Command, capture, run
from runner.sweep import Family, starting


@contextmanager
def child(family: Family, script: str) -> Iterator[subprocess.Popen[bytes]]:
    with starting:
        started = subprocess.Popen(
            ["sh", "-c", script], env={**os.environ, **family.env}, start_new_session=True
        )
        family.root = started.pid
    try:
        yield started
    finally:
        family.end()
        started.wait()


def test_a_family_is_the_child_and_what_came_of_it() -> None:
    with Family() as family, child(family, "sleep 300 & setsid sleep 300 & wait") as started:
        time.sleep(0.2)
        members = family.members()
        assert len(members) == 3
        assert started.pid in {member.pid for member in members}
        assert family.end() == ()
        assert family.members() == []


def test_what_the_end_kills_is_reaped() -> None:
    with Family() as family, child(family, "setsid -f sleep 300; sleep 0.1"):
        time.sleep(0.3)
        adopted = [member for member in family.members() if member.parent == os.getpid()]
        assert adopted
        family.end()
        assert not any(Path("/proc", str(member.pid)).exists() for member in adopted)


def test_the_statuses_of_other_children_are_never_taken() -> None:
    with subprocess.Popen(["sh", "-c", "exit 5"]) as theirs, Family() as family:
        with child(family, "exit 6") as ours:
            time.sleep(0.2)
            family.reap()
            family.end()
            assert ours.wait() == 6
        assert theirs.wait() == 5


def test_where_nothing_else_is_at_work_children_of_our_own_session_are_ended_too() -> None:
    with subprocess.Popen(["sleep", "300"]) as before:
        with Family(sole=True) as family:
            left = subprocess.Popen(["sleep", "300"])
            assert [member.pid for member in family.members()] == [left.pid]
        assert left.wait() in {0, -signal.SIGKILL}  # 0: its status was taken by the sweep
        assert before.poll() is None
        before.kill()


def test_a_daemon_that_is_only_about_to_leave_our_session_is_ended() -> None:
    forked = "import os, time\nif os.fork(): os._exit(0)\ntime.sleep(0.5)\nos.setsid()\ntime.sleep(300)"
    with Family(sole=True):
        subprocess.run([sys.executable, "-c", forked], check=True)
    time.sleep(0.7)
    assert not [process for process in processes().values() if process.parent == os.getpid()]


def test_families_leave_each_other_alone() -> None:
    script = "setsid -f sleep 300; sleep 300"
    with Family() as one, child(one, script), Family() as other, child(other, script):
        time.sleep(0.3)
        assert (len(one.members()), len(other.members())) == (3, 3)
        other.end()
        assert (len(one.members()), len(other.members())) == (3, 0)


def test_a_tool_call_does_not_end_what_the_agent_detached_without_its_mark() -> None:
    with Family() as agent, child(agent, "env -i setsid -f sleep 300; sleep 300"):
        time.sleep(0.3)
        assert capture(["true"]) == (0, "")
        assert len(agent.members()) == 3


@pytest.mark.parametrize("start", ["sh", "setsid -f sh"])
def test_a_tool_calls_own_daemon_is_ended(tmp_path: Path, start: str) -> None:
    pid = tmp_path / "pid"
    daemon = f"{start} -c 'echo $$ > {pid}; exec sleep 300' &"
    assert capture(["sh", "-c", f"{daemon} until [ -s {pid} ]; do sleep 0.1; done"]) == (0, "")
    assert not Path("/proc", pid.read_text().strip()).exists()


def test_a_process_that_forks_and_ends_again_and_again_is_caught(tmp_path: Path) -> None:
    hopper = tmp_path / "hopper.py"
    hopper.write_text("import os, time\nos.setsid()\nuntil = time.time() + 20\n"
                      "while time.time() < until:\n  if os.fork(): os._exit(0)\n")  # fmt: skip
    for _ in range(3):
        command = Command([sys.executable, "-IS", str(hopper)], tmp_path, {"PATH": os.environ["PATH"]},
                          tmp_path / "out", tmp_path / "out")  # fmt: skip
        assert run(command, Deadline.after(10)).survivors == ()
        time.sleep(0.05)
        assert not _running(str(hopper))


def _running(name: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if name in entry.read_text():
                return True
        except OSError:
            continue
    return False


def test_a_sweep_that_is_interrupted_still_kills(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with Family() as family, child(family, "sleep 300 & wait") as started:
        time.sleep(0.1)
        monkeypatch.setattr("time.sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            family.end()
        monkeypatch.undo()
        assert started.wait(2) == -signal.SIGKILL
