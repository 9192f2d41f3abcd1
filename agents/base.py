"""What every agent is given, what it returns, and the one method it has.

An agent of your own subclasses `Agent` and implements `run`; it may raise plain exceptions, which the
rollout reports as an `AgentFailed`. An agent that is a command line subclasses `agents.cli.CliAgent`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from runner.deadline import Deadline
from runner.errors import Failure
from runner.model import Model
from runner.process import Account

Dialect = Literal["responses", "chat", "messages"]
Outcome = Literal["completed", "timeout", "stalled", "budget", "refused", "context_length", "crashed"]


class ToolCall(Model):
    """One tool call and what came back."""

    id: str
    """The CLI's own id of the call."""
    name: str
    """The tool, as the model named it (`exec_command`, `Bash`, `edit`, ...)."""
    arguments: dict[str, Any] = {}
    """The arguments as the model gave them; `{"raw": text}` where they are no JSON object."""
    observation: str | None = None
    """What the model saw, head and tail; null where the CLI reported none."""
    ok: bool | None = None
    """Whether the tool succeeded; null where unknown."""


class Step(Model):
    """One turn of the agent: what it said, thought and did."""

    message: str = ""
    """Text addressed to the user."""
    reasoning: str | None = None
    """Reasoning text, where the CLI shows it."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Calls made in this step, in order."""
    at: str | None = None
    """When, ISO 8601 UTC; null where the CLI gives no time."""


class Usage(Model):
    """Tokens; null means unknown, never 0."""

    input_tokens: int | None = None
    """Prompt tokens, cached ones included."""
    output_tokens: int | None = None
    """Completion tokens, reasoning included."""
    cached_tokens: int | None = None
    """The part of the input read from a cache."""
    cache_write_tokens: int | None = None
    """The part of the input written to a cache."""
    reasoning_tokens: int | None = None
    """The part of the output spent on reasoning."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the agent's model calls go. Both bases already carry the correlation id in their path."""

    openai_base: str
    """Base for OpenAI-style clients, which append `/responses` or `/chat/completions`."""
    anthropic_base: str
    """Base for Anthropic-style clients, which append `/v1/messages`."""
    token: str
    """What the agent presents as its key."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Everything an agent may know of the rollout. It never holds the tests or the real key."""

    prompt: str
    """The whole prompt; it may be hundreds of kB, so it travels by stdin or file, never by argv."""
    system_prompt: str
    """Text to add to the agent's system prompt; may be empty."""
    workspace: Path
    """The folder in which the agent works, and its current directory."""
    home: Path
    """An existing, empty, private folder: the agent's HOME; configuration and caches go here."""
    logs: Path
    """An existing folder beside the result: the agent's full output is kept here."""
    model: str
    """The model's name, passed on as given; empty only for agents that need none."""
    endpoint: Endpoint | None
    """Where model calls go; null for agents that make none."""
    deadline: Deadline
    """When the agent must have ended."""
    stall_s: float
    """Seconds without output, model call or CPU after which the agent counts as stalled."""
    env: Mapping[str, str]
    """The user's environment without keys; the agent's variables are laid over it."""
    account: Account | None = None
    """The unprivileged user to run as, where the runner is root and the image has one."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """`params` of the request."""
    solution: Path | None = None
    """The task's `solution/` folder; given to the oracle alone."""
    last_call: Callable[[], float] = lambda: 0.0
    """`time.monotonic` of the last sign of life of a model call, for the stall limit."""
    should_stop: Callable[[], Outcome | None] = lambda: None
    """Asked often while the agent works: an outcome here ends the run (`budget`)."""
    on_step: Callable[[Step], None] = lambda _step: None
    """Told of each step as it happens, for the live display."""


@dataclass(frozen=True, slots=True)
class AgentRun:
    """How the agent ended and what it did."""

    outcome: Outcome
    """How it ended, decided from the event stream and the exit code together."""
    steps: tuple[Step, ...] = ()
    """What it did, in order."""
    usage: Usage = field(default_factory=Usage)
    """Tokens as the CLI counted them."""
    cost_usd: float | None = None
    """Cost as the CLI counted it; null where it does not, or guesses."""
    session_id: str | None = None
    """The CLI's own id of the session."""
    version: str | None = None
    """The exact version that ran."""
    exit_code: int | None = None
    """Exit code; negative is the signal; null where no process ran."""
    message: str = ""
    """The agent's last message to the user."""
    error: str | None = None
    """The CLI's own error text, where the run did not complete."""
    duration_s: float = 0.0
    """Seconds from start to end."""
    failure: Failure | None = None
    """Set where the run could not be measured (the model never answered): such a run is not scored."""


class Agent(ABC):
    """Drives one agent once."""

    name: ClassVar[str]
    """How a request names it."""
    dialect: ClassVar[Dialect | None] = None
    """The dialect it speaks to a model; null for agents that call none."""
    needs_model: ClassVar[bool] = True
    """Whether an agent with a dialect is useless without an `inference_url`."""
    skills: ClassVar[str] = ".agents/skills"
    """Folder in the workspace from which it loads skills; overrides for skills land there."""
    option_names: ClassVar[Collection[str] | None] = None
    """Its own keys of `params`, so that unknown ones are warned of; null, or not stated by the class: any."""

    @classmethod
    def tool(cls) -> str:
        """Return what it runs, with its version, having tried that it starts; empty where it needs nothing.

        Raises `AgentUnavailable` where that is missing. `run_rollout doctor` asks.
        """
        return ""

    def check(self, options: Mapping[str, Any]) -> None:
        """Refuse, by `RequestInvalid`, `params` that `run` would refuse; asked before anything runs."""
        del options

    @abstractmethod
    def run(self, assignment: Assignment) -> AgentRun:
        """Work in `assignment.workspace` until done or until the deadline, and say how it ended."""
