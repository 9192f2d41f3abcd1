import os
import resource
import secrets
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner import proc, process
from runner.deadline import Deadline
from runner.errors import SandboxFailed
from runner.process import Account, Caps, Command, Exit, Watch, can_isolate_network, capture, run

ENV = {"PATH": os.environ["PATH"]}
ROOT = Path(__file__).parent.parent
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def command(folder: Path, argv: Sequence[str], env: Mapping[str, str] = ENV, **options: Any) -> Command:
    return Command(argv, folder, env, folder / "out", folder / "err", **options)


def shell(folder: Path, script: str, limit_s: float = 20, watch: Watch | None = None, **options: Any) -> Exit:
    return run(command(folder, ["sh", "-c", script], **options), Deadline.after(limit_s), watch)


def token() -> str:
    """Return an argument for `sleep` that no other process has."""
    return f"300.{secrets.randbelow(10**9):09}"


def alive(token: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if token.encode() in entry.read_bytes() and entry.parent.name != str(os.getpid()):
                return True
        except OSError:
            continue
    return False


@pytest.fixture
def account(tmp_path: Path) -> Account:
    uid = 100_000 + secrets.randbelow(2_000_000_000)
    return Account("somebody", uid, uid, tmp_path)


def test_output_goes_to_files_and_the_exit_code_is_the_childs(tmp_path: Path) -> None:
    ended = shell(tmp_path, "echo out; echo err >&2; exit 3")
    assert (ended.code, ended.ending, ended.oom, ended.survivors) == (3, "exited", False, ())
    assert (tmp_path / "out").read_text() == "out\n"
    assert (tmp_path / "err").read_text() == "err\n"


def test_both_outputs_may_share_a_file(tmp_path: Path) -> None:
    both = tmp_path / "both"
    argv = ["sh", "-c", "echo one; echo two >&2; echo three"]
    run(Command(argv, tmp_path, ENV, both, both), Deadline.after(10))
    assert both.read_text() == "one\ntwo\nthree\n"


def test_a_child_that_a_signal_ended_has_a_negative_code(tmp_path: Path) -> None:
    assert shell(tmp_path, "kill -SEGV $$").code == -signal.SIGSEGV


def test_stdin_is_the_given_file_or_nothing(tmp_path: Path) -> None:
    prompt = tmp_path / "prompt"
    prompt.write_text("x" * 300_000)
    shell(tmp_path, "wc -c", stdin=prompt)
    assert (tmp_path / "out").read_text().strip() == "300000"
    shell(tmp_path, "wc -c")
    assert (tmp_path / "out").read_text().strip() == "0"


def test_the_environment_is_what_was_given_and_a_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "never")
    run(command(tmp_path, ["env"], {**ENV, "ONE": "1"}), Deadline.after(10))
    names = [line.partition("=")[0] for line in (tmp_path / "out").read_text().splitlines()]
    assert sorted(names) == ["ONE", "PATH", "ROLLOUT_MARK"]


@pytest.mark.parametrize("caps", [Caps(), Caps(file_bytes=10**6)])
@pytest.mark.parametrize(
    ("program", "error"),
    [("no-such-program", FileNotFoundError), ("/etc/passwd", PermissionError), ("nul\0byte", OSError)],
)
def test_a_program_that_cannot_start_is_named(
    tmp_path: Path, program: str, error: type[OSError], caps: Caps
) -> None:
    with pytest.raises(error) as raised:
        run(command(tmp_path, [program], caps=caps), Deadline.after(10))
    assert raised.value.filename == program


