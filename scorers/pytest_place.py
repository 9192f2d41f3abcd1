"""Prepares the folder from which the task's interpreter enters a tree."""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_SCRIPTS = ("pytest_entry.py", "pytest_events.py")
_ROOTS = ("", "src", "lib", "python", "tests", "test", "src/tests")
_CONFIGS = (
    "pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
    "conftest.py",
)
_DESELECTING = re.compile(r"(^|[\s\"'])-[mk]\b|deselect|items\[:\]|items\.remove")
_NESTED = ("packages/*", "packages/*/src", "tests/*", "tests/*/*")


@dataclass(frozen=True, slots=True)
class Place:
    """A tree, and what starts Python in it."""

    tree: Path
    entry: Path
    """`pytest_entry.py`, beside what it reads; the tests' user can read it and not write it."""


def prepare(folder: Path, tree: Path, workspace: Path, own: Iterable[str], since_ns: int = 0) -> Place:
    """Write the scripts and `place.json` into a new folder; `since_ns` is when the snapshot was taken."""
    folder.mkdir()
    folder.chmod(0o755)
    for name in _SCRIPTS:
        shutil.copyfile(Path(__file__).with_name(name), folder / name)
    (folder / "empty.ini").write_text("[pytest]\n", encoding="utf-8")
    about = {
        "tree": str(tree),
        "workspace": str(workspace),
        "own": sorted(own),
        "since": since_ns,
        "empty": str(folder / "empty.ini"),
    }
    (folder / "place.json").write_text(json.dumps(about), encoding="utf-8")
    return Place(tree, folder / _SCRIPTS[0])


def own_modules(pristine: Path) -> set[str]:
    """Return the top-level modules that the pristine project itself brings, wherever its path may start."""
    return {name for folder in _folders(pristine) for name in _modules(folder)}


def deselects(pristine: Path, args: Iterable[str]) -> bool:
    """Say whether the project's own configuration leaves out some of its tests."""
    files = [path for name in _CONFIGS for path in (pristine / name, *pristine.glob(f"*/{name}"))]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()]
    return any(_DESELECTING.search(text) for text in [*texts, *args])


def _folders(pristine: Path) -> Iterator[Path]:
    yield from (pristine / name for name in _ROOTS)
    for glob in _NESTED:
        yield from pristine.glob(glob)


def _modules(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        name = entry.name.partition(".")[0]
        if name.isidentifier() and (entry.suffix in {".py", ".so", ".pyx"} or entry.is_dir()):
            yield name
