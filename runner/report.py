"""Keeps `result.json` true at every moment: there from the first second, replaced as the rollout goes on."""

import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import PydanticSerializationError

from runner.atomic import overwrite, replace
from runner.claim import Claim
from runner.errors import Failure, Phase, ResultUnwritable, Unfinished
from runner.output import sound
from runner.result import Result, Stage

_PHASES: dict[Stage, Phase] = {
    "starting": "request",
    "preparing": "task",
    "agent": "agent_start",
    "scoring": "scoring",
    "done": "result",
}

_RESERVED_BYTES = 16 * 1024
"""Blanks up to here own the disk space that the last word needs, should the disk be full by then."""


class Report:
    """The result so far, on disk (or, for `--stdio`, in memory until the end)."""

    def __init__(self, place: Claim | None, *, secrets: tuple[str, ...] = ()) -> None:
        """Write the first result that says where the rollout is; raise `ResultUnwritable` where it cannot."""
        self.output = place.output if place else None
        self.secrets = secrets
        self.traced = False
        """Whether the result carries the trace of the calls: the container shape's does."""
        self.started = time.monotonic()
        self.files = place.files if place else Path(tempfile.mkdtemp(prefix="rollout-files-"))
        self.result = Result(trace_correlation_id="", files=str(self.files) if place else None)
        self._save()

    def note(self, **changes: Any) -> None:  # noqa: ANN401 - a field's own type
        """Change fields and replace the file; it says that the rollout is unfinished.

        A disk that is full now may not be at the end, so only the first and the last write must succeed.
        """
        self.result = self.result.model_copy(update=changes)
        with contextlib.suppress(ResultUnwritable):
            self._save()

    def warn(self, *warnings: str) -> None:
        """Tell the reader what failed nothing but should be known."""
        if warnings:
            self.note(warnings=[*self.result.warnings, *warnings])

    @contextlib.contextmanager
    def timed(self, stage: Stage) -> Iterator[None]:
        """Note the stage, and its seconds however it ends."""
        self.note(phase=stage)
        started = time.monotonic()
        try:
            yield
        finally:
            self._time(f"{stage}_s", started)

    def finish(self, **changes: Any) -> None:  # noqa: ANN401 - a field's own type
        """Write the last word, slimmer where the disk is full."""
        self._time("total_s", self.started)
        self.result = self.result.model_copy(update=changes)
        if not self.output:
            shutil.rmtree(self.files, ignore_errors=True)
            return
        try:
            replace(self.output, self.encoded())
        except ResultUnwritable:
            self.result = self.result.slim("the disk is full")
            overwrite(self.output, self.encoded())

    def fail(self, failure: Failure, **changes: Any) -> None:  # noqa: ANN401 - a field's own type
        """Write a failure as the last word; the stage that was reached stays visible."""
        failure.phase = failure.phase or _PHASES[self.result.phase]
        self.result = self.result.failed(failure)
        self.finish(**changes)

    def send(self, stream: BinaryIO) -> None:
        """Write the result, and only it, to a stream."""
        stream.write(self.encoded())
        stream.flush()

    def encoded(self) -> bytes:
        """Return the result as JSON, without any secret."""
        return self._encoded(self.result)

    def _encoded(self, result: Result) -> bytes:
        try:
            text = result.model_dump_json(indent=2)
        except PydanticSerializationError:  # half a character, which JSON may name and no UTF-8 can hold
            text = sound(json.dumps(result.model_dump(), ensure_ascii=False, default=str))
            value = json.loads(text, parse_constant=lambda _: None)  # a number without end is null, as above
            text = json.dumps(value, indent=2, ensure_ascii=False)
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        return text.encode() + b"\n"

    def _save(self) -> None:
        if self.output:
            stage = self.result.phase
            unfinished = Unfinished(f"the rollout was killed in its stage {stage!r}", phase=_PHASES[stage])
            replace(self.output, self._encoded(self.result.failed(unfinished)).ljust(_RESERVED_BYTES))

    def _time(self, name: str, started: float) -> None:
        timings = self.result.timings.model_copy(update={name: round(time.monotonic() - started, 4)})
        self.result = self.result.model_copy(update={"timings": timings})
