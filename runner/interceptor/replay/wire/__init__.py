"""How a model's answer looks on the wire: one module a dialect."""

from types import MappingProxyType

from agents.base import Dialect
from runner.interceptor.replay.wire import chat, messages, responses
from runner.interceptor.replay.wire.base import Answer, Event, ToolUse, Wire, sse

WIRES: MappingProxyType[Dialect, Wire] = MappingProxyType(
    {"responses": responses, "chat": chat, "messages": messages}
)
"""The encoder of each dialect."""

__all__ = ["WIRES", "Answer", "Event", "ToolUse", "Wire", "sse"]
