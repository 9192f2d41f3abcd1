"""Sets up what a scorer is given: a tiny project, what an agent made of it, the pristine snapshot."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runner.deadline import Deadline
from runner.workspace import baseline
from scorers.base import Submission

PROJECTS = Path(__file__).with_name("projects")
ENV = {"PATH": os.environ["PATH"], "VIRTUAL_ENV": sys.prefix}
"""The user's environment: the tests' Python is the one that runs us, which has pytest and plug-ins."""


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files, by path and content, into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return folder


def submit(
    folder: Path,
    project: Path | Mapping[str, str],
    work: Callable[[Path], object] = lambda _workspace: None,
    *,
    seconds: float = 60,
    **fields: Any,  # fields of a Submission
) -> Submission:
    """Return the submission of an agent that did `work` on a copy of the project."""
    workspace = folder / "home" / "workspace"
    if isinstance(project, Path):
        shutil.copytree(project, workspace, symlinks=True)
    else:
        write(workspace, project)
    before = baseline(workspace, folder / "state")
    work(workspace)
    for name in ("scratch", "reports"):
        (folder / name).mkdir()
    given: dict[str, Any] = {
        "workspace": workspace,
        "snapshot": before.snapshot,
        "changed": (),
        "diff": "",
        "instruction": "",
        "tests": None,
        "scratch": folder / "scratch",
        "reports": folder / "reports",
        "deadline": Deadline.after(seconds),
        "env": ENV,
    }
    return Submission(**{**given, **fields})
