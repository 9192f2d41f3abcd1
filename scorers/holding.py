"""Keeps the tests' user from rewriting the tests while they run: one test's process could do it for the next.

What decides and is code becomes the runner's own. The folders around it become sticky: the user may add to
them, and change what is its own, but neither replace nor rename what is not.
"""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from runner.process import Account

_SUFFIXES = """c cc cjs clj cpp cs cts dart ex exs fs go groovy h hpp hs java jl js jsx
    kt kts lua m mjs mk ml mts php pl py r rb rs scala sh snap swift t ts tsx zig"""
_CODE = frozenset(_SUFFIXES.split())
"""Suffixes of what tests are written in. Data beside them stays the user's: suites write their fixtures."""
_NAMES = frozenset({"package.json", "Makefile"})
TRUSTING_GIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
"""Variables that let git work in a folder of another user, which it refuses to do."""


def hold(tree: Path, decides: Callable[[str], bool], account: Account | None) -> None:
    """Hold what decides, told by its path in the tree; without an account there is nobody to hold it from."""
    if account is None:
        return
    root, folders = os.fspath(tree), {""}
    for path in _files(root):
        if _is_code(path) and decides(path):
            _take(f"{root}/{path}", account)
            folder = path.rpartition("/")[0]
            while folder not in folders:
                folders.add(folder)
                folder = folder.rpartition("/")[0]
    for folder in folders:
        os.chown(f"{root}/{folder}", os.geteuid(), account.gid)
        (tree / folder).chmod(0o1775)


def _take(path: str, account: Account) -> None:
    """Make a file the runner's own; the account may read and start it as its owner could."""
    mode = os.lstat(path).st_mode
    os.chown(path, os.geteuid(), account.gid, follow_symlinks=False)
    if stat.S_ISREG(mode):
        os.chmod(path, stat.S_IMODE(mode) & ~0o022 | (mode & 0o500) >> 3)  # noqa: PTH101 - of thousands


def _is_code(path: str) -> bool:
    folder, _, name = f"/{path}".rpartition("/")
    if "/node_modules/" in folder and "/." in folder:
        return folder.endswith("/.bin")  # others are caches: node_modules/.vite
    return name.rpartition(".")[2] in _CODE or name in _NAMES


def _files(root: str) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        yield from (f"{folder}/{name}"[len(root) + 1 :] for name in names)
