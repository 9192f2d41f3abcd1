"""Tools that run at the provider (web search, code execution, remote MCP): past any sandbox, so off."""

from collections.abc import Collection, Mapping
from typing import Any

_CLIENT_SIDE = (
    "function",
    "custom",
    "local_shell",
    "shell",
    "apply_patch",
    "computer",
    "bash",
    "text_editor",
    "memory",
    "namespace",
)
"""Types of tools that the client itself runs; a type may carry a version (`bash_20250124`)."""
_FIELDS = {
    "web_search_options": "web_search",
    "mcp_servers": "mcp",
    "plugins": "plugins",
    "container": "code_execution",
}
"""Request fields that switch such a tool on, and the tool's name."""


def strip_provider_tools(
    body: Mapping[str, Any], allowed: Collection[str]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the body without provider-side tools that are not allowed, and the names of those taken out.

    `allowed` names tools by their type's beginning: `web_search` allows `web_search_20250305`.
    """
    tools = body.get("tools") or ()
    kept = [tool for tool in tools if not _runs_at_provider(tool) or _is_allowed(_type(tool), allowed)]
    stripped = [_type(tool) for tool in tools if tool not in kept]
    fields = [name for name, tool in _FIELDS.items() if body.get(name) and not _is_allowed(tool, allowed)]
    if not stripped and not fields:
        return dict(body), ()
    left = {name: value for name, value in body.items() if name not in fields}
    if stripped:
        left["tools"] = kept
        _drop_choice(left, stripped)
    if not kept:
        left.pop("tools", None)
        left.pop("tool_choice", None)
    return left, (*stripped, *fields)


def _drop_choice(body: dict[str, Any], stripped: Collection[str]) -> None:
    """Drop a choice of, and further output of, a tool that is no longer there."""
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and {choice.get("type"), choice.get("name")} & set(stripped):
        del body["tool_choice"]
    if isinstance(body.get("include"), list):
        body["include"] = [
            name for name in body["include"] if not str(name).startswith(tuple(f"{t}_call" for t in stripped))
        ]


def _type(tool: Any) -> str:  # noqa: ANN401 - the client's JSON
    return str(tool.get("type") or "function") if isinstance(tool, dict) else "function"


def _runs_at_provider(tool: Any) -> bool:  # noqa: ANN401 - the client's JSON
    kind = _type(tool)
    return not any(kind == name or kind.startswith(f"{name}_") for name in _CLIENT_SIDE)


def _is_allowed(kind: str, allowed: Collection[str]) -> bool:
    return any(kind.startswith(name) for name in allowed)
