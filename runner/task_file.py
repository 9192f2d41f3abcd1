"""`task.toml` of the Harbor task format (harborframework.com), schema versions 1.0 to 1.4.

Keys that it does not name are others' extensions; ours are `[scorer]` and `[workspace]`.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Tag, ValidationError

from runner.dialects import complaints
from runner.errors import TaskInvalid
from runner.wire_values import LIST, TABLE, Scalar, Seconds, Wire, either

_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class _Table(Wire):
    """A table in which unknown keys are others' business."""

    free: ClassVar[bool] = True


class About(_Table):
    """`[task]`."""

    name: str | None = None


class Phase(_Table):
    """`[agent]`, `[verifier]` and `[solution]`."""

    timeout_sec: Seconds | None = None
    env: dict[str, Scalar] = {}
    environment_mode: str | None = None


class Environment(_Table):
    """`[environment]`."""

    workdir: str | None = None
    env: dict[str, Scalar] = {}


class Workspace(Wire):
    """`[workspace]`: where the agent works, and what of its work counts."""

    path: str | None = None
    protected: list[str] = []
    editable: list[str] = []
    pristine: str | None = None


class TaskFile(_Table):
    """All of `task.toml` that matters here."""

    schema_version: Scalar | None = None
    task: About = About()
    metadata: dict[str, Any] = {}
    agent: Phase = Phase()
    verifier: Phase = Phase()
    solution: Phase = Phase()
    environment: Environment = Environment()
    workspace: Workspace = Workspace()
    scorer: Annotated[
        Annotated[dict[str, Any], Tag(TABLE)] | Annotated[list[dict[str, Any]], Tag(LIST)],
        either("a table or an array of tables"),
    ] = {}
    steps: list[Any] = []


def read_task_file(path: Path) -> TaskFile:
    """Return what a `task.toml` says, all defaults where there is none.

    Raises `TaskInvalid` naming the file and the place in it: line and column, or the key.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
        found = TaskFile.model_validate(document)
    except FileNotFoundError:
        return TaskFile()
    except ValidationError as error:
        raise TaskInvalid(f"{path}: {'; '.join(complaints(error))}") from None
    except (OSError, ValueError, RecursionError) as error:  # tomllib's errors and bad UTF-8 are ValueErrors
        raise TaskInvalid(f"{path}: {error}") from None
    unsupported = _unsupported(found)
    if unsupported:
        raise TaskInvalid(f"{path}: {unsupported}")
    return found


def resolved(env: Mapping[str, str], environ: Mapping[str, str], where: str) -> dict[str, str]:
    """Return a table of variables with `${NAME}` and `${NAME:-default}` taken from the environment."""

    def value(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if name not in environ and default is None:
            raise TaskInvalid(f"{where} needs the variable {name}, which is not set", hint=f"set {name}")
        return environ.get(name, default or "")

    return {name: _VARIABLE.sub(value, text) for name, text in env.items()}


def _unsupported(found: TaskFile) -> str:
    if not re.match(r"1(\.|$)", found.schema_version or "1"):
        return f"schema_version: {found.schema_version} is not known; 1.0 to 1.4 are"
    if found.steps:
        return "steps: tasks of several steps are not supported; give each step a task folder"
    if found.verifier.environment_mode == "separate":
        return "verifier.environment_mode: a separate verifier needs a sandbox of its own; only shared works"
    return ""
