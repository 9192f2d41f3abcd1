"""Lays context overrides over the workspace: files, then the pre-flight script, then variables.

Texts of an override join the system prompt (`runner.prompt`). What could not be applied fails the rollout,
which would not mean what was asked; every status is in the result either way.
"""

import contextlib
import errno
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from runner import confined, variables
from runner.context import ContextOverride
from runner.deadline import Deadline
from runner.model import Model
from runner.preflight import Preflight, failure_of
from runner.process import Account
from runner.setting import Setting

FILE_BYTES = 1024**2
"""Most of one file, and of all files of a request."""
FILES, REQUEST_FILES, OVERRIDES = 20, 50, 20
VARIABLES, VARIABLE_BYTES = 50, 10 * 1024

ErrorType = Literal[
    "validation", "path_traversal", "permission", "size_limit", "timeout", "runtime", "not_found", "unknown"
]
OverallStatus = Literal["applied", "partial", "failed", "skipped"]
_SKILL = re.compile(r"(?:\./)?(?:\.(?:claude|codex|opencode|agents)/)?skills/(?=[^/]+/.)")


class OverrideStatus(Model):
    """What became of one override."""

    override_id: str
    overall_status: OverallStatus
    error_type: ErrorType | None = None
    error_message: str | None = None
    files_applied: tuple[str, ...] = ()
    """Paths, or kinds of text, as the request names them."""
    files_failed: tuple[str, ...] = ()
    env_vars_applied: tuple[str, ...] = ()
    preflight_succeeded: bool | None = None
    """Null where there was no pre-flight script, or it was not reached."""
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of all overrides."""

    statuses: list[dict[str, Any]]
    """One for each override, as the result lists them."""
    env: dict[str, str]
    """The variables that the agent gets."""
    failed: str
    """Why an override could not be applied as a whole; empty where all could."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What overrides are laid over."""

    workspace: Path
    skills: str
    """Folder in the workspace from which the agent loads skills."""
    env: Mapping[str, str]
    """The environment of pre-flight scripts."""
    deadline: Deadline
    logs: Path
    """An existing folder for the output of pre-flight scripts."""
    account: Account | None = None
    dry: bool = False
    """Nothing is written or run: what an override shows by itself is all that can be refused."""


