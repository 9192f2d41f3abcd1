"""The workspace before and after: a pristine copy out of the agent's reach, and what the agent changed."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runner.changes import Change, Changes, manifest_of, write_changes
from runner.deadline import Deadline
from runner.disk import HINT, complaint, temporary_folder, writing
from runner.errors import SandboxFailed, TaskInvalid
from runner.output import head_tail
from runner.process import Command, capture, run
from runner.tree import save, walk

__all__ = ["Baseline", "Change", "Changes", "baseline", "copy", "snapshot_from"]

_LIMIT_S = 600.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """The workspace as it was before the agent."""

    workspace: Path
    snapshot: Path
    """The plain copy. Beside it lies a list of every file's stamp, by which the unchanged are told."""
    pristine: Path
    """The tree that is scored from: the snapshot, or what the task names instead."""

    def changes(self, diff: Path) -> Changes:
        """Compare the workspace with its snapshot and write the unified diff to a file."""
        with writing(diff):
            return write_changes(self.snapshot, self.workspace, diff)


def baseline(workspace: Path, state: Path, source: str | None = None) -> Baseline:
    """Copy the workspace into `state`, a folder that is closed to everyone but the runner.

    `source` is where the pristine tree comes from (`snapshot_from`), if not from the workspace. Raises
    TaskInvalid for a workspace that cannot be copied, SandboxFailed where the disk is full.
    """
    workspace = workspace.resolve()
    if not workspace.is_dir():
        raise TaskInvalid(f"the workspace {workspace} is no folder")
    if state.resolve().is_relative_to(workspace):
        raise TaskInvalid(
            f"the workspace {workspace} holds {state}", hint="set TMPDIR to a folder outside of it"
        )
    with writing(state):
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        state.chmod(0o700)
        snapshot = state / "snapshot"
        copy(workspace, snapshot)
        save(walk(workspace), manifest_of(snapshot))
    pristine = snapshot_from(source, workspace, state / "pristine") if source else snapshot
    return Baseline(workspace, snapshot, pristine)


def snapshot_from(source: str, workspace: Path, target: Path) -> Path:
    """Make a pristine tree from a folder of the image, or from a revision of the workspace's git; return it.

    To be called before the agent starts: afterwards neither the folder nor git's own is to be trusted.
    """
    folder = Path(source)
    if folder.is_absolute():
        if not folder.is_dir():
            raise TaskInvalid(f"the pristine tree {source} is no folder")
        copy(folder, target)
        return target
    target.mkdir()
    git = ["git", "-c", "safe.directory=*", "-C", str(workspace)]
    with temporary_folder() as index:
        env = {**os.environ, "GIT_INDEX_FILE": f"{index}/index"}
        inside = _git([*git, "rev-parse", "--show-prefix"], env).strip()
        git.append(f"--work-tree={target}")
        _git([*git, "read-tree", "--end-of-options", f"{source}:{inside}"], env)
        _git([*git, "checkout-index", "--all"], env)
    return target


def copy(source: Path, target: Path) -> None:
    """Copy a folder with everything in it, links as links, by reference where the file system can.

    What may not be read is left out. Raises SandboxFailed where the disk is full, leaving nothing there.
    """
    with temporary_folder() as logs:
        log = logs / "cp"
        argv = ["cp", "-a", "--reflink=auto", "-T", "--", str(source), str(target)]
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        try:
            ended = run(Command(argv, Path("/"), env, log, log), Deadline.after(_LIMIT_S))
        except FileNotFoundError as error:
            raise SandboxFailed("the image has no cp", hint="install coreutils") from error
        said = head_tail(log).strip()
    why = complaint(said) if target.is_dir() else said
    if ended.ending != "exited":
        why = f"not done after {_LIMIT_S:.0f} s"
    if why:
        shutil.rmtree(target, ignore_errors=True)
        raise SandboxFailed(f"cannot copy {source} to {target}: {why}", hint=HINT)


def _git(argv: list[str], env: dict[str, str]) -> str:
    try:
        code, said = capture(argv, _LIMIT_S, env=env)
    except FileNotFoundError as error:
        raise TaskInvalid("a pristine tree from a git revision needs git in the image") from error
    if code:
        raise TaskInvalid(f"no pristine tree: {' '.join(argv)}: {said.strip()}")
    return said
