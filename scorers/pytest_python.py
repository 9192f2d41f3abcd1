"""Finds the task's Python: never one that the agent could have put there unnoticed."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import ScorerUnavailable
from runner.process import Account, capture
from scorers.deciding import may_add


def find_python(options: Mapping[str, Any], env: Mapping[str, str], workspace: Path) -> Path:
    """Return the interpreter by absolute path.

    That is `[scorer] python` (a relative one is of the workspace), else that of the virtual environment
    VIRTUAL_ENV, else `python3` or `python` of the PATH. Launchers such as pyenv's, which obey files of the
    current folder, are resolved from `/`.
    """
    for candidate in _candidates(options, env, workspace):
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate if _is_binary(candidate) else _resolve(candidate, env)
        if options.get("python"):
            raise ScorerUnavailable(f"[scorer] python: {candidate} is no program", hint="correct the path")
    raise ScorerUnavailable(
        "no Python: neither VIRTUAL_ENV nor python3 on PATH",
        hint="install one, or name it in [scorer] python",
    )


def tried(python: Path, env: Mapping[str, str]) -> str:
    """Return the interpreter's path and its pytest's version, having imported it."""
    code, said = capture(
        [str(python), "-c", "import pytest; print('pytest', pytest.__version__)"],
        60.0,
        cwd=Path("/"),
        env=env,
    )
    if code:
        why = (said.strip().splitlines() or [f"it ended with {code}"])[-1]
        raise ScorerUnavailable(f"{python} has no pytest: {why}", hint=f"{python} -m pip install pytest")
    return f"{python} {said.strip()}"


def moved(python: Path, workspace: Path, tree: Path) -> Path:
    """Return the new tree's interpreter for that of a virtual environment in the workspace."""
    for path in (python, python.parent.resolve() / python.name):
        if path.is_relative_to(workspace):
            return tree / path.relative_to(workspace)
    return python


def _candidates(options: Mapping[str, Any], env: Mapping[str, str], workspace: Path) -> list[Path]:
    if named := options.get("python"):
        found = shutil.which(named, path=env.get("PATH", "")) if os.sep not in named else None
        return [Path(found) if found else workspace / named]
    activated = [Path(env["VIRTUAL_ENV"], "bin", "python")] if env.get("VIRTUAL_ENV") else []
    on_path = [shutil.which(name, path=env.get("PATH", "")) for name in ("python3", "python")]
    return [*activated, *(Path(path).absolute() for path in on_path if path)]


def _is_binary(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def _resolve(launcher: Path, env: Mapping[str, str]) -> Path:
    code, said = capture(
        [str(launcher), "-I", "-c", "import sys; print(sys.executable)"], cwd=Path("/"), env=env
    )
    path = Path(said.strip().splitlines()[-1]) if said.strip() else Path()
    if code or not path.is_file():
        raise ScorerUnavailable(
            f"{launcher} does not start: {said.strip()[:300]}", hint="name [scorer] python"
        )
    return path


def may_write(path: Path, account: Account | None) -> bool:
    """Say whether the agent's user could change a file, or put another in its place."""
    places = (path, path.parent)
    if account is None:
        return any(os.access(place, os.W_OK) for place in places)
    return any(may_add(account, place) for place in places)
