"""A model request as it arrived, read the same way whatever its dialect."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

from agents.base import Dialect
from runner.interceptor.replay.wire.base import ToolKind


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool that a request offers."""

    name: str
    kind: ToolKind
    schema: Mapping[str, Any]
    """JSON Schema of its arguments; empty where it has none."""


@dataclass(frozen=True)
class Received:
    """One request."""

    method: str
    path: str
    """Path and query."""
    headers: Mapping[str, str]
    """Header names in lower case."""
    body: Mapping[str, Any]
    """The JSON object; empty for requests without one."""
    size: int
    """Bytes of the body."""
    dialect: Dialect | None = None
    """Null for requests that ask for no answer of the model's (models, count_tokens, probes)."""

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model") or "replay")

    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed."""
        return self.body.get("stream") is True

    @cached_property
    def tools(self) -> Mapping[str, Tool]:
        """The tools offered, by name."""
        found = (_tool(entry, self.dialect) for entry in _mappings(self.body.get("tools")))
        return {tool.name: tool for tool in found}

    @cached_property
    def newest(self) -> str:
        """The text of everything since the assistant's last word: user messages and tool results."""
        items = self._items
        tail = list(takewhile(lambda item: not _by_assistant(item), reversed(items)))
        return "\n".join(text_of(item) for item in reversed(tail))

    @cached_property
    def system(self) -> str:
        """The system prompt, wherever the dialect keeps it."""
        own = [item for item in self._items if item.get("role") in ("system", "developer")]
        return text_of([self.body.get("instructions"), self.body.get("system"), *own])

    @property
    def call_ids(self) -> Iterator[str]:
        """The ids of all tool calls whose results are in the conversation."""
        for item in self._items:
            yield from _result_ids(item)

    @property
    def _items(self) -> list[Mapping[str, Any]]:
        items = self.body.get("input", self.body.get("messages"))
        if isinstance(items, str):
            return [{"role": "user", "content": items}]
        return _mappings(items)


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def text_of(value: object) -> str:
    """Return the text in a message, its parts, or a tool's result, in any dialect."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(filter(None, map(text_of, value)))
    if isinstance(value, Mapping):
        return text_of(next((value[key] for key in ("text", "content", "output") if value.get(key)), None))
    return ""


def _by_assistant(item: Mapping[str, Any]) -> bool:
    kind = str(item.get("type", ""))
    return item.get("role") == "assistant" or kind == "reasoning" or kind.endswith("_call")


def _result_ids(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the call that a tool result names: each dialect has its own key for it."""
    if str(item.get("type", "")).endswith("_output"):
        yield str(item.get("call_id"))
    if item.get("role") == "tool":
        yield str(item.get("tool_call_id"))
    for part in _mappings(item.get("content")):
        if part.get("type") == "tool_result":
            yield str(part.get("tool_use_id"))


def _tool(entry: Mapping[str, Any], dialect: Dialect | None) -> Tool:
    function = entry.get("function")
    inner = function if isinstance(function, Mapping) else entry
    schema = inner.get("parameters") or inner.get("input_schema") or {}
    kind: ToolKind = "function"
    if dialect == "responses" and entry.get("type") in ("custom", "local_shell"):
        kind = entry["type"]
    name = inner.get("name") or entry.get("type") or ""
    return Tool(str(name), kind, schema if isinstance(schema, Mapping) else {})
