"""Walks a folder that may be hostile, and says how it differs from what it was.

Nothing is followed: every folder is opened relative to its parent with O_NOFOLLOW, every file looked at with
lstat. Entries come sorted, so that two walks, or a walk and a list on disk, are compared in constant memory.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAX_DEPTH = 128
"""Folders nested deeper are not entered: each level holds a descriptor open."""
DERIVED = frozenset({".git", "__pycache__", "node_modules"})
"""Folders that tools fill, by name; others are known by what they hold."""
_MARKS = ("CACHEDIR.TAG", "pyvenv.cfg")  # bford.info/cachedir: target/, .pytest_cache, .mypy_cache, ...
_RACY_NS = 50_000_000  # a change this soon after the look may carry the same change time
_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Entry(NamedTuple):
    """One file or folder, as lstat shows it."""

    path: str
    """Relative to the walked folder; bytes that are no UTF-8 are surrogates, as `os.fsdecode` makes them."""
    kind: str
    """`file`, `folder`, `link`, `other` (fifo, socket, device)."""
    derived: bool
    """A folder that tools fill: caches, installed packages, build output, git's own."""
    executable: bool
    size: int
    stamp: tuple[int, int, int]
    """Inode, change time, modification time. The change time cannot be set by anyone but the clock."""


Pair = tuple[Entry | None, Entry | None]


def walk(root: Path) -> Iterator[Entry]:
    """Yield everything below a folder, sorted, each folder before what it holds."""
    fd = os.open(root, _OPEN_FOLDER)
    try:
        yield from _walk(fd, "", list_folder(fd), 1)
    finally:
        os.close(fd)


def is_folder(path: Path) -> bool:
    """Say whether there is a folder, and no link to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def list_folder(fd: int) -> list[os.DirEntry[str]]:
    """Return a folder's entries, sorted by name; none where it may not be read."""
    with contextlib.suppress(PermissionError), os.scandir(fd) as entries:
        return sorted(entries, key=lambda entry: entry.name)
    return []


def _walk(parent: int, prefix: str, entries: list[os.DirEntry[str]], depth: int) -> Iterator[Entry]:
    for entry in entries:
        path = prefix + entry.name
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:  # gone, or in a folder that may be listed only
            continue
        if not stat.S_ISDIR(status.st_mode):
            yield _entry(path, status, derived=False)
            continue
        with _folder(entry.name, parent) as fd:
            below = list_folder(fd) if fd is not None and depth < MAX_DEPTH else []
            yield _entry(path, status, derived=_is_derived(entry.name, below))
            if fd is not None:
                yield from _walk(fd, path + "/", below, depth + 1)


@contextlib.contextmanager
def _folder(name: str, parent: int) -> Iterator[int | None]:
    try:
        fd = os.open(name, _OPEN_FOLDER, dir_fd=parent)
    except OSError:  # may not be read, or is no folder any more
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _entry(path: str, status: os.stat_result, *, derived: bool) -> Entry:
    mode = status.st_mode
    kind = next((word for test, word in _KINDS if test(mode)), "other")
    stamp = (status.st_ino, status.st_ctime_ns, status.st_mtime_ns)
    return Entry(path, kind, derived, kind == "file" and bool(mode & stat.S_IXUSR), status.st_size, stamp)


_KINDS = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "link"))


def _is_derived(name: str, entries: list[os.DirEntry[str]]) -> bool:
    return name in DERIVED or any(entry.name in _MARKS for entry in entries)


def save(entries: Iterable[Entry], manifest: Path) -> None:
    """Write entries to a file, one after the other."""
    with manifest.open("wb") as file:
        for path, kind, derived, executable, size, (inode, changed, modified) in entries:
            settled = changed < time.time_ns() - _RACY_NS
            numbers = (
                f"{kind} {derived:d} {executable:d} {size} {inode if settled else 0} {changed} {modified}"
            )
            file.write(os.fsencode(f"{numbers} {path}\0"))


def load(manifest: Path) -> Iterator[Entry]:
    """Yield the entries of a file that `save` wrote."""
    with manifest.open("rb") as file:
        rest = b""
        while block := file.read(2**20):
            *lines, rest = (rest + block).split(b"\0")
            for line in lines:
                kind, derived, executable, size, inode, changed, modified, path = os.fsdecode(line).split(
                    " ", 7
                )
                stamp = (int(inode), int(changed), int(modified))
                yield Entry(path, kind, derived == "1", executable == "1", int(size), stamp)


def differences(before: Iterator[Entry], after: Iterator[Entry]) -> Iterator[Pair]:
    """Yield what may differ: an entry before and after, null where there was or is none.

    What lies in derived folders is left out. An equal stamp, size and mode is proof of an equal file; whether
    the content of another pair differs is for the caller to see.
    """
    skipped = "\0"
    for old, new in _paired(before, after):
        entry = old or new
        if entry is None or entry.path.startswith(skipped):
            continue
        folder = old if old and old.kind == "folder" else new
        if folder and folder.derived:
            skipped = folder.path + "/"
        elif old != new:
            yield old, new


def _paired(before: Iterator[Entry], after: Iterator[Entry]) -> Iterator[Pair]:
    old, new = next(before, None), next(after, None)
    while old or new:
        order = _order(old, new)
        yield (old if order <= 0 else None), (new if order >= 0 else None)
        if order <= 0:
            old = next(before, None)
        if order >= 0:
            new = next(after, None)


def _order(old: Entry | None, new: Entry | None) -> int:
    if old is None or new is None:
        return 1 if old is None else -1
    if old.path == new.path:
        return 0
    return -1 if old.path.split("/") < new.path.split("/") else 1


@contextlib.contextmanager
def open_folder(root: Path, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
    """Open the folder that holds `path`, and give the name in it; OSError where the way to it is a link.

    With `make`, folders that are missing are made.
    """
    *folders, name = path.split("/")
    fd = os.open(root, _OPEN_FOLDER)
    try:
        for folder in folders:
            if make:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder, 0o755, dir_fd=fd)
            above, fd = fd, os.open(folder, _OPEN_FOLDER, dir_fd=fd)
            os.close(above)
        yield fd, name
    finally:
        os.close(fd)


@contextlib.contextmanager
def open_file(root: Path, path: str) -> Iterator[BinaryIO]:
    """Open a regular file below a folder for reading; OSError for anything else, or a link on the way."""
    with open_folder(root, path) as (folder, name):
        fd = os.open(name, _OPEN_FILE, dir_fd=folder)
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(f"{path} is no regular file")
        yield file


def read_link(root: Path, path: str) -> bytes:
    """Return where a link below a folder points."""
    with open_folder(root, path) as (folder, name):
        return os.fsencode(os.readlink(name, dir_fd=folder))
