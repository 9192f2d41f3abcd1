"""Keeps what a pristine project was found to hold, for every rollout of the same image.

Entries lie in the cache folder of the runner's user. One is believed only where no agent can have written it:
the agent is another user, or the entry is older than the container itself.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner import __version__, proc
from runner.process import Account
from runner.tree import walk
from scorers.base import Submission
from scorers.deciding import replaceable

_TREE = "{the tree}"
"""Stands for the tree's own path, which ids may hold."""
_READ_BYTES = 2**20
"""Of larger files only size and time count."""
_MARGIN_S = 2.0
"""How much older than the container's first process an entry must be: both clocks are coarse."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one pristine tree."""

    path: Path
    tree: Path
    apart: bool
    """The agent is another user, to whom the folder and all above it are closed."""

    def recall(self) -> dict[str, Any] | None:
        """Return what was kept; null where nothing was, or where it is not to be believed."""
        try:
            with open(os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW), encoding="utf-8") as file:  # noqa: PTH123
                status = os.fstat(file.fileno())
                if not self.apart and status.st_ctime > proc.began() - _MARGIN_S:
                    return None
                said = json.loads(file.read().replace(_TREE, str(self.tree)))
        except (OSError, ValueError):
            return None
        return said if isinstance(said, dict) else None

    def keep(self, said: Mapping[str, Any]) -> bool:
        """Keep it; return whether it could be: a folder that cannot be written is no failure."""
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = self.path.with_suffix(f".{os.getpid()}")
            beside.write_text(json.dumps(said).replace(str(self.tree), _TREE), encoding="utf-8")
            beside.replace(self.path)
            return True
        return False


def entry_of(
    submission: Submission, tree: Path, tool: str, about: Iterable[object], *, anew: bool = False
) -> Entry:
    """Return the entry of a pristine tree: its files, and `about` (interpreter, arguments).

    The tree is read only where there may be something to recall, or (`anew`) something is to be kept.
    """
    folder = _folder() / tool
    apart = _closed_to(submission.account, folder)
    if not (apart or anew or folder.is_dir()):
        return Entry(folder / "nothing", tree, apart)
    digest = hashlib.sha256(json.dumps([__version__, tool, *map(str, about)]).encode())
    for stamp in _stamps(tree):
        digest.update(stamp)
    return Entry(folder / f"{digest.hexdigest()}.json", tree, apart)


def _folder() -> Path:
    """Return the cache folder of the runner's user; a relative XDG_CACHE_HOME is to be ignored."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not named.is_absolute():
        try:
            named = Path.home() / ".cache"
        except RuntimeError:  # a user without a name, as sandboxes have them
            named = Path("/.cache")
    return named / "rollout-runner"


def _closed_to(account: Account | None, path: Path) -> bool:
    """Say whether nobody but the runner can have written a file: an image's HOME may be the agent's own."""
    if account is None:
        return False
    there = next(each for each in (path, *path.parents) if each.exists())
    return not replaceable(there, account)


def _stamps(tree: Path) -> Iterable[bytes]:
    """Yield what tells a tree from others; what tools fill (caches, installed packages) is left out."""
    skipped = "\0"
    for entry in walk(tree):
        if entry.path.startswith(skipped):
            continue
        if entry.derived:
            skipped = entry.path + "/"
            continue
        size = entry.size if entry.kind == "file" else 0
        yield os.fsencode(f"{entry.path}\0{entry.kind}\0{size}\0")
        if entry.kind == "file":
            seconds = entry.stamp[2] // 10**9  # all that an image's layers keep
            yield _content(tree / entry.path) if size <= _READ_BYTES else str(seconds).encode()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def installed(prefix: Path) -> list[str]:
    """Return when packages were last installed into a Python's own folders."""
    places = (prefix, prefix / "local")  # Debian's own Python installs into /usr/local
    folders = sorted(found for place in places for found in place.glob("lib/python*/*-packages"))
    return [f"{folder} {int(folder.stat().st_mtime)}" for folder in folders]
