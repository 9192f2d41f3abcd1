"""The shared base of the command-line agents: an adapter states data, this runs it.

An adapter says how its CLI is called, which variables and files it wants, and what its events mean;
`agents/codex.py` shows all there is to one.
"""

import shutil
import sys
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from agents.base import Agent, AgentRun, Assignment, Endpoint
from agents.ending import report
from agents.events import Event, Stream
from agents.journal import Journal
from agents.repository import guidance, link_skills
from agents.start import environment, furnish, start
from agents.version import tried, version_of
from runner.errors import AgentUnavailable, RequestInvalid

TICK = 32 * 1024**2
"""Bytes of output read at most between two looks at the deadline."""


class CliAgent(Agent):
    """An agent that is a command line and prints its events as JSON lines."""

    program: ClassVar[str]
    """The executable's name."""
    memory: ClassVar[str | None] = None
    """The file in the home that gets the workspace's instructions; null where the CLI reads them itself."""
    home_skills: ClassVar[str | None] = None
    """The folder in the home that gets the workspace's skills; null where the CLI reads them itself."""

    @classmethod
    def tool(cls) -> str:
        """Start the CLI for its version."""
        return tried(find(cls.program))

    @abstractmethod
    def argv(self, assignment: Assignment) -> Sequence[str]:
        """Return the arguments; the prompt comes by stdin."""

    @abstractmethod
    def variables(self, assignment: Assignment, endpoint: Endpoint) -> Mapping[str, str]:
        """Return the variables that the CLI needs."""

    def files(self, assignment: Assignment, endpoint: Endpoint) -> Mapping[str, str]:
        """Return the text files that the CLI needs, by path in its home."""
        del assignment, endpoint
        return {}

    @abstractmethod
    def read(self, event: Event, journal: Journal) -> None:
        """Write down what an event means; raise nothing but what an odd shape raises."""

    def run(self, assignment: Assignment) -> AgentRun:
        """Run the CLI in the workspace until it ends or must end."""
        program = find(self.program)
        if assignment.endpoint is None:
            raise RequestInvalid(f"inference_url is missing: {self.name} needs a model")
        self._furnish(assignment, assignment.endpoint)
        env = environment(assignment, self.variables(assignment, assignment.endpoint))
        events = assignment.logs / "events.jsonl"
        journal, stream = Journal(assignment.on_step), Stream(events)
        watched = replace(assignment, should_stop=lambda: journal.hopeless or assignment.should_stop())
        argv = [str(program), *self.argv(assignment)]
        end = start(watched, argv, env, events, lambda: self.understand(stream.new(most=TICK), journal))
        self.understand(stream.last(), journal)
        journal.version = journal.version or version_of(program, assignment, env)
        return report(watched, journal, end)

    def _furnish(self, assignment: Assignment, endpoint: Endpoint) -> None:
        furnish(assignment, self.files(assignment, endpoint))
        if self.memory:
            furnish(assignment, {self.memory: guidance(assignment.workspace)})
        if self.home_skills:
            link_skills(assignment.workspace, assignment.home / self.home_skills)

    def understand(self, events: Iterable[Event], journal: Journal) -> None:
        """Write down what all of these events mean."""
        for event in events:
            if journal.hopeless:
                return
            journal.events += 1
            # Another version of the CLI may shape an event otherwise; the rest of the run still counts.
            with suppress(KeyError, TypeError, AttributeError, ValueError, IndexError):
                self.read(event, journal)


def locate(program: str) -> Path | None:
    """Return a program of this installation, else the one on PATH."""
    own = Path(sys.prefix, "clis", program)
    found = own if own.exists() else shutil.which(program)
    return Path(found) if found else None


def find(program: str) -> Path:
    """Return a CLI; raise `AgentUnavailable`, naming both places, where there is none."""
    if (found := locate(program)) is None:
        own = Path(sys.prefix, "clis", program)
        hint = f"link it to {own} or put it on PATH"
        raise AgentUnavailable(f"there is no {program} at {own} or on PATH", hint=hint)
    return found
