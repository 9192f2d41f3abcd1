"""What a call goes on from, and what it is for."""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import to_json

from runner.interceptor.call import Call
from runner.interceptor.records import Kind

_COMPACTION = ("CONTEXT CHECKPOINT COMPACTION", "create a detailed summary of the conversation")
"""How Codex and Claude Code ask for a summary to go on from."""
_RETRIES = 64
"""How many bodies are remembered to recognise a client's retry."""


class Lineage:
    """Remembers conversations by the hashes of their prefixes: one number a message, not the message."""

    def __init__(self) -> None:
        self._prefixes: dict[int, tuple[str, int]] = {}
        self._lengths: dict[str, int] = {}
        self._bodies: OrderedDict[int, str] = OrderedDict()
        self._tools_seen = False

    def place(self, call: Call) -> None:
        """Fill in a call's parent, kind and what it repeats."""
        chain = list(_chain(call.body))
        known = next((self._prefixes[link] for link in reversed(chain) if link in self._prefixes), None)
        call.parent = known[0] if known else None
        call.retry_of = self._repeated(call)
        call.kind = self._kind(call, known)
        if call.kind == "count_tokens":
            return  # no turn of a conversation: nothing goes on from it
        for length, link in enumerate(chain, 1):
            self._prefixes[link] = (call.id, length)
        self._lengths[call.id] = len(chain)
        self._tools_seen = self._tools_seen or bool(call.body.get("tools"))

    def _repeated(self, call: Call) -> str | None:
        body = hash(call.raw)
        said = call.headers.get("x-stainless-retry-count", "0") not in {"", "0"}
        before = self._bodies.get(body) if said else None
        self._bodies[body] = call.id
        if len(self._bodies) > _RETRIES:
            self._bodies.popitem(last=False)
        return before

    def _kind(self, call: Call, known: tuple[str, int] | None) -> Kind:
        if call.endpoint.endswith("/count_tokens"):
            return "count_tokens"
        if call.endpoint.endswith("/compact") or _asks_for_summary(call.body):
            return "compaction"
        if not call.body.get("tools") and (self._tools_seen or _wants_title(call.body)):
            return "title"
        goes_on = known is None and not self._tools_seen
        if known is not None:
            goes_on = known[1] == self._lengths[known[0]] or call.retry_of is not None
        return "main" if goes_on else "sub_agent"


def _items(body: Mapping[str, Any]) -> list[Any]:
    items = body.get("input", body.get("messages"))
    return items if isinstance(items, list) else [items] if items else []


def _chain(body: Mapping[str, Any]) -> Iterator[int]:
    """Yield a hash for each prefix of the conversation; cache marks, which move, are left out."""
    link = 0
    for item in _items(body):
        link = hash((link, to_json(_unmarked(item), serialize_unknown=True)))
        yield link


def _unmarked(item: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a message without cache marks; Claude Code sends a text with a mark as a block, else plain."""
    if not isinstance(item, dict) or not isinstance(item.get("content"), str | list):
        return item
    blocks = item["content"]
    if isinstance(blocks, str):
        return {**item, "content": [{"type": "text", "text": blocks}]}
    content = [
        {key: value for key, value in block.items() if key != "cache_control"}
        if isinstance(block, dict)
        else block
        for block in blocks
    ]
    return {**item, "content": content}


def _asks_for_summary(body: Mapping[str, Any]) -> bool:
    items = _items(body)
    newest = _text(items[-1]) if items else ""
    return any(words in newest for words in _COMPACTION)


def _wants_title(body: Mapping[str, Any]) -> bool:
    opening = (body.get("system"), body.get("instructions"), *_items(body)[:1])
    return any("title" in _text(part)[:4000].lower() for part in opening)


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    """Return the text of a message or of its parts."""
    if isinstance(value, dict):
        return _text(value.get("content") or value.get("text"))
    if isinstance(value, list):
        return "\n".join(map(_text, value))
    return value if isinstance(value, str) else ""
