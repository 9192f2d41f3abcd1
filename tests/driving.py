"""Drives a real agent against the replay model, as a rollout would."""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.base import Agent, AgentRun, Assignment, Endpoint
from agents.claude_code import ClaudeCode
from agents.cli import CliAgent
from agents.codex import Codex
from agents.journal import Journal
from agents.opencode import OpenCode
from runner.deadline import Deadline
from runner.interceptor.replay import replay
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.script import Script

CLIS: dict[str, type[CliAgent]] = {"codex": Codex, "claude_code": ClaudeCode, "opencode": OpenCode}
TOKEN = "token-of-this-rollout"
TRANSCRIPTS = Path(__file__).parent / "transcripts"


@dataclass(frozen=True)
class Driven:
    """A run, what it was given and what it asked the model."""

    run: AgentRun
    assignment: Assignment
    requests: tuple[Received, ...]

    @property
    def calls(self) -> list[Received]:
        """The model calls, without probes."""
        return [request for request in self.requests if request.dialect and request.body]

    @property
    def asked(self) -> str:
        """All that the first model call said, as text."""
        return str(self.calls[0].body)


def assign(root: Path, base_url: str | None = None, **changes: Any) -> Assignment:
    """Return an assignment in folders under `root`, whose model calls go to `base_url`."""
    for name in ("home", "logs", "workspace"):
        (root / name).mkdir(exist_ok=True, parents=True)
    prefix = f"{base_url}/api/interceptor/v1/trial_1/trace_abc"
    given: dict[str, Any] = {
        "prompt": "Do what the task says.",
        "system_prompt": "",
        "workspace": root / "workspace",
        "home": root / "home",
        "logs": root / "logs",
        "model": "some-model",
        "endpoint": Endpoint(f"{prefix}/v1", prefix, TOKEN) if base_url else None,
        "deadline": Deadline.after(60),
        "stall_s": 60.0,
        "env": {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
    }
    return Assignment(**given | changes)


def drive(agent: Agent, root: Path, turns: Sequence[Mapping[str, Any]], **changes: Any) -> Driven:
    """Let an agent work while the replay model plays `turns`."""
    with replay(Script.of(turns)) as model:
        assignment = assign(root, model.base_url, **changes)
        run = agent.run(assignment)
        return Driven(run, assignment, tuple(model.requests))


def git(workspace: Path) -> Path:
    """Make a git repository of a folder."""
    subprocess.run([shutil.which("git") or "git", "init", "--quiet", str(workspace)], check=True)
    return workspace


def write(folder: Path, files: Mapping[str, str]) -> Path:
    """Write text files, by path in a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def transcript(agent: str, case: str) -> list[dict[str, Any]]:
    """Return the events that a real CLI printed."""
    lines = (TRANSCRIPTS / agent / f"{case}.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def understood(agent: str, events: Sequence[dict[str, Any]]) -> Journal:
    """Return what an adapter makes of events."""
    journal = Journal()
    CLIS[agent]().understand(events, journal)
    return journal
