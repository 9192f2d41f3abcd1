"""Keeps the tests' user from rewriting the tests while they run: one test's process could do it for the next.

What decides and is code becomes the runner's own. The folders around it become sticky: the user may add to
them, and change what is its own, but neither replace nor rename what is not.
"""

import os
from collections.abc import Callable
from pathlib import Path

from runner.process import Account

_SUFFIXES = """.c .cc .cjs .clj .cpp .cs .cts .dart .ex .exs .fs .go .groovy .h .hpp .hs .java .jl .js .jsx
    .kt .kts .lua .m .mjs .mk .ml .mts .php .pl .py .r .rb .rs .scala .sh .snap .swift .t .ts .tsx .zig"""
_CODE = frozenset(_SUFFIXES.split())
"""Suffixes of what tests are written in. Data beside them stays the user's: suites write their fixtures."""
_NAMES = frozenset({"package.json", "Makefile"})
TRUSTING_GIT = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
"""Variables that let git work in a folder of another user, which it refuses to do."""


def hold(tree: Path, decides: Callable[[str], bool], account: Account | None) -> None:
    """Hold what decides, told by its path in the tree; without an account there is nobody to hold it from."""
    if account is None:
        return
    held = {Path(path) for path in _files(tree) if decides(path) and _is_code(path)}
    for folder in {above for path in held for above in path.parents}:
        os.chown(tree / folder, os.geteuid(), account.gid)
        (tree / folder).chmod(0o1775)
    for path in held:
        os.chown(tree / path, os.geteuid(), os.getegid(), follow_symlinks=False)


def _is_code(path: str) -> bool:
    *folders, name = path.split("/")
    if "node_modules" in folders and any(each.startswith(".") for each in folders):
        return ".bin" in folders  # others are caches: node_modules/.vite
    return name in _NAMES or Path(name).suffix in _CODE


def _files(tree: Path) -> list[str]:
    root = os.fspath(tree)
    return [f"{folder}/{name}"[len(root) + 1 :] for folder, _, names in os.walk(root) for name in names]
