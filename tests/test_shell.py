"""Finding the shell tool in what a request offers, and calling it as its schema wants."""

import json
from typing import Any

import pytest

from agents.base import Dialect
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.shell import arguments, shell_tool


def call(dialect: Dialect, *tools: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    request = Received("POST", "/", {}, {"tools": list(tools)}, 0, dialect)
    tool = shell_tool(request.tools.values())
    return None if tool is None else (tool.name, json.loads(arguments(tool, "ls")))


def properties(**kinds: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in kinds.items()}}


CODEX = {"type": "function", "name": "exec_command", "parameters": properties(cmd="string", workdir="string")}
STDIN = {"type": "function", "name": "write_stdin", "parameters": properties(chars="string")}
CLAUDE = {"name": "Bash", "input_schema": properties(command="string", description="string")}
OPENCODE = {"type": "function", "function": {"name": "bash", "parameters": properties(command="string")}}
OLD = {"type": "function", "name": "shell", "parameters": properties(command="array")}
KILL = {"name": "KillShell", "input_schema": properties(shell_id="string")}


@pytest.mark.parametrize(
    ("dialect", "tools", "called"),
    [
        ("responses", (STDIN, CODEX), ("exec_command", {"cmd": "ls"})),
        ("messages", (KILL, CLAUDE), ("Bash", {"command": "ls", "description": "Replayed command"})),
        ("chat", (OPENCODE,), ("bash", {"command": "ls"})),
        ("responses", (OLD,), ("shell", {"command": ["bash", "-lc", "ls"]})),
        ("responses", ({"type": "local_shell"},), ("local_shell", {"command": ["bash", "-lc", "ls"]})),
        ("messages", ({"type": "bash_20250124", "name": "bash"},), ("bash", {"command": "ls"})),
        ("messages", (KILL,), None),
        ("chat", (), None),
        ("responses", ({"type": "function", "name": "bash", "parameters": properties(x="string")},), None),
    ],
)
def test_the_shell_tool_is_found_and_called_as_its_schema_wants(
    dialect: Dialect, tools: tuple[dict[str, Any], ...], called: object
) -> None:
    assert call(dialect, *tools) == called