class _RefusalError(Exception):
    """Why an override was not, or not wholly, applied."""

    def __init__(self, kind: ErrorType, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorType = kind


def apply(setting: Setting, logs: Path, account: Account | None = None) -> Applied:
    """Lay the request's overrides over the task's workspace; `logs` takes the pre-flight scripts' output."""
    task, skills = setting.task, setting.agent.skills
    ground = Ground(task.workspace, skills, setting.env, setting.agent_deadline, logs, account)
    return lay(setting.rollout.overrides, ground)


def foresee(setting: Setting) -> str:
    """Return why the overrides cannot be applied, as far as they show it themselves; empty where they may."""
    place = setting.task.workspace
    ground = Ground(place, setting.agent.skills, {}, setting.deadline, place, dry=True)
    return lay(setting.rollout.overrides, ground).failed


def lay(overrides: Sequence[ContextOverride], ground: Ground) -> Applied:
    """Lay overrides in the order of their priority; all are tried, whatever becomes of one."""
    work = _Work(ground)
    statuses = [work.lay(each) for each in sorted(overrides, key=lambda each: each.priority)]
    failed = [
        f"context override {status.override_id} ({status.overall_status}): {status.error_message}"
        for status in statuses
        if status.error_type
    ]
    return Applied([status.model_dump() for status in statuses], work.env, "; ".join(failed))


@dataclass(slots=True)
class _Work:
    """What the overrides of a request have come to so far."""

    ground: Ground
    env: dict[str, str] = field(default_factory=dict)
    overrides: int = 0
    files: int = 0
    size: int = 0

    def lay(self, override: ContextOverride) -> OverrideStatus:
        began, done, error = time.monotonic(), _Done(), None
        try:
            for step in (self._check, self._files, self._preflight, self._variables):
                with _explained():
                    step(override, done)
        except _RefusalError as refusal:
            error = refusal
        return OverrideStatus(
            override_id=override.override_id,
            overall_status=done.status(error),
            error_type=error and error.kind,
            error_message=error and str(error),
            files_applied=tuple(done.files),
            files_failed=tuple(done.failed),
            env_vars_applied=tuple(done.variables),
            preflight_succeeded=done.preflight,
            duration_ms=round((time.monotonic() - began) * 1000),
        )

    def _check(self, override: ContextOverride, _done: "_Done") -> None:
        """Refuse what can be seen to be wrong before anything is touched."""
        self.overrides += 1
        if self.overrides > OVERRIDES:
            raise _RefusalError("size_limit", f"more than {OVERRIDES} overrides in a request")
        if len(override.files) + len(override.texts) > FILES:
            raise _RefusalError("size_limit", f"more than {FILES} files in an override")
        if len(override.env_vars) > VARIABLES:
            raise _RefusalError("size_limit", f"more than {VARIABLES} variables in an override")
        for name, value in override.env_vars.items():
            _check_variable(name, value)

    def _files(self, override: ContextOverride, done: "_Done") -> None:
        refusals = []
        for is_text, items in ((True, override.texts), (False, override.files)):
            for name, content in items:
                try:
                    with _explained():
                        self._file(name, content.encode(), is_text=is_text)
                    done.files.append(name)
                except _RefusalError as refusal:
                    done.failed.append(name)
                    refusals.append(_RefusalError(refusal.kind, f"{name}: {refusal}"))
        if refusals:
            raise refusals[0]

    def _file(self, name: str, content: bytes, *, is_text: bool) -> None:
        if len(content) > FILE_BYTES:
            raise _RefusalError("size_limit", f"{len(content)} bytes, more than {FILE_BYTES}")
        if self.files == REQUEST_FILES or self.size + len(content) > FILE_BYTES:
            most = f"{REQUEST_FILES} files or {FILE_BYTES} bytes"
            raise _RefusalError("size_limit", f"more than {most} in a request")
        if self.ground.dry:
            confined.parts(name)
        elif not is_text:
            confined.write(self.ground.workspace, landing(name, self.ground.skills), content)
        self.files, self.size = self.files + 1, self.size + len(content)

    def _preflight(self, override: ContextOverride, done: "_Done") -> None:
        script, ground = override.preflight_script, self.ground
        if not script or not script.strip() or ground.dry:
            return
        done.preflight = False
        output, env = ground.logs / f"preflight-{self.overrides}.txt", {**ground.env, **self.env}
        place = Preflight(ground.workspace, env, ground.deadline, output, ground.account)
        failure = failure_of(script, place)
        if failure:
            raise _RefusalError("runtime", f"the pre-flight script {failure}")
        done.preflight = True

    def _variables(self, override: ContextOverride, done: "_Done") -> None:
        self.env |= override.env_vars
        done.variables = list(override.env_vars)


@dataclass(slots=True)
class _Done:
    """What of one override has been applied."""

    files: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    variables: list[str] = field(default_factory=list)
    preflight: bool | None = None

    def status(self, error: _RefusalError | None) -> OverallStatus:
        if error:
            return "partial" if self.files else "failed"
        return "applied" if self.files or self.variables or self.preflight else "skipped"


def landing(path: str, skills: str) -> str:
    """Return where a file lands: any CLI's folder of skills becomes the agent's own."""
    return _SKILL.sub(f"{skills}/", path, count=1) if _SKILL.match(path) else path


def _check_variable(name: str, value: str) -> None:
    if not variables.is_valid(name, value):
        raise _RefusalError("validation", f"env_vars.{name}: no name or value of a variable")
    if variables.is_refused(name):
        raise _RefusalError("permission", f"env_vars.{name}: decides what runs or where model calls go")
    if len(value.encode()) > VARIABLE_BYTES:
        raise _RefusalError("size_limit", f"env_vars.{name}: more than {VARIABLE_BYTES} bytes")


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Turn what the operating system refuses into a refusal; a full disk is the sandbox's own trouble."""
    try:
        yield
    except confined.OutsideError as error:
        raise _RefusalError("path_traversal", str(error)) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise _RefusalError(_kind(error), error.strerror or str(error)) from error


def _kind(error: OSError) -> ErrorType:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, PermissionError) or error.errno == errno.EROFS:
        return "permission"
    if isinstance(error, FileNotFoundError):
        return "not_found"
    misnamed = {errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL}
    return "validation" if error.errno in misnamed else "unknown"
