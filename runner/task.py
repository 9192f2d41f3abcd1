"""Task folders in the Harbor task format; the seed or an id picks one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Task:
    """What the agent is asked and how it is judged."""

    id: str
    instruction: str
    """`instruction.md`; empty without a task folder."""
    workspace: Path
    """`[workspace] path`, else `[environment] workdir`, else the current directory."""
    folder: Path | None = None
    """The task folder; null where the workspace alone is the task."""
    tests: Path | None = None
    solution: Path | None = None
    scorer: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(default_factory=dict)
    """The `[scorer]` table, or several; empty where the task names none."""
    protected: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    agent_s: float | None = None
    """`[agent] timeout_sec`."""
    verifier_s: float | None = None
    """`[verifier] timeout_sec`."""
    env: Mapping[str, str] = field(default_factory=dict)
    """`[environment] env`: of the agent and the tests."""
    verifier_env: Mapping[str, str] = field(default_factory=dict)
    solution_env: Mapping[str, str] = field(default_factory=dict)
    placeholders: Mapping[str, str] = field(default_factory=dict)
    """Every scalar of the task, for `{name}` in prompts."""
    wrapped: bool = False
    """The seed was beyond the number of tasks and wrapped."""
