"""Submissions as the rollout makes them: a project, a pristine copy of it, and what an agent did."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.deadline import Deadline
from scorers.base import Submission

PROJECTS = Path(__file__).parent / "projects"


def submission(place: Path, project: str | None = None, **changes: Any) -> Submission:
    """Return a submission of a project (else of an empty folder) in which the agent did nothing yet."""
    workspace, snapshot = place / "app", place / "state" / "snapshot"
    for folder in (workspace, snapshot):
        if project:
            shutil.copytree(PROJECTS / project, folder)
        else:
            folder.mkdir(parents=True)
    for name in ("scratch", "reports"):
        (place / name).mkdir()
    made = Submission(
        workspace=workspace,
        snapshot=snapshot,
        changed=(),
        diff="",
        instruction="Mend it.",
        tests=None,
        scratch=place / "scratch",
        reports=place / "reports",
        deadline=Deadline.after(60),
        env={"PATH": os.environ["PATH"], "HOME": str(place)},
    )
    return replace(made, **changes)


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files below a folder and return it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
