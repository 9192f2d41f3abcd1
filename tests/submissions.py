"""Submissions in which the agent did nothing yet."""

from pathlib import Path
from typing import Any

from scorers.base import Submission
from tests.judging import PROJECTS, submit, write

__all__ = ["submission", "write"]


def submission(place: Path, project: str | None = None, **fields: Any) -> Submission:
    """Return a submission of a project, else of a folder with next to nothing."""
    return submit(place, PROJECTS / project if project else {"README": ""}, **fields)
