import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.changes import write_changes
from runner.errors import SandboxFailed, TaskInvalid
from runner.workspace import baseline, snapshot_from
from tests.trees import read


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    workspace = tmp_path / "workspace"
    (workspace / "src").mkdir(parents=True)
    (workspace / "src/main.py").write_text("print(1)\n")
    (workspace / "run").write_text("#!/bin/sh\n")
    (workspace / "run").chmod(0o755)
    (workspace / "link").symlink_to("nowhere")
    (workspace / "\udcff\nname").write_text("odd")
    return workspace


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("the sandbox mounts nothing")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_the_snapshot_is_a_plain_copy_in_a_closed_folder(workspace: Path, tmp_path: Path) -> None:
    os.mkfifo(workspace / "fifo")
    before = baseline(workspace, tmp_path / "state")
    assert read(before.snapshot) == read(workspace)
    assert stat.S_ISFIFO((before.snapshot / "fifo").lstat().st_mode)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_the_snapshot_does_not_follow_what_the_agent_does(workspace: Path, tmp_path: Path) -> None:
    before = baseline(workspace, tmp_path / "state")
    pristine = read(before.snapshot)
    (workspace / "src/main.py").write_text("print(2)\n")
    (workspace / "run").unlink()
    assert read(before.snapshot) == pristine


def test_a_workspace_that_cannot_be_one_is_named(workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match="workspace/run is no folder"):
        baseline(workspace / "run", tmp_path / "state")
    with pytest.raises(TaskInvalid, match="TMPDIR"):
        baseline(workspace, workspace / "tmp/state")
    with pytest.raises(TaskInvalid, match="workspace / "):
        baseline(Path("/"), tmp_path / "state")


def test_a_full_disk_is_the_sandboxs_failure_and_nothing_is_left_of_the_copy(
    workspace: Path, tiny: Path
) -> None:
    (workspace / "big").write_bytes(os.urandom(3 * 2**20))
    with pytest.raises(SandboxFailed, match="No space left on device"):
        baseline(workspace, tiny / "state")
    assert list((tiny / "state").iterdir()) == []


def test_a_disk_that_is_full_of_the_agents_work_is_told_too(
    workspace: Path, tmp_path: Path, tiny: Path
) -> None:
    before = baseline(workspace, tmp_path / "state")
    (workspace / "work").write_text("line\n" * 100_000)
    (tiny / "ballast").write_bytes(bytes(900_000))
    with pytest.raises(SandboxFailed, match=r"cannot write to .*diff: No space left on device"):
        before.changes(tiny / "diff")


def test_a_pristine_tree_may_come_from_the_image(workspace: Path, tmp_path: Path) -> None:
    made = snapshot_from(str(workspace), tmp_path, tmp_path / "pristine")
    assert read(made) == read(workspace)
    with pytest.raises(TaskInvalid, match="/no/such is no folder"):
        snapshot_from("/no/such", workspace, tmp_path / "other")


def test_a_pristine_tree_may_come_from_a_git_revision(workspace: Path, tmp_path: Path) -> None:
    committed = read(workspace)
    git = ["git", "-C", str(workspace), "-c", "user.name=a", "-c", "user.email=a@a.invalid"]
    (workspace / ".gitattributes").write_text("src export-ignore\n")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    (workspace / "src/main.py").write_text("print(2)\n")
    made = snapshot_from("HEAD", workspace, tmp_path / "pristine")
    (made / ".gitattributes").unlink()
    assert read(made) == committed
    assert write_changes(made, workspace, tmp_path / "diff").paths == (".gitattributes", "src/main.py")
    below = snapshot_from("HEAD", workspace / "src", tmp_path / "below")
    assert list(read(below)) == ["main.py"]
    index = (workspace / ".git/index").read_bytes()
    with pytest.raises(TaskInvalid, match="no-such-branch"):
        snapshot_from("no-such-branch", workspace, tmp_path / "other")
    assert (workspace / ".git/index").read_bytes() == index
