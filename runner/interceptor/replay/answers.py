"""Makes a turn into an answer to one request."""

import json
import time
from collections.abc import Iterator

from runner.errors import ReplayFailed
from runner.interceptor.replay import shell
from runner.interceptor.replay.playback import Play
from runner.interceptor.replay.received import Received
from runner.interceptor.replay.script import Call, Turn
from runner.interceptor.replay.wire.base import Answer, Tokens, ToolUse

BYTES_A_TOKEN = 4
"""The estimate where a script gives no usage."""


def answer(play: Play, request: Received) -> Answer:
    """Return the turn as an answer to `request`."""
    turn = play.turn
    calls = tuple(_calls(turn, request, play.id))
    return Answer(
        id=play.id,
        model=request.model,
        created=int(time.time()),
        text=turn.text,
        reasoning=turn.reasoning,
        calls=calls,
        finish=turn.finish,
        tokens=_tokens(turn, request, calls),
        captured=turn.captured,
        chunks=turn.chunks,
    )


def _calls(turn: Turn, request: Received, name: str) -> Iterator[ToolUse]:
    for index, call in enumerate(turn.tool_calls):
        offered = request.tools.get(call.name)
        yield ToolUse(f"call_{name}_{index}", call.name, _text(call), offered.kind if offered else "function")
    tool = shell.shell_tool(request.tools.values())
    for index, command in enumerate(turn.commands, len(turn.tool_calls)):
        if tool is None:
            raise ReplayFailed("the request offers no shell tool")
        yield ToolUse(f"call_{name}_{index}", tool.name, shell.arguments(tool, command), tool.kind)


def _text(call: Call) -> str:
    if isinstance(call.arguments, str):
        return call.arguments
    return json.dumps(call.arguments, ensure_ascii=False)


def _tokens(turn: Turn, request: Received, calls: tuple[ToolUse, ...]) -> Tokens:
    usage = turn.usage
    said = len(turn.text) + len(turn.reasoning) + sum(len(call.arguments) for call in calls)
    return Tokens(
        input=_or(usage.input_tokens, 1 + request.size // BYTES_A_TOKEN),
        output=_or(usage.output_tokens, 1 + said // BYTES_A_TOKEN),
        cached=usage.cached_tokens or 0,
        cache_write=usage.cache_write_tokens or 0,
        reasoning=_or(usage.reasoning_tokens, len(turn.reasoning) // BYTES_A_TOKEN),
    )


def _or(given: int | None, estimated: int) -> int:
    return estimated if given is None else given
