"""Starts an agent's program in the workspace, with a home and an environment of its own."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agents.base import Assignment
from runner import process
from runner.account import give
from runner.errors import AgentUnavailable

PROMPT = "prompt.md"
"""The file in the home that holds the prompt, for those who do not read stdin."""
SYSTEM = "system.md"
"""The file in the home that holds the addition to the system prompt, empty where there is none."""
_STEERING = re.compile(
    r"(ANTHROPIC|CLAUDE|CODEX|OPENAI|OPENCODE|XDG)_.*|CLAUDECODE|BUN_(BE_BUN|OPTIONS)|RUST_LOG"
    r"|API_TIMEOUT_MS|MAX_THINKING_TOKENS|IS_SANDBOX"
    r"|DISABLE_(AUTO|COMPACT|ERROR_REPORTING|GROWTHBOOK|INTERLEAVED|PROMPT_CACHING|TELEMETRY|UPDATES).*",
)
"""Variables that steer the CLIs themselves; the task's tools do without them."""


def environment(assignment: Assignment, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the user's environment without what steers a CLI, then a private home, then `variables`."""
    user = {name: value for name, value in assignment.env.items() if not _STEERING.fullmatch(name)}
    own = {"PATH": user.get("PATH") or os.defpath, "HOME": str(assignment.home)}
    own["TMPDIR"] = str(assignment.home / "tmp")
    own["PWD"] = str(assignment.workspace)  # OpenCode works there, wherever its current directory is
    # A proxy that the user needs for packages must not see the calls to loopback.
    own["NO_PROXY"] = own["no_proxy"] = ",".join(filter(None, [user.get("NO_PROXY"), "127.0.0.1,localhost"]))
    if account := assignment.account:
        own |= {"USER": account.name, "LOGNAME": account.name}
    elif (toolchains := Path(user.get("HOME", "/"), ".rustup")).is_dir():
        # rustup's cargo looks for its toolchains in HOME, which is not the user's any more.
        own.setdefault("RUSTUP_HOME", user.get("RUSTUP_HOME", str(toolchains)))
    return user | own | dict(variables)


def start(
    assignment: Assignment,
    argv: Sequence[str],
    env: Mapping[str, str],
    stdout: Path,
    on_tick: Callable[[], None] = lambda: None,
) -> process.Exit:
    """Run a program to its end, the prompt on its stdin, its error output in `stderr_of(assignment)`."""
    (assignment.home / "tmp").mkdir(exist_ok=True)
    furnish(assignment, {PROMPT: assignment.prompt, SYSTEM: assignment.system_prompt})
    if assignment.account:
        give(assignment.home, assignment.account)
    command = process.Command(
        argv=argv,
        cwd=assignment.workspace,
        env=env,
        stdin=assignment.home / PROMPT,
        stdout=stdout,
        stderr=stderr_of(assignment),
        account=assignment.account,
    )
    try:
        return process.run(command, assignment.deadline, _watch(assignment, on_tick))
    except OSError as error:
        hint = "install it in this image, executable for the agent's user"
        raise AgentUnavailable(f"{argv[0]} does not start: {error.strerror}", hint=hint) from error


def _watch(assignment: Assignment, on_tick: Callable[[], None]) -> process.Watch:
    return process.Watch(
        stall_s=assignment.stall_s,
        last_sign=assignment.last_call,
        should_stop=lambda: assignment.should_stop() is not None,
        on_tick=on_tick,
    )


def furnish(assignment: Assignment, texts: Mapping[str, str]) -> None:
    """Write text files into the home, by path in it."""
    for name, text in texts.items():
        path = assignment.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")


def stderr_of(assignment: Assignment) -> Path:
    """Return the file that holds the agent's error output."""
    return assignment.logs / "stderr.txt"