@pytest.mark.parametrize("env", [{"A": "nul\0byte"}, {"A=B": "x"}, {"A": "\ud800"}])
def test_an_environment_that_cannot_be_is_an_error_of_starting(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(OSError, match="Errno 22") as raised:
        run(command(tmp_path, ["true"], {**ENV, **env}), Deadline.after(10))
    assert raised.value.filename == "true"


def test_an_output_that_cannot_be_written_is_the_sandboxs_failure(tmp_path: Path) -> None:
    with pytest.raises(SandboxFailed, match="/out: No such file"):
        run(command(tmp_path / "missing", ["true"]), Deadline.after(10))


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace(tmp_path: Path) -> None:
    ended = shell(tmp_path, "trap '' TERM; sleep 300 & while :; do wait; done", 0.3)
    assert (ended.code, ended.ending) == (-signal.SIGKILL, "deadline")
    assert ended.duration_s < 0.3 + process.GRACE_S + 2


def test_a_child_may_tidy_up_on_sigterm(tmp_path: Path) -> None:
    ended = shell(tmp_path, "trap 'sleep 0.2; echo tidy; exit 9' TERM; while :; do sleep 0.05; done", 0.3)
    assert (ended.code, ended.ending) == (9, "deadline")
    assert (tmp_path / "out").read_text() == "tidy\n"


def test_a_child_that_stopped_itself_is_ended_at_the_deadline(tmp_path: Path) -> None:
    ended = shell(tmp_path, "kill -STOP $$", 0.3)
    assert ended.ending == "deadline"
    assert ended.duration_s < 5


def test_a_jump_of_the_wall_clock_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: float(secrets.randbelow(10**10)))
    assert shell(tmp_path, "sleep 0.3", 5).ending == "exited"
    assert shell(tmp_path, "sleep 30", 0.3).ending == "deadline"


@pytest.mark.parametrize(
    "leave",
    [
        "sleep {} &",
        "nohup sleep {} >/dev/null 2>&1 &",
        "(sleep {} &) &",
        "setsid sleep {} &",
        "setsid -f sh -c 'setsid -f sleep {}'",
        "env -i setsid -f sleep {}",
        "env -i PATH=$PATH setsid -f sh -c 'trap \"\" TERM HUP; sleep {} & wait'",
        "sh -c 'kill -STOP $$; : {}' &",
    ],
)
def test_what_the_child_left_behind_is_dead(tmp_path: Path, leave: str) -> None:
    mine = token()
    ended = shell(tmp_path, leave.format(mine) + " sleep 0.05; exit 0")
    assert (ended.code, ended.ending, ended.survivors) == (0, "exited", ())
    assert not alive(mine)


def test_a_grandchild_that_holds_the_output_does_not_hold_the_runner(tmp_path: Path) -> None:
    assert shell(tmp_path, "sleep 300 & echo done").duration_s < 5
    assert (tmp_path / "out").read_text() == "done\n"


def test_a_process_whose_first_thread_has_ended_is_still_found(tmp_path: Path) -> None:
    mine = token()
    program = """
        import ctypes, threading, time, os
        if os.fork() == 0:
            os.setsid()
            threading.Thread(target=time.sleep, args=(300,)).start()
            ctypes.CDLL(None).pthread_exit(None)
        time.sleep(0.3)
    """
    run(command(tmp_path, [sys.executable, "-c", textwrap.dedent(program), mine]), Deadline.after(20))
    assert not _thread_groups(mine)


