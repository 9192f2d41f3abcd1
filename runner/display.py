"""What a person sees while a rollout runs: a live line on a terminal, plain lines elsewhere, or nothing."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

from agents.base import Step
from runner.deadline import Deadline
from runner.interceptor.base import Totals

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(slots=True)
class Progress:
    """What is known so far; the rollout writes it, a display reads it."""

    phase: str = "starting"
    deadline: Deadline | None = None
    steps: int = 0
    last: str = ""
    totals: Callable[[], Totals] = Totals
    started: float = field(default_factory=time.monotonic)

    def enter(self, phase: str) -> None:
        """Say that a phase begins."""
        self.phase = phase

    def step(self, step: Step) -> None:
        """Say what the agent just did."""
        self.steps += 1
        self.last = headline(step)

    def showing(self) -> AbstractContextManager[object]:
        """Return what keeps a display up while the rollout runs."""
        return nullcontext()


class Plain(Progress):
    """A line for each phase and step: for logs."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    def enter(self, phase: str) -> None:
        """Print the phase."""
        super().enter(phase)
        self._line(phase)

    def step(self, step: Step) -> None:
        """Print the step."""
        super().step(step)
        self._line(f"  {self.steps:>3} {self.last}")

    def _line(self, text: str) -> None:
        elapsed = time.monotonic() - self.started
        with suppress(OSError, ValueError):  # whoever read the lines may have gone; the rollout goes on
            self.stream.write(f"{elapsed:7.1f}s {text}\n")
            self.stream.flush()


class Live(Progress):
    """One live block on a terminal: phase, time, last step, calls and tokens."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream

    def showing(self) -> AbstractContextManager[object]:
        """Keep the block up and fresh."""
        from rich.console import Console  # noqa: PLC0415 - 60 ms that only a terminal needs
        from rich.live import Live as Block  # noqa: PLC0415

        console = Console(file=self.stream)
        return Block(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)

    def _render(self) -> "RenderableType":
        from rich.text import Text  # noqa: PLC0415

        elapsed = time.monotonic() - self.started
        left = f", {self.deadline.remaining:.0f} s left" if self.deadline else ""
        totals = self.totals()
        calls = f" · {totals.calls} calls" if totals.calls else ""
        tokens = f" · {tokens_of(totals)} tokens" if totals.input_tokens else ""
        line = Text.assemble((f" {self.phase} ", "bold reverse"), f" {elapsed:.0f} s{left}{calls}{tokens}")
        if self.last:
            line.append(f"\n {self.steps} {self.last}", style="dim")
        line.no_wrap, line.overflow = True, "ellipsis"
        return line


def headline(step: Step, width: int = 100) -> str:
    """Return a step in one line: what was called, else what was said."""
    calls = [f"{call.name} {next(iter(call.arguments.values()), '')}" for call in step.tool_calls]
    text = " ".join((" ; ".join(calls) or step.message or step.reasoning or "").split())
    return text if len(text) <= width else f"{text[: width - 1]}…"


def tokens_of(totals: Totals) -> str:
    """Return input and output tokens, with thousands in k."""
    counts = (totals.input_tokens or 0, totals.output_tokens or 0)
    return " + ".join(f"{count / 1000:.1f}k" if count >= 1000 else str(count) for count in counts)  # noqa: PLR2004
