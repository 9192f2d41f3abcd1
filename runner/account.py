"""The unprivileged user that the agent and the tests run as, and what it may touch."""

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from runner.errors import SandboxFailed
from runner.process import Account

NAME = "agent"
"""The user that `/opt/rollout/setup` creates in an image."""

_NEEDED = {0: "CHOWN", 1: "DAC_OVERRIDE", 5: "KILL", 6: "SETGID", 7: "SETUID"}
"""Capabilities that it takes to hand work to another user and to end it: capabilities(7)."""


def find_account() -> Account | None:
    """Return the image's `agent` user; null where there is none, or the runner has no right to become it."""
    if os.geteuid() != 0 or missing_rights():
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        return None
    if entry.pw_uid == 0:
        return None
    return Account(NAME, entry.pw_uid, entry.pw_gid, Path(entry.pw_dir))


def missing_rights() -> tuple[str, ...]:
    """Return the capabilities that the sandbox withholds from its root and that an account needs."""
    held = int(_status("CapEff") or "0", 16)
    return tuple(name for bit, name in _NEEDED.items() if not held >> bit & 1)


def give(path: Path, account: Account) -> None:
    """Make a folder and all in it the account's own; links and other file systems are left alone.

    Raises `SandboxFailed` where the file system refuses, or where a folder above keeps the account out.
    """
    above = path.resolve().parents
    closed = next((folder for folder in above if not _may(account, folder, stat.S_IXOTH)), None)
    if closed:
        raise SandboxFailed(
            f"the user {account.name} cannot reach {path}: {closed} is closed to it",
            hint=f"chmod a+x {closed}, or put the folder elsewhere",
        )
    try:
        for each, status in _tree(path):
            if (status.st_uid, status.st_gid) != (account.uid, account.gid):
                os.chown(each, account.uid, account.gid, follow_symlinks=False)
    except OSError as error:
        raise SandboxFailed(
            f"cannot give {error.filename} to the user {account.name}: {error.strerror}",
            hint=f"let the image do it: COPY --chown={account.name}:{account.name}",
        ) from error


def hide(path: Path, account: Account) -> bool:
    """Close a folder to everyone but its owner, and say whether the account is kept out now.

    It is not where the folder is the account's own, or lies on a read-only file system that all may read.
    """
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            path.chmod(stat.S_IMODE(mode) & stat.S_IRWXU)
    except OSError:
        pass
    return not reaches(account, path)


def reaches(account: Account, path: Path) -> bool:
    """Say whether the account can list and enter a folder, by the modes of it and of all above it."""
    real = path.resolve()
    above = all(_may(account, folder, stat.S_IXOTH) for folder in real.parents)
    return above and _may(account, real, stat.S_IROTH | stat.S_IXOTH)


def _may(account: Account, path: Path, bits: int) -> bool:
    """Say whether the account has any of these rights, written as those of others."""
    status = path.stat()
    if status.st_uid == account.uid:
        bits <<= 6
    elif status.st_gid == account.gid:
        bits <<= 3
    return bool(status.st_mode & bits)


def _tree(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Yield a folder and all below it on the same file system, a folder before what it holds."""
    top = path.stat()
    yield str(path), top
    waiting = [str(path)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                if status.st_dev != top.st_dev and stat.S_ISDIR(status.st_mode):
                    continue
                yield entry.path, status
                if stat.S_ISDIR(status.st_mode):
                    waiting.append(entry.path)


def _status(name: str) -> str | None:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return value.strip()
    return None
