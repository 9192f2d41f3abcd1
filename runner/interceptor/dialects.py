"""The three dialects side by side: how each is read and written."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from agents.base import Dialect
from runner.interceptor import write_chat, write_messages, write_responses
from runner.interceptor.read_chat import ChatReader
from runner.interceptor.read_messages import MessagesReader
from runner.interceptor.read_responses import ResponsesReader
from runner.interceptor.reply import Op, Reply


class Reader(Protocol):
    """Rebuilds a reply from what the upstream sends."""

    reply: Reply
    call_completed: bool
    ended: bool

    def take(self, data: bytes) -> list[Op]:
        """Take the data of one event; raises `ValueError` where it is no JSON."""

    def at_end(self) -> list[Op]:
        """Take the end of the stream."""

    def whole(self, body: Mapping[str, Any]) -> list[Op]:
        """Take a whole reply."""


class Writer(Protocol):
    """Writes a reply, as it grows, in the client's dialect."""

    def write(self, ops: Iterable[Op]) -> list[bytes]:
        """Return the events that tell these changes."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One dialect."""

    reader: Callable[[], Reader]
    writer: Callable[[Reply, str], Writer]
    whole: Callable[[Reply, str], dict[str, Any]]
    """A whole reply as JSON; the second argument is the model asked for."""
    error_event: Callable[[str, Reply], bytes]
    """How a stream that broke off ends."""
    error_body: Callable[[int, str, str | None], dict[str, Any]]
    """An error reply: HTTP status, message, code."""


WIRES: Mapping[Dialect, Wire] = {
    "chat": Wire(
        ChatReader,
        write_chat.ChatWriter,
        write_chat.whole,
        write_chat.error_event,
        write_chat.error_body,
    ),
    "messages": Wire(
        MessagesReader,
        write_messages.MessagesWriter,
        write_messages.whole,
        write_messages.error_event,
        write_messages.error_body,
    ),
    "responses": Wire(
        ResponsesReader,
        write_responses.ResponsesWriter,
        write_responses.whole,
        write_responses.error_event,
        write_responses.error_body,
    ),
}
