"""Translates requests between dialects: martian-linguafranca, and what it loses mended.

Version 0.3.15 was tried on the requests of the three CLIs. Mended here: freeform tools (lost towards
Messages; `custom` towards chat, which vLLM does not know) travel as functions of one `input` string;
`instructions` (lost towards Messages) travel as the first developer message; assistant messages that it
splits are joined again for chat, where templates want one a turn; chat's `reasoning` becomes
`reasoning_effort`. Replies are not its work here: its streams interleave parallel tool calls wrongly towards
Messages and drop arguments that come with the first chunk, and whole replies with tools say `end_turn`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agents.base import Dialect

_FORMATS: Mapping[Dialect, str] = {
    "responses": "open_responses",
    "chat": "openai_chat_completions",
    "messages": "anthropic_messages",
}
_INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The schema under which a freeform tool travels."""


class Untranslatable(Exception):  # noqa: N818 - a refusal of the client's request
    """The request does not fit its own dialect, so that it cannot be put into another."""


def translate_request(
    body: Mapping[str, Any], client: Dialect, upstream: Dialect
) -> tuple[dict[str, Any], tuple[str, ...], frozenset[str]]:
    """Return the request in the upstream's dialect, what was lost, and the names of its freeform tools.

    Raises `Untranslatable` with the translator's own words.
    """
    import linguafranca  # noqa: PLC0415 - 25 ms, and only where dialects differ

    body, freeform, losses = _mended_before(body, client, upstream)
    try:
        result = linguafranca.convert_request_json(
            body,
            source_format=linguafranca.FormatName(_FORMATS[client]),
            target_format=linguafranca.FormatName(_FORMATS[upstream]),
        )
    except (linguafranca.ConversionError, ValueError, TypeError) as error:
        raise Untranslatable(str(error)) from error
    losses += _worth_saying(result.warnings)
    return _mended_after(result.value, body, upstream), tuple(losses), freeform


def _worth_saying(warnings: Iterable[Any]) -> list[str]:
    """Say each kind of loss once, and nothing of what means nothing in another dialect."""
    told = (
        f"{re.sub(r'[0-9]+', '', warning.field)}: {warning.action}, {warning.message}"
        for warning in warnings
        if not warning.field.endswith((".id", ".status", "stream_options.include_usage"))
    )
    return list(dict.fromkeys(told))


def _mended_before(
    body: Mapping[str, Any], client: Dialect, upstream: Dialect
) -> tuple[dict[str, Any], frozenset[str], list[str]]:
    if client != "responses":
        return dict(body), frozenset(), []
    tools = body.get("tools") or ()
    freeform = frozenset(tool["name"] for tool in tools if tool.get("type") == "custom")
    mended = {**body, "tools": [_as_function(tool) for tool in tools]}
    if not tools:
        del mended["tools"]
    if isinstance(body.get("input"), list):
        mended["input"] = [_as_function_item(item) for item in body["input"]]
    if upstream == "messages" and body.get("instructions"):
        first = {"type": "message", "role": "developer", "content": mended.pop("instructions")}
        given = mended["input"]
        rest = given if isinstance(given, list) else [{"type": "message", "role": "user", "content": given}]
        mended["input"] = [first, *rest]
    losses = [f"tools.{name}: changed, a freeform tool travels as a function" for name in sorted(freeform)]
    return mended, freeform, losses


def _as_function(tool: Mapping[str, Any]) -> dict[str, Any]:
    """Put a freeform tool as a function of one string, its grammar as part of the description."""
    if tool.get("type") != "custom":
        return dict(tool)
    grammar = (tool.get("format") or {}).get("definition")
    description = tool.get("description") or ""
    if grammar:
        description += f"\n\nThe `input` string must follow this grammar:\n{grammar}"
    return {
        "type": "function",
        "name": tool["name"],
        "description": description,
        "parameters": _INPUT,
        "strict": False,
    }


def _as_function_item(item: Any) -> Any:  # noqa: ANN401 - JSON
    kind = item.get("type") if isinstance(item, dict) else None
    if kind == "custom_tool_call":
        rest = {name: value for name, value in item.items() if name != "input"}
        arguments = json.dumps({"input": item.get("input", "")}, ensure_ascii=False)
        return {**rest, "type": "function_call", "arguments": arguments}
    if kind == "custom_tool_call_output":
        rest = {name: value for name, value in item.items() if name != "name"}
        return {**rest, "type": "function_call_output"}
    return item


def _mended_after(value: dict[str, Any], body: Mapping[str, Any], upstream: Dialect) -> dict[str, Any]:
    if upstream == "chat":
        value["messages"] = list(_joined(_system_first(value.get("messages") or [])))
        effort = (value.pop("reasoning", None) or {}).get("effort")
        if effort:
            value["reasoning_effort"] = effort
        value.pop("store", None)
        value.pop("prompt_cache_key", None)
    elif upstream == "messages" and body.get("parallel_tool_calls") is False and value.get("tools"):
        choice = value.get("tool_choice") or {"type": "auto"}
        value["tool_choice"] = {**choice, "disable_parallel_tool_use": True}
    return value


def _system_first(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Make the leading system and developer messages one: templates of open models know just one."""
    leading = 0
    while leading < len(messages) and messages[leading]["role"] in {"system", "developer"}:
        leading += 1
    if leading:
        yield {"role": "system", "content": "\n\n".join(_text(m["content"]) for m in messages[:leading])}
    for message in messages[leading:]:
        yield {**message, "role": "system"} if message["role"] == "developer" else message


def _joined(messages: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Join what one turn of the assistant was split into: reasoning, text, tool calls."""
    turn: dict[str, Any] | None = None
    for message in messages:
        if message["role"] != "assistant":
            if turn:
                yield turn
            turn = None
            yield message
        elif turn is None:
            turn = dict(message)
        else:
            turn = _merged(turn, message)
    if turn:
        yield turn


def _merged(turn: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**turn, **more}
    for name in ("content", "reasoning_content"):
        texts = [text for text in (_text(turn.get(name)), _text(more.get(name))) if text]
        merged[name] = "\n\n".join(texts) or None
    if merged["reasoning_content"] is None:
        del merged["reasoning_content"]
    calls = [*(turn.get("tool_calls") or ()), *(more.get("tool_calls") or ())]
    return {**merged, "tool_calls": calls} if calls else merged


def _text(content: Any) -> str:  # noqa: ANN401 - JSON
    if isinstance(content, list):
        return "".join(str(part.get("text") or part.get("refusal") or "") for part in content)
    return str(content or "")
