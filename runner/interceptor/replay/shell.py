"""Turns `shell: COMMAND` into a call of whatever shell tool a request offers."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from runner.interceptor.replay.received import Tool

NAMES = (
    "exec_command",
    "bash",
    "local_shell",
    "shell",
    "shell_command",
    "run_shell_command",
    "execute_command",
    "run_command",
    "terminal",
)
"""Shell tools in the field, compared in lower case: Codex, Claude Code and OpenCode first."""


def shell_tool(tools: Iterable[Tool]) -> Tool | None:
    """Return the tool that runs a shell command, by its name and by an argument that takes the command."""
    known = {tool.name.lower(): tool for tool in tools if tool.kind == "local_shell" or _key(tool)}
    return next((known[name] for name in NAMES if name in known), None)


def arguments(tool: Tool, command: str) -> str:
    """Return the arguments that run `command`, as the tool's schema wants them."""
    if tool.kind == "local_shell":
        return json.dumps({"command": ["bash", "-lc", command]}, ensure_ascii=False)
    key, properties = _key(tool), _properties(tool)
    as_list = key in properties and properties[key].get("type") == "array"
    given: dict[str, Any] = {key: ["bash", "-lc", command] if as_list else command}
    if "description" in properties:
        given["description"] = "Replayed command"
    return json.dumps(given, ensure_ascii=False)


def _key(tool: Tool) -> str:
    """Return the name of the argument that takes the command, empty where there is none."""
    if not tool.schema:
        return "command"
    return next((key for key in ("cmd", "command", "script") if key in _properties(tool)), "")


def _properties(tool: Tool) -> Mapping[str, Any]:
    properties = tool.schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}
