"""Remembers what the pristine project's tests are, for every rollout of the same image.

Kept in the cache folder of the runner's user, and only where the agent is another user: it can then neither
read the ids of hidden tests there nor plant its own.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from runner.tree import walk
from scorers.pytest_expected import Known

_READ = {".py", ".pyi", ".toml", ".ini", ".cfg", ".txt", ".csv", ".json", ".yaml", ".yml", ".md", ".rst"}
_TREE = "{the tree}"
"""Stands for the tree's own path, which ids may hold."""
_READ_BYTES = 2**20


def recall(key: str, tree: Path) -> Known | None:
    """Return what is known of a project, null where nothing is."""
    try:
        said = json.loads(_path(key).read_text(encoding="utf-8").replace(_TREE, str(tree)))
        names = said.keys()
    except (OSError, ValueError, AttributeError):
        return None
    if names != set(Known.__dataclass_fields__):  # of another version
        return None
    sets = {name: frozenset(said[name]) for name in ("xfail", "excused", "doctests", "dormant")}
    return Known(tuple(said["ids"]), tuple(said["open_ids"]), **sets)


def remember(key: str, known: Known, tree: Path) -> None:
    """Keep what is known of a project; a cache folder that cannot be written is no failure."""
    lists = {name: list(value) for name, value in asdict(known).items()}
    path = _path(key)
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(lists).replace(str(tree), _TREE), encoding="utf-8")
        beside.replace(path)


def key_of(pristine: Path, about: Iterable[str]) -> str:
    """Return the key of a project: its files, and `about` (interpreter, arguments)."""
    digest = hashlib.sha256(json.dumps(list(about)).encode())
    skipped = "\0"
    for entry in walk(pristine):
        if entry.path.startswith(skipped):
            continue
        if entry.derived:
            skipped = entry.path + "/"
            continue
        digest.update(os.fsencode(f"{entry.path}\0{entry.kind}\0{entry.size}\0"))
        if entry.kind == "file" and entry.size <= _READ_BYTES and Path(entry.path).suffix in _READ:
            digest.update((pristine / entry.path).read_bytes())
    return digest.hexdigest()


def _path(key: str) -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root, "rollout-runner", "pytest", f"{key}.json")
