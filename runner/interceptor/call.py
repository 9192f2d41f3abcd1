"""One model call in flight: what is known of it so far."""

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from agents.base import Dialect
from runner.interceptor import wire_json
from runner.interceptor.dialects import WIRES, Reader
from runner.interceptor.records import ErrorCategory, Kind


def now() -> str:
    """Return the time as ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def body_of(raw: bytes) -> tuple[bytes, dict[str, Any] | None]:
    """Return a request's body and what it says, null where it is no JSON object.

    A half of a character, which some providers refuse, becomes a question mark.
    """
    try:
        body = from_json(raw)
    except ValueError:
        try:
            raw = wire_json.whole(raw)
            body = from_json(raw)
        except ValueError:
            return raw, None
    return raw, body if isinstance(body, dict) else None


@dataclass
class Call:
    """Filled in as the call proceeds; its record is made of it."""

    dialect: Dialect
    """The client's."""
    endpoint: str
    """Path under the base (`/responses`, `/messages/count_tokens`)."""
    raw: bytes
    """The client's body."""
    body: Mapping[str, Any]
    """The same, parsed."""
    headers: Mapping[str, str]
    """The client's, names in lower case."""
    query: str = ""
    """The client's own (`beta=true`)."""
    index: int = 0
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    kind: Kind = "main"
    parent: str | None = None
    retry_of: str | None = None
    upstream: Dialect = "chat"
    """The upstream's dialect."""
    url: str = ""
    """Where the upstream is called."""
    sent: bytes | None = None
    """What is sent on, where it differs from `raw`."""
    freeform: frozenset[str] = frozenset()
    """Freeform tools that travel upstream as function tools."""
    losses: tuple[str, ...] = ()
    stripped: tuple[str, ...] = ()
    usage_added: bool = False
    """Whether usage was asked for in the client's stead, and is kept from it."""
    hide_tokens: bool = False
    """Whether token ids and logprobs were asked for here, and are kept from the client."""
    reader: Reader = field(default_factory=WIRES["chat"].reader)
    """Rebuilds the reply; one of the upstream's dialect, made anew for each attempt."""
    began: float = field(default_factory=time.monotonic)
    started_at: str = field(default_factory=now)
    waiting_s: float = 0.0
    """Seconds spent waiting for the upstream, or for the client to take what was sent."""
    first_byte: float | None = None
    """`time.monotonic` of the reply's first byte."""
    attempts: int = 0
    status: int | None = None
    error: ErrorCategory | None = None
    message: str | None = None
    passed: bool = False
    """Whether the client has got any of the reply: from then on no retry is possible."""
    settled: bool = False
    """Whether its record is written."""
    overflow_file: str | None = None

    def restart(self) -> None:
        """Forget what a failed attempt brought."""
        self.reader = WIRES[self.upstream].reader()
        self.first_byte = None

    @property
    def stream(self) -> bool:
        """Whether the client wants a stream."""
        return self.body.get("stream") is True

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model") or "")

    @property
    def translated(self) -> bool:
        """Whether the upstream speaks another dialect than the client."""
        return self.upstream != self.dialect
