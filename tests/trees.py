"""Small random trees, made on disk and read back.

`path -> ("file", content, executable)` or `path -> ("link", target, False)`.
"""

import os
from pathlib import Path

from hypothesis import strategies as st

Node = tuple[str, bytes, bool]
Tree = dict[str, Node]

_NAMES = st.sampled_from(["a", "b", "a-b", "frozen", "with space", "é", "new\nline", "\udcff", '"quoted\\"'])
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
_TEXTS = st.lists(
    st.sampled_from([b"one\n", b"two\n", b"three\n", b"\n", b"no\rend", b"\xff\n"]), max_size=12
)
_FILES = st.tuples(st.just("file"), _TEXTS.map(b"".join), st.booleans())
_LINKS = st.tuples(st.just("link"), st.sampled_from([b"nowhere", b"/nowhere/else"]), st.just(False))


def _without_conflicts(tree: Tree) -> Tree:
    """Leave out what lies below a file."""
    return {path: node for path, node in tree.items() if not any(above in tree for above in parents(path))}


def parents(path: str) -> list[str]:
    """Return the folders above a path."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


TREES = st.dictionaries(_PATHS, _FILES | _LINKS, max_size=8).map(_without_conflicts)


@st.composite
def tree_pairs(draw: st.DrawFn) -> tuple[Tree, Tree]:
    """Draw a tree and what became of it."""
    before, added = draw(TREES), draw(TREES)
    kept = {path: node for path, node in before.items() if draw(st.booleans())}
    return before, _without_conflicts({**added, **kept} if draw(st.booleans()) else {**kept, **added})


def make(root: Path, tree: Tree) -> Path:
    """Write a tree to disk."""
    root.mkdir()
    for path, (kind, content, executable) in tree.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if kind == "link":
            target.symlink_to(os.fsdecode(content))
        else:
            target.write_bytes(content)
            target.chmod(0o755 if executable else 0o644)
    return root


def read(root: Path) -> Tree:
    """Read a tree back."""
    tree: Tree = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if path.is_symlink():
            tree[name] = ("link", os.fsencode(path.readlink()), False)
        elif path.is_file():
            tree[name] = ("file", path.read_bytes(), bool(path.stat().st_mode & 0o100))
    return tree
