"""Prints every interpreter from 3.11 on that works here, one of each version: on PATH, then pyenv's."""

import os
import re
import subprocess
from pathlib import Path

FLOOR = (3, 11)
_NAME = re.compile(r"python3\.\d+")
_VERSION = "import sys; print(*sys.version_info[:2])"


def interpreters(floor: tuple[int, int] = FLOOR) -> dict[tuple[int, int], Path]:
    """Return a working interpreter for each version found."""
    root = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser()
    folders = [*map(Path, os.environ["PATH"].split(os.pathsep)), *root.glob("versions/*/bin")]
    found: dict[tuple[int, int], Path] = {}
    for program in (path for folder in folders for path in sorted(folder.glob("python3.*"))):
        if _NAME.fullmatch(program.name) and (version := _version(program)) and version >= floor:
            found.setdefault(version, program)
    return dict(sorted(found.items()))


def _version(program: Path) -> tuple[int, int] | None:
    """Return major and minor; a pyenv shim of a version that is not chosen exists but does not run."""
    ran = subprocess.run([program, "-I", "-c", _VERSION], capture_output=True, text=True, check=False)
    major, _, minor = ran.stdout.partition(" ")
    return (int(major), int(minor)) if ran.returncode == 0 else None


if __name__ == "__main__":
    print(*interpreters().values(), sep="\n")  # noqa: T201 - its purpose
