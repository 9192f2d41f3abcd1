"""Keeps `result.json` true at every moment: there from the first second, replaced atomically."""

import contextlib
import errno
import os
import shutil
from pathlib import Path
from typing import Any, BinaryIO

from agents.base import Model
from runner.errors import Failure, Phase, ResultUnwritable, Unfinished
from runner.result import Result, Stage

_PHASES: dict[Stage, Phase] = {
    "starting": "request",
    "preparing": "task",
    "agent": "agent_start",
    "scoring": "scoring",
    "done": "result",
}


class Report:
    """The result so far, on disk (or, for `--stdio`, in memory until the end)."""

    def __init__(self, output: Path | None, *, secrets: tuple[str, ...] = ()) -> None:
        """Write the first result; raise `ResultUnwritable` where even that fails."""
        self.output = output
        self.secrets = secrets
        self.result = Result(trace_correlation_id="")
        self._save()

    @property
    def phase(self) -> Phase:
        """The phase in which a failure now would have happened."""
        return _PHASES[self.result.phase]

    def note(self, **changes: Any) -> None:  # noqa: ANN401 - a field's own type
        """Change fields and replace the file.

        A disk that is full now may not be at the end, so only the first and the last write must succeed.
        """
        self.result = self.result.model_copy(update=changes)
        with contextlib.suppress(ResultUnwritable):
            self._save()

    def _save(self) -> None:
        if self.output:
            stage = self.result.phase
            unfinished = Unfinished(
                f"the rollout did not end: it was killed in phase {stage}", phase=self.phase
            )
            _replace(self.output, self._encode(self.result.failed(unfinished)))

    def finish(self, **changes: Any) -> None:  # noqa: ANN401 - a field's own type
        """Write the last word, slimmer where the disk is full."""
        self.result = self.result.model_copy(update={"phase": "done", **changes})
        if not self.output:
            return
        try:
            _replace(self.output, self._encode(self.result))
        except ResultUnwritable:
            _overwrite(self.output, self._encode(_slim(self.result)))

    def fail(self, failure: Failure) -> None:
        """End the rollout with a failure; the phase reached stays visible."""
        self.finish(phase=self.result.phase, **_changes(self.result, self.result.failed(failure)))

    def send(self, stream: BinaryIO) -> None:
        """Write the result, and only it, to a stream."""
        stream.write(self._encode(self.result))
        stream.flush()

    def _encode(self, result: Result) -> bytes:
        text = result.model_dump_json(indent=2)
        for secret in self.secrets:
            text = text.replace(secret, "[key]")
        return text.encode() + b"\n"


def folder_of(output: Path) -> Path:
    """Return the folder beside a result where everything whole is kept, empty and new."""
    folder = output.with_name(output.name + ".d")
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultUnwritable(f"cannot make the folder {folder}: {error.strerror}") from error
    return folder


def _changes(old: Model, new: Model) -> dict[str, Any]:
    fields = type(new).model_fields
    return {name: getattr(new, name) for name in fields if getattr(new, name) != getattr(old, name)}


def _slim(result: Result) -> Result:
    return result.model_copy(
        update={
            "artifact": [],
            "trace": None,
            "checks": [],
            "override_application_results": [],
            "warnings": ["the disk is full: artifacts, trace and checks are left out"],
        }
    )


def _replace(path: Path, content: bytes) -> None:
    """Replace a file by rename, or in place where it is a mount point of its own."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            file.write(content)
        beside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        if error.errno in {errno.EBUSY, errno.EXDEV}:
            _overwrite(path, content)
            return
        raise ResultUnwritable(
            f"cannot write the result to {path}: {error.strerror}", hint="name a writable --output"
        ) from error


def _overwrite(path: Path, content: bytes) -> None:
    """Write over the bytes that the first result already owns: this needs no free space."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.truncate()
    except OSError as error:
        raise ResultUnwritable(f"cannot write the result to {path}: {error.strerror}") from error