def _thread_groups(token: str) -> list[str]:
    """Return the pids below which any thread has the token: a zombie leader hides its command line."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/task/[0-9]*/cmdline"):
        try:
            if token.encode() in entry.read_bytes():
                found.append(entry.parts[2])
        except OSError:
            continue
    return [pid for pid in found if pid != str(os.getpid())]


@as_root
def test_a_storm_of_forks_ends(tmp_path: Path, account: Account) -> None:
    storm = "storm() { while :; do storm & done; }; storm 2>/dev/null"
    ended = shell(tmp_path, storm, 0.5, account=account, caps=Caps(processes=60))
    assert ended.survivors == ()
    assert ended.duration_s < 10
    assert account.uid not in {proc.real_uid(pid) for pid in proc.processes()}


def test_endless_output_is_ended_at_its_cap(tmp_path: Path) -> None:
    ended = shell(tmp_path, "yes", max_output_bytes=10**6)
    assert ended.ending == "output"
    (tmp_path / "out").unlink()


def test_output_counts_even_if_the_child_removes_its_file(tmp_path: Path) -> None:
    assert shell(tmp_path, f"rm {tmp_path}/out; yes", max_output_bytes=10**6).ending == "output"


@pytest.mark.slow
def test_a_gigabyte_of_output_costs_no_memory(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert shell(tmp_path, "head -c 1000000000 /dev/zero", 60).ending == "exited"
    assert (tmp_path / "out").stat().st_size == 10**9
    (tmp_path / "out").unlink()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 5000


def test_a_silent_idle_child_is_stalled(tmp_path: Path) -> None:
    ended = shell(tmp_path, "sleep 300 & wait", watch=Watch(stall_s=0.5))
    assert ended.ending == "stalled"
    assert ended.duration_s < 5


@pytest.mark.parametrize(
    "script",
    [
        "end=$(($(date +%s)+2)); while [ $(date +%s) -lt $end ]; do :; done",
        "env -i setsid timeout 2 sh -c 'while :; do :; done'; sleep 0.2",
        "env -i setsid -f timeout 2 sh -c 'while :; do :; done'; sleep 1.5",
        "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done",
    ],
    ids=["busy", "busy in a session of its own", "busy and detached", "talking"],
)
def test_a_child_that_works_or_talks_is_not_stalled(tmp_path: Path, script: str) -> None:
    assert shell(tmp_path, script, watch=Watch(stall_s=1.0)).ending == "exited"


def test_a_sign_from_elsewhere_keeps_a_child_from_being_stalled(tmp_path: Path) -> None:
    assert shell(tmp_path, "sleep 1.5", watch=Watch(stall_s=0.5, last_sign=time.monotonic)).ending == "exited"


def test_a_child_is_stopped_when_asked(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = shell(tmp_path, "sleep 300", watch=Watch(should_stop=lambda: time.monotonic() > began + 0.3))
    assert ended.ending == "stopped"
    assert ended.duration_s < 5


def test_the_last_tick_sees_the_whole_output(tmp_path: Path) -> None:
    seen: list[str] = []
    watch = Watch(on_tick=lambda: seen.append((tmp_path / "out").read_text()))
    shell(tmp_path, "echo one; sleep 0.3; echo two", watch=watch)
    assert "one\n" in seen
    assert seen[-1] == "one\ntwo\n"


def test_an_exception_while_waiting_leaves_nothing_alive(tmp_path: Path) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    mine = token()
    with pytest.raises(ZeroDivisionError):
        shell(tmp_path, f"setsid sleep {mine} & sleep {mine}", watch=Watch(on_tick=fail))
    assert not alive(mine)


RUNNER = """
    import signal, sys
    from pathlib import Path
    from runner.deadline import Deadline
    from runner.errors import Interrupted
    from runner.process import Command, run

    def interrupt(number, frame):
        raise Interrupted(number)

    signal.signal(signal.SIGTERM, interrupt)
    folder = Path(sys.argv[1])
    try:
        argv = ["sh", "-c", sys.argv[2]]
        command = Command(argv, folder, {"PATH": "/usr/bin:/bin"}, folder / "out", folder / "err")
        ended = run(command, Deadline.after(30))
    except Interrupted as interrupted:
        sys.exit(128 + interrupted.signal_number)
    sys.exit(ended.code)
