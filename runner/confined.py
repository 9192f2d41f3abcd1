"""Writes a file below a folder and nowhere else, whatever links lie in that folder.

Names are resolved one by one from an open folder, never following a link, so no check can be outrun and
no sibling whose name begins alike is mistaken for the folder.
"""

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path, PurePosixPath


class OutsideError(ValueError):
    """The path leads out of the folder, or through a link."""


def write(root: Path, path: str, content: bytes) -> None:
    """Write `content` to `root/path`, making folders on the way; a link in its place is replaced.

    Raises `OutsideError`, or the OSError that kept it from being written.
    """
    *folders, name = parts(path)
    with contextlib.ExitStack() as opened:
        current = _open(opened, str(root), None)
        for folder in folders:
            with contextlib.suppress(FileExistsError):
                os.mkdir(folder, 0o755, dir_fd=current)
            current = _open(opened, folder, current)
        _replace(name, content, current)


def parts(path: str) -> tuple[str, ...]:
    """Return the names that a relative path is made of; raise `OutsideError` for any other."""
    pure = PurePosixPath(path)
    if "\0" in path or not pure.parts:
        raise OutsideError(f"{path!r} names no file")
    if pure.is_absolute() or ".." in pure.parts or pure.parts[0].startswith("~"):
        raise OutsideError(f"{path!r} leads out of the workspace")
    return pure.parts


def _open(opened: contextlib.ExitStack, name: str, above: int | None) -> int:
    try:
        found = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=above)
    except OSError as error:
        if error.errno in {errno.ENOTDIR, errno.ELOOP} and stat.S_ISLNK(_status(name, above)):
            raise OutsideError(f"{name!r} is a link") from None
        raise
    opened.callback(os.close, found)
    return found


def _replace(name: str, content: bytes, folder: int) -> None:
    """Write beside the name and rename: an existing file may be a link, hard or soft, to one outside."""
    draft, before = f".{secrets.token_hex(8)}", _status(name, folder)
    mode = stat.S_IMODE(before) & 0o777 if stat.S_ISREG(before) else 0o644
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode, dir_fd=folder)
    try:
        with os.fdopen(file, "wb") as stream:
            os.fchmod(file, mode)
            stream.write(content)
        os.rename(draft, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        os.unlink(draft, dir_fd=folder)
        raise


def _status(name: str, folder: int | None) -> int:
    """Return the mode of what has this name, 0 where nothing has."""
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0
