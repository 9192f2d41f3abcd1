"""Starts an agent's program in the workspace, with a home and an environment of its own."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agents.base import Assignment
from runner import process

_STEERING = re.compile(
    r"(ANTHROPIC|CLAUDE|CODEX|OPENAI|OPENCODE|XDG|MCP|DISABLE|npm_config)_.*"
    r"|CLAUDECODE|API_TIMEOUT_MS|MAX_THINKING_TOKENS|BUN_(BE_BUN|OPTIONS)|RUST_LOG|BASH_ENV|ENV",
)
"""Variables that steer the CLIs themselves; the task's tools do without them."""


def environment(assignment: Assignment, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the user's environment without what steers a CLI, then a private home, then `variables`."""
    user = {name: value for name, value in assignment.env.items() if not _STEERING.fullmatch(name)}
    own = {"PATH": user.get("PATH") or os.defpath, "HOME": str(assignment.home)}
    own["TMPDIR"] = str(assignment.home / "tmp")
    # A proxy that the user needs for packages must not see the calls to loopback.
    own["NO_PROXY"] = own["no_proxy"] = ",".join(filter(None, [user.get("NO_PROXY"), "127.0.0.1,localhost"]))
    if account := assignment.account:
        own |= {"USER": account.name, "LOGNAME": account.name}
    elif (toolchains := Path(user.get("HOME", "/"), ".rustup")).is_dir():
        # rustup's cargo looks for its toolchains in HOME, which is not the user's any more.
        own.setdefault("RUSTUP_HOME", user.get("RUSTUP_HOME", str(toolchains)))
    return user | own | dict(variables)


def launch(
    assignment: Assignment,
    argv: Sequence[str],
    env: Mapping[str, str],
    on_tick: Callable[[], None] = lambda: None,
) -> process.Exit:
    """Run a program to its end, the prompt on its stdin; its output goes to `stdout_of` and `stderr_of`."""
    (assignment.home / "tmp").mkdir(exist_ok=True)
    prompt_of(assignment).write_text(assignment.prompt, encoding="utf-8")
    give_home(assignment)
    command = process.Command(
        argv=argv,
        cwd=assignment.workspace,
        env=env,
        stdin=prompt_of(assignment),
        stdout=stdout_of(assignment),
        stderr=stderr_of(assignment),
        account=assignment.account,
    )
    watch = process.Watch(
        stall_s=assignment.stall_s,
        last_sign=assignment.last_call,
        should_stop=lambda: assignment.should_stop() is not None,
        on_tick=on_tick,
    )
    return process.run(command, assignment.deadline, watch)


def give_home(assignment: Assignment) -> None:
    """Make the home and all in it belong to the user the agent runs as."""
    if account := assignment.account:
        for path in (assignment.home, *assignment.home.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)


def prompt_of(assignment: Assignment) -> Path:
    """Return the file that holds the prompt."""
    return assignment.home / "prompt.md"


def stdout_of(assignment: Assignment) -> Path:
    """Return the file that holds the agent's output."""
    return assignment.logs / "agent.jsonl"


def stderr_of(assignment: Assignment) -> Path:
    """Return the file that holds the agent's error output."""
    return assignment.logs / "agent.stderr.txt"