"""


def runner(folder: Path, script: str, *wrapper: str) -> list[str]:
    return [*wrapper, sys.executable, "-c", textwrap.dedent(RUNNER), str(folder), script]


@pytest.mark.parametrize("signals", [1, 2])
def test_sigterm_to_the_runner_ends_the_child_and_all_it_started(tmp_path: Path, signals: int) -> None:
    mine = token()
    script = f"trap '' TERM; env -i setsid -f sleep {mine}; echo ready; while :; do sleep {mine}; done"
    with subprocess.Popen(runner(tmp_path, script), cwd=ROOT) as child:
        _wait_for(lambda: (tmp_path / "out").exists() and (tmp_path / "out").read_text() == "ready\n")
        for _ in range(signals):
            child.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        assert child.wait(10) == 143
    assert not alive(mine)


def _wait_for(condition: Any) -> None:
    until = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_as_pid_1_the_runner_reaps_orphans_and_keeps_its_childs_exit_status(tmp_path: Path) -> None:
    unshare = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("the sandbox gives no pid namespace")
    script = (
        "for i in 1 2 3; do setsid -f true; setsid -f sleep 300; done; sleep 1.5; ps -e -o stat,args; exit 7"
    )
    done = subprocess.run(runner(tmp_path, script, *unshare), cwd=ROOT, check=False, timeout=20)
    assert done.returncode == 7
    listed = (tmp_path / "out").read_text()
    assert "sleep 300" in listed
    assert "defunct" not in listed


def test_runs_in_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    codes: dict[int, int] = {}

    def one(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        codes[number] = shell(folder, f"setsid -f sleep 300; sleep 0.{number}; exit {number}").code

    threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {number: number for number in range(1, 9)}


def test_a_child_that_somebody_else_waits_for_is_left_to_them(tmp_path: Path) -> None:
    with (
        subprocess.Popen(["sh", "-c", "sleep 0.2; exit 5"]) as theirs,
        subprocess.Popen(["sleep", "2"]) as alive,
    ):
        shell(tmp_path, "sleep 0.5")
        assert theirs.wait() == 5
        assert alive.poll() is None
        alive.kill()


@as_root
def test_a_child_with_an_account_has_its_rights_and_no_groups(tmp_path: Path, account: Account) -> None:
    for caps in (Caps(), Caps(file_bytes=10**6)):
        shell(tmp_path, "id -u; id -g; id -G", account=account, caps=caps)
        assert (tmp_path / "out").read_text().split() == [str(account.uid)] * 3


@as_root
def test_what_runs_under_the_account_elsewhere_is_ended_too(tmp_path: Path, account: Account) -> None:
    elsewhere = ["unshare", "--fork", "setpriv", f"--reuid={account.uid}", "--clear-groups", "sleep", "300"]
    with subprocess.Popen(elsewhere) as child:
        time.sleep(0.2)
        shell(tmp_path, "exit 0", account=account)
        assert child.wait(5) != 0


@as_root
def test_the_kernel_holds_the_caps(tmp_path: Path, account: Account) -> None:
    caps = Caps(file_bytes=1000, processes=77)
    shell(
        tmp_path,
        "ulimit -u 2>/dev/null || ulimit -p; head -c 5000 /dev/zero > big",
        caps=caps,
        account=account,
    )
    assert "77" in (tmp_path / "out").read_text()
    ended = shell(tmp_path, "ulimit -u 2>/dev/null || ulimit -p; exec head -c 5000 /dev/zero", caps=caps)
    assert not (tmp_path / "out").read_bytes().startswith(b"77\n")
    assert ended.code == -signal.SIGXFSZ
    assert (tmp_path / "out").stat().st_size == 1000


def test_without_network_there_is_a_loopback_of_its_own(tmp_path: Path) -> None:
    if not can_isolate_network():
        pytest.skip("the sandbox gives no network namespace")
    program = """
        import socket, sys
        own = socket.create_server(("127.0.0.1", 0))
        socket.create_connection(own.getsockname()).close()
        try:
            socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
        except ConnectionRefusedError:
            print("refused")
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        argv = [sys.executable, "-c", textwrap.dedent(program), str(server.getsockname()[1])]
        assert run(command(tmp_path, argv, network=False), Deadline.after(20)).code == 0
    assert (tmp_path / "out").read_text() == "refused\n"


def test_a_sandbox_without_pidfds_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> int:
        raise OSError(38, "Function not implemented", str(pid))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    assert shell(tmp_path, "exit 4").code == 4
    assert shell(tmp_path, "sleep 300", 0.2).ending == "deadline"


def test_a_tool_call_is_captured() -> None:
    assert capture(["sh", "-c", "echo out; echo err >&2"]) == (0, "out\n")
    assert capture(["sh", "-c", "echo err >&2; exit 2"]) == (2, "err\n")
    assert capture(["pwd"], cwd=Path("/usr")) == (0, "/usr\n")
    assert capture(["sh", "-c", "echo $ONE"], env={**ENV, "ONE": "1"}) == (0, "1\n")


def test_a_tool_call_is_bounded() -> None:
    began = time.monotonic()
    code, text = capture(["sh", "-c", "echo begun; exec sleep 300"], 0.3)
    assert (code, text) == (-signal.SIGTERM, "begun\n")
    assert time.monotonic() - began < 5
    assert len(capture(["yes"], 5, limit=1000)[1]) < 1100
    with pytest.raises(FileNotFoundError):
        capture(["no-such-program"])
