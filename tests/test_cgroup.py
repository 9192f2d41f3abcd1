import os
import secrets
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner import cgroup
from runner.errors import Failure, SandboxFailed, ScoringFailed

ROOT = Path(__file__).parent.parent
MIB = 2**20


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in for the two files of /proc and the mount that they speak of."""
    monkeypatch.setattr(cgroup, "_MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(cgroup, "_GROUPS", tmp_path / "cgroup")
    cgroup.memory.cache_clear()
    yield tmp_path
    cgroup.memory.cache_clear()


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)


def test_version_2_in_a_namespace_of_its_own(sandbox: Path) -> None:
    mount = sandbox / "fs"
    write(sandbox, cgroup="0::/\n", mountinfo=f"30 23 0:26 / {mount} ro,nosuid - cgroup2 cgroup rw\n")
    write(mount, memory__events="low 0\noom 3\noom_kill 2\n", memory__max=f"{64 * MIB}\n")
    assert cgroup.oom_kills() == 2
    assert cgroup.memory_limit() == 64 * MIB


def test_the_least_limit_of_all_levels_holds(sandbox: Path) -> None:
    mount = sandbox / "fs"
    write(sandbox, cgroup="0::/a/b\n", mountinfo=f"30 23 0:26 / {mount} rw - cgroup2 cgroup rw\n")
    write(mount / "a", memory__max=f"{64 * MIB}\n")
    write(mount / "a/b", memory__events="oom_kill 0\n", memory__max="max\n")
    assert cgroup.memory_limit() == 64 * MIB


def test_version_1_beside_an_empty_version_2(sandbox: Path) -> None:
    mount = sandbox / "fs"
    write(sandbox, cgroup="4:memory:/docker/abc\n0::/\n", mountinfo=(
        f"29 23 0:25 / {mount}/unified rw - cgroup2 cgroup2 rw\n"
        f"30 23 0:26 / {mount}/cpu rw - cgroup cgroup rw,cpu\n"
        f"31 23 0:27 /docker/abc {mount}/memory rw - cgroup cgroup rw,memory\n"
    ))  # fmt: skip
    write(mount / "memory", memory__oom_control="oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
          memory__limit_in_bytes="9223372036854771712\n")  # fmt: skip
    assert cgroup.oom_kills() == 1
    assert cgroup.memory_limit() is None


def test_a_sandbox_that_shows_no_groups_has_no_limits(sandbox: Path) -> None:
    assert cgroup.memory() is None
    assert cgroup.oom_kills() == 0
    assert cgroup.memory_limit() is None


@pytest.mark.parametrize("ending", [None, ScoringFailed("the tests gave no report")])
def test_tests_killed_for_memory_are_a_failure_of_the_sandbox_whatever_they_said(
    sandbox: Path, ending: Failure | None
) -> None:
    mount = sandbox / "fs"
    write(sandbox, cgroup="0::/\n", mountinfo=f"30 23 0:26 / {mount} ro,nosuid - cgroup2 cgroup rw\n")
    write(mount, memory__events="oom_kill 2\n", memory__max="max\n")
    with cgroup.spared("a process", "scoring"):
        pass
    with pytest.raises(SandboxFailed, match="a process was killed for memory"):
        killed(mount, ending)


def killed(mount: Path, ending: Failure | None) -> None:
    with cgroup.spared("a process", "scoring"):
        write(mount, memory__events="oom_kill 3\n")
        if ending:
            raise ending


LIMITED = """
    import sys
    from pathlib import Path
    from runner import cgroup
    from runner.deadline import Deadline
    from runner.process import Command, run

    group, folder = Path(sys.argv[1]), Path(sys.argv[2])
    (group / "cgroup.procs").write_text("0")
    for script in ("x = bytearray(10**6)", "x = bytearray(10**9)"):
        argv = [sys.executable, "-IS", "-c", script]
        ended = run(Command(argv, folder, {}, folder / "out", folder / "out"), Deadline.after(20))
        print(ended.code, ended.oom, cgroup.memory_limit())
"""


def test_a_child_killed_for_memory_is_told_from_one_that_crashed(tmp_path: Path) -> None:
    group = _group_of(100 * MIB)
    try:
        argv = [sys.executable, "-c", textwrap.dedent(LIMITED), str(group), str(tmp_path)]
        said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert said == f"0 False {100 * MIB}\n-9 True {100 * MIB}\n"
    finally:
        group.rmdir()


def _group_of(limit: int) -> Path:
    """Make a control group with a memory limit below this process's own, or skip."""
    memory = cgroup.memory()
    if memory is None or not os.access(memory.folder, os.W_OK):
        pytest.skip("the sandbox lets nobody make control groups")
    group = memory.folder / f"rollout-{secrets.token_hex(4)}"
    try:
        group.mkdir()
        (group / ("memory.max" if memory.version == 2 else "memory.limit_in_bytes")).write_text(str(limit))
    except OSError:
        pytest.skip("the sandbox lets nobody limit memory")
    return group
