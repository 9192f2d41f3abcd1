"""What of the interpreter changed after the snapshot was taken, where the agent could write there.

Told by change times, which nothing but the clock sets; a file of pytest that still is what its distribution
recorded (an installer made a hard link to it) is none. A changed standard library or pytest is tampering.
What Python runs at its start (`.pth`, sitecustomize) and plug-ins that were installed since are left out of
the run, so that an honest `pip install -e .` costs nothing. Newly compiled files are not used.
"""

import base64
import configparser
import csv
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.changes import manifest_of

_JUDGES = ("_pytest", "pytest", "pluggy", "iniconfig")
_STARTERS = ("*.pth", "sitecustomize.py", "usercustomize.py", "sitecustomize", "usercustomize")
_SITES = ("site-packages", "dist-packages")
_PASSED_OVER = frozenset(
    {*_SITES, "test", "tests", "idlelib", "lib2to3", "tkinter", "turtledemo", "ensurepip"}
)
"""Folders of the standard library that no test run needs, and those looked at by themselves."""


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed since a moment."""

    since_ns: int
    tampered: tuple[str, ...] = ()
    """Files of the interpreter, the standard library and pytest."""
    starters: tuple[str, ...] = ()
    """Files that Python runs at its start."""
    plugins: tuple[str, ...] = ()
    """Entry points of pytest plug-ins."""
    compiled: bool = False
    """Whether compiled files of any of it are new."""

    @property
    def any(self) -> bool:
        """Whether anything changed."""
        return bool(self.tampered or self.starters or self.plugins or self.compiled)


def drift(python: Path, snapshot: Path) -> Drift:
    """Return what of an interpreter and its packages changed since the snapshot was taken."""
    taken = manifest_of(snapshot) if manifest_of(snapshot).exists() else snapshot
    since = taken.stat().st_ctime_ns
    libraries = tuple(_libraries(python))
    sites = [site for library in libraries for site in _sites(library)]
    new = [str(path) for path in _programs(python) if _changed(path) > since]
    new += [path for folder in libraries for path in _newer(str(folder), since)]
    new += [path for site in sites for path in _not_as_recorded(site, since)]
    starters = [path for site in sites for name in _STARTERS for path in site.glob(name)]
    points = [path for site in sites for path in site.glob("*.dist-info/entry_points.txt")]
    return Drift(
        since,
        tampered=tuple(path for path in new if not path.endswith(".pyc")),
        starters=tuple(str(path) for path in starters if _changed(path) > since),
        plugins=tuple(name for path in points if _changed(path) > since for name in _plugins(path)),
        compiled=any(path.endswith(".pyc") for path in new),
    )


def _programs(python: Path) -> list[Path]:
    return [python, python.resolve()]


def _libraries(python: Path) -> Iterator[Path]:
    """Yield `lib/python3.X` of the interpreter, and of the one that its virtual environment stands on."""
    found = {}
    for prefix in (python.parent.parent, python.resolve().parent.parent):
        for library in (*prefix.glob("lib/python3*"), *prefix.glob("lib64/python3*")):
            found[library.resolve()] = library
    yield from found


def _sites(library: Path) -> list[Path]:
    return [library / name for name in _SITES if (library / name).is_dir()]


def _newer(folder: str, since: int) -> Iterator[str]:
    """Yield the files below a folder that changed after a moment; strings, for there are thousands."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in _PASSED_OVER and not entry.name.startswith("config-"):
                yield from _newer(entry.path, since)
        elif entry.stat(follow_symlinks=False).st_ctime_ns > since:
            yield entry.path


def _not_as_recorded(site: Path, since: int) -> Iterator[str]:
    """Yield the changed files of pytest whose content is not what a record from before says."""
    new = [path for name in _JUDGES for path in _newer(str(site / name), since)]
    records = [path for name in _JUDGES for path in site.glob(f"{name}-*.dist-info/RECORD")] if new else []
    known = dict(line for path in records if _changed(path) <= since for line in _recorded(path))
    for path in new:
        said = known.get(os.path.relpath(path, site))
        if path.endswith(".pyc") or not said or said != _digest(Path(path)):
            yield path


def _recorded(record: Path) -> Iterator[tuple[str, str]]:
    # packaging.python.org/en/latest/specifications/recording-installed-packages
    with record.open(encoding="utf-8", newline="") as file:
        yield from ((row[0], row[1]) for row in csv.reader(file) if len(row) > 1)


def _digest(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return ""
    digest = hashlib.sha256(path.read_bytes()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _changed(path: Path) -> int:
    try:
        return path.lstat().st_ctime_ns
    except OSError:
        return 0


def _plugins(path: Path) -> list[str]:
    parser = configparser.ConfigParser(delimiters=("=",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # names are case-sensitive
    try:
        parser.read(path, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return []
    return list(parser["pytest11"]) if parser.has_section("pytest11") else []
