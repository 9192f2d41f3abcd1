import os
import subprocess
import time
from pathlib import Path

from runner.proc import began, environment, processes, real_uid


def test_this_process_and_its_parent_are_seen() -> None:
    table = processes()
    me = table[os.getpid()]
    assert (me.parent, me.session, me.alive) == (os.getppid(), os.getsid(0), True)
    assert me.start > 0
    assert real_uid(me.pid) == os.getuid()


def test_the_first_process_began_after_the_machine_and_before_this_one() -> None:
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    me = processes()[os.getpid()]
    assert booted - 1 <= began() <= booted + me.start / os.sysconf("SC_CLK_TCK") + 1


def test_names_with_spaces_and_parentheses_are_read_right(tmp_path: Path) -> None:
    odd = tmp_path / "a) R 1 (b"
    odd.symlink_to("/bin/sleep")
    with subprocess.Popen([odd, "300"], env={"A": "one", "B": "two"}) as child:
        time.sleep(0.1)
        seen = processes()[child.pid]
        assert (seen.parent, seen.alive) == (os.getpid(), True)
        assert environment(child.pid)[:2] == [b"A=one", b"B=two"]
        child.kill()


def test_a_zombie_is_not_alive() -> None:
    with subprocess.Popen(["true"]) as child:
        time.sleep(0.2)
        assert not processes()[child.pid].alive


def test_the_cpu_of_children_counts_once_they_are_waited_for() -> None:
    def used() -> int:
        return processes()[os.getpid()].cpu

    before = used()
    subprocess.run(["sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done"], check=True)
    assert used() - before >= 5


def test_a_process_that_is_gone_is_no_error() -> None:
    with subprocess.Popen(["true"]) as child:
        child.wait()
    assert child.pid not in processes()
    assert environment(child.pid) == [b""]
    assert real_uid(child.pid) is None
