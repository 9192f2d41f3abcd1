"""Runs the task's own solution: what the tests say of work that is known to be right."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agents.base import Agent, AgentRun, Assignment
from agents.program import run_program
from runner.errors import SandboxFailed, TaskInvalid

HARBOR = Path("/solution")
"""Where scripts of the Harbor format look for the folder they came in."""


class Oracle(Agent):
    """Runs `solution/solve.sh` in the workspace."""

    name = "oracle"

    def run(self, assignment: Assignment) -> AgentRun:
        """Run the script to its end, its exit code deciding."""
        folder = assignment.solution
        if folder is None or not (folder / "solve.sh").is_file():
            raise TaskInvalid(
                f"there is no {(folder or Path('solution')) / 'solve.sh'} for the oracle to run"
            )
        # A copy: the task's own folder is out of the reach of the user the agent runs as.
        solution = shutil.copytree(folder, assignment.home / "solution", symlinks=True)
        with _linked(HARBOR, solution):
            return run_program(assignment, ["/bin/bash", str(solution / "solve.sh")], {})


@contextmanager
def _linked(link: Path, solution: Path) -> Iterator[None]:
    """Put a link to the solution at its usual place, if the script speaks of it."""
    if not any(str(link).encode() in path.read_bytes() for path in solution.rglob("*") if path.is_file()):
        yield
        return
    try:
        if link.is_symlink() and not link.exists():  # left by a runner that was killed
            link.unlink()
        link.symlink_to(solution)
    except OSError as error:
        message = f"cannot put the solution at {link}: {error.strerror}"
        raise SandboxFailed(message, phase="agent_start", hint="its script speaks of that place") from error
    try:
        yield
    finally:
        link.unlink(missing_ok=True)
