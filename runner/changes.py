"""What the agent changed: the list, and the unified diff."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from runner.output import head_tail
from runner.patch import MAX_BYTES, Side, patch
from runner.tree import Entry, differences, is_folder, load, open_file, read_link, walk

Kind = Literal["added", "modified", "removed"]
MAX_LISTED = 20_000
"""Paths kept; an agent may leave millions."""
MAX_DIFF_BYTES = 10 * 2**20
"""Of the written diff; the files that come after are counted."""
_BLOCK = 2**20


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is not what it was."""

    path: str
    """Relative to the workspace, printable: bytes that are no UTF-8 are shown as `\\\\xNN`."""
    kind: Kind


@dataclass(frozen=True, slots=True)
class Changes:
    """What the agent changed, derived folders (`target`, `node_modules`, caches, `.git`) left out."""

    listed: tuple[Change, ...]
    """At most `MAX_LISTED` of them, sorted by path."""
    total: int
    """How many there are."""
    diff: Path
    """A unified diff as git writes it, at most about `MAX_DIFF_BYTES` and a count of what was left out."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The listed paths."""
        return tuple(change.path for change in self.listed)

    def text(self, limit: int = 200_000) -> str:
        """Return the diff, or its head and tail, within `limit` bytes."""
        return head_tail(self.diff, limit)


@dataclass(frozen=True, slots=True)
class Difference:
    """One path that is not what it was, with both sides; null where there was or is no file."""

    path: str
    """As `Entry.path`."""
    kind: Kind
    old: Entry | None
    new: Entry | None


def compare(snapshot: Path, workspace: Path) -> Iterator[Difference]:
    """Yield what differs. Folders count only by what they hold; derived ones are left out.

    Files with the stamp that the list beside the snapshot has are not read.
    """
    manifest = manifest_of(snapshot)
    before = load(manifest) if manifest.exists() else walk(snapshot)
    after = walk(workspace) if is_folder(workspace) else iter(())  # the agent may have removed all of it
    for old, new in differences(before, after):
        left = old if old and old.kind != "folder" else None
        right = new if new and new.kind != "folder" else None
        if left and right:
            if not _same(left, right, snapshot, workspace):
                yield Difference(left.path, "modified", left, right)
        elif left:
            yield Difference(left.path, "removed", left, None)
        elif right:
            yield Difference(right.path, "added", None, right)


def manifest_of(snapshot: Path) -> Path:
    """Return where the list of a snapshot's stamps is kept."""
    return snapshot.with_name(f".{snapshot.name}.stamps")


def write_changes(snapshot: Path, workspace: Path, diff: Path) -> Changes:
    """Compare, and write the diff to a file."""
    listed: list[Change] = []
    total = left_out = 0
    with diff.open("wb") as file:
        for difference in compare(snapshot, workspace):
            total += 1
            if total <= MAX_LISTED:
                listed.append(Change(printable(difference.path), difference.kind))
            if file.tell() < MAX_DIFF_BYTES:
                file.writelines(_patch(difference, snapshot, workspace))
            else:
                left_out += 1
        if left_out:
            file.write(b"# %d more files are not shown\n" % left_out)
    return Changes(tuple(listed), total, diff)


def printable(path: str) -> str:
    """Return a path as valid Unicode."""
    return os.fsencode(path).decode(errors="backslashreplace")


def _patch(difference: Difference, snapshot: Path, workspace: Path) -> Iterator[bytes]:
    old = _side(difference.old, snapshot)
    new = _side(difference.new, workspace)
    if old or new:
        yield from patch(os.fsencode(difference.path), old, new)


def _side(entry: Entry | None, root: Path) -> Side | None:
    if entry is None or entry.kind == "other":
        return None
    mode = "120000" if entry.kind == "link" else "100755" if entry.executable else "100644"
    try:
        return Side(mode, _content(entry, root))
    except OSError:  # may not be read
        return Side(mode, None)


def _content(entry: Entry, root: Path) -> bytes | None:
    if entry.kind == "link":
        return read_link(root, entry.path)
    if entry.size > MAX_BYTES:
        return None
    with open_file(root, entry.path) as file:
        return file.read(MAX_BYTES)


def _same(old: Entry, new: Entry, snapshot: Path, workspace: Path) -> bool:
    if (old.kind, old.executable) != (new.kind, new.executable):
        return False
    if old.kind == "other":
        return True
    try:
        if old.kind == "link":
            return read_link(snapshot, old.path) == read_link(workspace, new.path)
        with open_file(snapshot, old.path) as left, open_file(workspace, new.path) as right:
            return old.size == new.size and _equal(left, right)
    except OSError:  # what cannot be read is not known to be the same
        return False


def _equal(left: BinaryIO, right: BinaryIO) -> bool:
    while block := left.read(_BLOCK):
        if block != right.read(_BLOCK):
            return False
    return not right.read(1)
