"""A replay script: the assistant's turns in one neutral format, whatever dialect asks for them.

Written by hand it is TOML (`[[turns]]` tables), JSON (a list of turns, or `{"turns": [...]}`) or JSONL (a
turn a line). `runner.interceptor.replay.script_file` reads it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from agents.base import Usage
from runner.model import Model

Finish = Literal["stop", "length", "content_filter", "refusal"]
FaultKind = Literal[
    "status",
    "hang_before_headers",
    "hang_after_headers",
    "hang_mid_stream",
    "cut_before_headers",
    "cut",
    "truncate",
    "bad_json",
    "html",
    "empty",
]


class Call(Model):
    """One tool call."""

    name: str
    """The tool as the agent's CLI names it; sent as it stands, offered or not."""
    arguments: dict[str, Any] | str = {}
    """The arguments; a string is sent verbatim (freeform tools, or arguments that are no JSON)."""


class Fault(Model):
    """What goes wrong before the turn is had. `fault = "cut"` is short for `fault = {kind = "cut"}`.

    `status` answers with an HTTP error; `hang_*` falls silent before the headers, after them, or in the
    middle; `cut` breaks the connection off (RST) in the middle, `cut_before_headers` before any answer;
    `truncate` ends cleanly without the final event; `bad_json` sends an event that is no JSON; `html` is a
    200 with a web page; `empty` a 200 without a body.
    """

    kind: FaultKind = "status"
    """What goes wrong."""
    times: Annotated[int, Field(ge=1)] | Literal["always"] = 1
    """How many requests it hits before the turn itself is played."""
    status: Annotated[int, Field(ge=400, le=599)] = 500
    """HTTP status (`status` only)."""
    error: str = ""
    """The provider's message, wrapped in the client's dialect (`status` only)."""
    code: str | None = None
    """The provider's error code, such as `insufficient_quota` (`status` only)."""
    body: str | None = None
    """The whole body, sent verbatim instead (`status`, `html`)."""
    retry_after: float | None = None
    """Seconds for the `Retry-After` header (`status` only)."""
    after: Literal["first", "half", "content"] = "half"
    """How much of the stream is sent first: one event, half, or all but the final events
    (`hang_mid_stream`, `cut`, `bad_json`)."""


def _fault(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


class Captured(Model):
    """What a trainer reads; sent on chat completions alone, and only to a request that asks for it."""

    prompt_token_ids: tuple[int, ...] = ()
    """Sent where the request says `return_token_ids`."""
    token_ids: tuple[int, ...] = ()
    """The completion's; sent where the request says `return_token_ids`."""
    logprobs: tuple[float, ...] = ()
    """The completion's, one a token; sent where the request says `logprobs`."""


class Turn(Model):
    """One answer of the assistant."""

    text: str = ""
    """What it says."""
    reasoning: str = ""
    """What it thinks (a reasoning summary, a thinking block, `reasoning_content`)."""
    tool_calls: tuple[Call, ...] = ()
    """Tools it calls, in parallel."""
    shell: str | tuple[str, ...] = ()
    """Commands it runs with whatever shell tool the request offers; several are called in parallel."""
    usage: Usage = Usage()
    """Tokens; what is left out is estimated at four bytes a token."""
    captured: Captured = Captured()
    """Token ids and log probabilities."""
    finish: Finish = "stop"
    """Why it ends; a turn that calls tools and says `stop` ends to call them."""
    delay_s: float = Field(0.0, ge=0)
    """Seconds before the first byte."""
    chunk_delay_s: float = Field(0.0, ge=0)
    """Seconds between two events of a stream."""
    chunks: int = Field(8, ge=1)
    """Into how many pieces each text and each tool call's arguments are streamed, at most."""
    expect: str | None = None
    """Text that the newest user message or tool result must contain, else the request does not fit."""
    aside: bool = False
    """It answers a request without tools (a judge's verdict, a summary), whenever one comes."""
    fault: Annotated[Fault, BeforeValidator(_fault)] | None = None
    """What goes wrong first. A turn of a fault alone is over when its `times` are up."""

    @property
    def commands(self) -> tuple[str, ...]:
        """The shell commands, one or several."""
        return (self.shell,) if isinstance(self.shell, str) else self.shell

    @property
    def calls_tools(self) -> bool:
        """Whether only a request that offers tools can have it."""
        return bool(self.tool_calls or self.commands)

    @property
    def only_a_fault(self) -> bool:
        """Whether nothing remains of it after its fault."""
        return self.fault is not None and not (self.text or self.reasoning or self.calls_tools)


@dataclass(frozen=True, slots=True)
class Script:
    """Turns in the order in which they are played, and where they stand."""

    turns: tuple[Turn, ...]
    source: str = "the script"
    """How messages name it: the file's path."""

    @classmethod
    def of(cls, turns: Iterable[Turn | Mapping[str, Any]]) -> "Script":
        """Make a script of turns, given as such or as plain tables."""
        return cls(tuple(turn if isinstance(turn, Turn) else Turn.model_validate(turn) for turn in turns))
