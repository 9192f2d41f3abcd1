"""Runs the pre-flight script of an override in the workspace."""

import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.account import give
from runner.deadline import Deadline
from runner.output import head_tail
from runner.process import Account, Command, run

SECONDS = 60.0
_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class Preflight:
    """Where and how a script runs."""

    workspace: Path
    env: Mapping[str, str]
    """The whole environment."""
    deadline: Deadline
    output: Path
    """Both streams go to this file."""
    account: Account | None = None
    """Scripts are often written by a model: where there is the agent's user, they run as it."""


def failure_of(script: str, preflight: Preflight) -> str:
    """Run a script by its `#!` line, else by sh; return why it failed, empty if it did not.

    Raises `TimeoutError` where it was still running after 60 s, or at the deadline.
    """
    account = preflight.account
    env = dict(preflight.env)
    if account:
        give(preflight.workspace, account)
        env |= {"HOME": str(account.home), "USER": account.name}
    with tempfile.TemporaryDirectory(prefix="preflight-") as folder:
        Path(folder).chmod(0o711)
        path = Path(folder, "script")
        path.write_text(script, encoding="utf-8")
        path.chmod(0o644)
        argv = [*_interpreter(script), str(path)]
        output = preflight.output
        command = Command(argv, preflight.workspace, env, output, output, account=account)
        end = run(command, preflight.deadline.at_most(SECONDS))
    if end.ending == "deadline":
        raise TimeoutError(f"still running after {end.duration_s:.0f} s")
    said = head_tail(output, _SHOWN).strip()
    return f"ended with exit code {end.code}: {said or 'it said nothing'}" if end.code else ""


def _interpreter(script: str) -> list[str]:
    """Return what runs a script; a folder that forbids execution does not matter then."""
    first = script.partition("\n")[0]
    return shlex.split(first[2:]) if first.startswith("#!") and first[2:].strip() else ["/bin/sh"]
