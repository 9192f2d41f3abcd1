"""The exact version of a CLI. A patch release has moved a benchmark by 0.155, so it is never guessed."""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agents.base import Assignment
from runner import process
from runner.errors import AgentUnavailable, Failure

_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-(?!linux|darwin)[\w.]+)?")
_LIMIT_S = 10.0
_FIRST_START_S = 60.0
"""A binary of 300 MB, read for the first time from a slow disk."""


def version_of(program: Path, assignment: Assignment, env: Mapping[str, str]) -> str | None:
    """Return what the package around a binary says, else what it says itself (0.1 to 1.3 s)."""
    return _packaged(program.resolve()) or _asked(program, assignment, env)


def tried(program: Path) -> str:
    """Start a CLI and return its path and version; raise `AgentUnavailable` where it does not start."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "HOME": home, "TMPDIR": home}
        try:
            code, said = process.capture([str(program), "--version"], _FIRST_START_S, env=env)
        except (OSError, Failure) as error:
            raise AgentUnavailable(f"{program} does not start: {error}") from error
    found = _VERSION.search(said)
    if code or not found:
        raise AgentUnavailable(f"{program} --version ended with {code}: {said.strip()[:300]}")
    return f"{program} {found[0]}"


def _packaged(binary: Path) -> str | None:
    """Read the nearest package.json above the binary, if it is this program's own."""
    for folder in binary.parents[:5]:
        try:
            package = json.loads((folder / "package.json").read_bytes())
            name, version = str(package["name"]), str(package["version"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        found = _VERSION.match(version)
        return found[0] if found and binary.name in name else None
    return None


def _asked(program: Path, assignment: Assignment, env: Mapping[str, str]) -> str | None:
    argv = [str(program), "--version"]
    _, said = process.capture(argv, _LIMIT_S, cwd=assignment.home, env=env)
    found = _VERSION.search(said)
    return found[0] if found else None
