"""A new tree for scoring: the pristine snapshot plus the agent's own regular files, and nothing else of it.

Nothing is restored in place: the workspace is only read, without following a link, and nothing of it but the
content and the executable bit of regular files arrives here.
"""

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from runner.changes import Difference, compare, manifest_of, printable
from runner.disk import FATAL, writing
from runner.process import Account
from runner.tree import Entry, is_folder, load, open_file, open_folder, read_link, walk
from runner.workspace import copy


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the agent may bring into the new tree; more is left out."""

    file_bytes: int = 64 * 2**20
    total_bytes: int = 2**30
    files: int = 100_000


@dataclass(slots=True)
class NewTree:
    """The tree to score, and what of the agent's is not in it."""

    root: Path
    protected_changes: list[str] = field(default_factory=list)
    """Printable paths that are frozen and that the agent had added, changed or removed."""
    left_out: list[str] = field(default_factory=list)
    """Printable paths: no regular file, too large, not readable, or in the way of something frozen."""


def new_tree(  # noqa: PLR0913
    snapshot: Path,
    workspace: Path,
    target: Path,
    frozen: Callable[[str], bool],
    *,
    account: Account | None = None,
    allowance: Allowance | None = None,
) -> NewTree:
    """Make `target` (which must not exist) from the snapshot and the agent's files that are not frozen.

    `frozen` is asked with paths relative to the workspace; git's own folders always are. With an account,
    files that it could not read itself are left out. Raises SandboxFailed where the disk is full.
    """
    tree = NewTree(target)
    with writing(target):
        copy(snapshot, target)
        guarded = _with_aliases(frozen, _settle_links(snapshot, workspace, target))
        carrier = _Carrier(workspace, tree, account, allowance or Allowance())
        for difference in compare(snapshot, workspace):
            if guarded(difference.path):
                tree.protected_changes.append(printable(difference.path))
            else:
                carrier.apply(difference)
        carrier.finish()
    return tree


class _Carrier:
    """Brings one difference after the other into the new tree."""

    def __init__(self, workspace: Path, tree: NewTree, account: Account | None, allowance: Allowance) -> None:
        self._workspace = workspace
        self._tree = tree
        self._account = account
        self._allowance = allowance
        self._bytes = self._files = 0
        self._emptied: set[str] = set()
        self._late: list[Entry] = []

    def apply(self, difference: Difference) -> None:
        """Remove what is no more as it was, bring what is new."""
        if difference.old:
            with (
                contextlib.suppress(FileNotFoundError),
                open_folder(self._tree.root, difference.path) as (folder, name),
            ):
                os.unlink(name, dir_fd=folder)
            self._emptied.update(_parents(difference.path))
        if difference.new and is_folder(self._tree.root / difference.path):
            self._late.append(difference.new)  # a file in place of a folder that is yet to be emptied
        elif difference.new:
            self._bring(difference.new)

    def finish(self) -> None:
        """Remove the folders that the agent removed, then bring what takes their place."""
        for path in sorted(self._emptied, reverse=True):
            if not is_folder(self._workspace / path):
                with contextlib.suppress(OSError):
                    (self._tree.root / path).rmdir()
        for entry in self._late:
            self._bring(entry)

    def _bring(self, entry: Entry) -> None:
        try:
            with open_file(self._workspace, entry.path) as source:
                status = os.fstat(source.fileno())
                if self._allowed(status):
                    self._write(entry, source)
                    return
        except OSError as error:  # unreadable, no regular file, or something frozen is in its way
            if error.errno in FATAL:
                raise
        self._tree.left_out.append(printable(entry.path))

    def _allowed(self, status: os.stat_result) -> bool:
        self._bytes += status.st_size
        self._files += 1
        return (
            status.st_size <= self._allowance.file_bytes
            and self._bytes <= self._allowance.total_bytes
            and self._files <= self._allowance.files
            and self._agent_may_read(status)
        )

    def _agent_may_read(self, status: os.stat_result) -> bool:
        """Say whether the agent could read the file: a hard link to one of the runner's is not its work."""
        agent = self._account
        return agent is None or status.st_uid == agent.uid or bool(status.st_mode & stat.S_IROTH)

    def _write(self, entry: Entry, source: BinaryIO) -> None:
        with open_folder(self._tree.root, entry.path, make=True) as (folder, name):
            fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        with os.fdopen(fd, "wb") as file:
            shutil.copyfileobj(source, file)
            os.fchmod(fd, 0o755 if entry.executable else 0o644)


def _settle_links(snapshot: Path, workspace: Path, target: Path) -> list[tuple[str, str]]:
    """Turn links that point into the workspace, which is the agent's, by its full path into the tree.

    Returns the links that lead elsewhere inside the tree, each with the path it leads to.
    """
    inside: list[tuple[str, str]] = []
    root = target.resolve()
    for path in _links(snapshot):
        link = root / path
        pointed = Path(os.fsdecode(read_link(root, path)))
        if pointed.is_relative_to(workspace):
            link.unlink()
            link.symlink_to(os.path.relpath(root / pointed.relative_to(workspace), link.parent))
        real = Path(os.path.realpath(link))
        if real.is_relative_to(root) and real != root:
            inside.append((path, str(real.relative_to(root))))
    return inside


def _links(snapshot: Path) -> Iterator[str]:
    manifest = manifest_of(snapshot)
    entries = load(manifest) if manifest.exists() else walk(snapshot)
    return (entry.path for entry in entries if entry.kind == "link")


def _with_aliases(frozen: Callable[[str], bool], links: list[tuple[str, str]]) -> Callable[[str], bool]:
    """Return what also freezes git's own folders, and a path that a frozen path leads to through a link."""

    def guarded(path: str) -> bool:
        aliases = (link + path[len(real) :] for link, real in links if f"{path}/".startswith(f"{real}/"))
        return ".git" in path.split("/") or frozen(path) or any(map(frozen, aliases))

    return guarded


def _parents(path: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(path).parents][:-1]
