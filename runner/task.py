"""Task folders in the Harbor task format; the seed or an id picks one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from runner.environment import user_environment
from runner.errors import RequestInvalid, TaskInvalid
from runner.request import Rollout, choose_agent
from runner.task_file import TaskFile, read_task_file, resolved
from runner.wire_values import as_text

TASKS = Path("/rollout/tasks")
"""Where an image keeps its tasks."""
_CANARY = re.compile(r"\A(?:\s*(?:<!--[^\n]*canary[^\n]*-->|#[^\n]*canary[^\n]*)\n)+", re.IGNORECASE)
"""Leading lines by which authors find their tasks in training data; not meant for the agent."""


@dataclass(frozen=True, slots=True)
class Task:
    """What the agent is asked and how it is judged."""

    id: str
    instruction: str
    """`instruction.md`; empty without a task folder."""
    workspace: Path
    """`[workspace] path`, else `[environment] workdir`, else the current directory."""
    folder: Path | None = None
    """The task folder; null where the workspace alone is the task."""
    tests: Path | None = None
    solution: Path | None = None
    scorer: Mapping[str, Any] | tuple[Mapping[str, Any], ...] = field(default_factory=dict)
    """The `[scorer]` table, or several; empty where the task names none."""
    protected: tuple[str, ...] = ()
    editable: tuple[str, ...] = ()
    pristine: str | None = None
    """`[workspace] pristine`: a folder of the image, or a git revision, to score from; null scores from the
    workspace as it was before the agent."""
    agent_s: float | None = None
    """`[agent] timeout_sec`."""
    verifier_s: float | None = None
    """`[verifier] timeout_sec`."""
    env: Mapping[str, str] = field(default_factory=dict)
    """`[environment] env`: of the agent and the tests."""
    verifier_env: Mapping[str, str] = field(default_factory=dict)
    solution_env: Mapping[str, str] = field(default_factory=dict)
    placeholders: Mapping[str, str] = field(default_factory=dict)
    """Every scalar of the task, for `{name}` in prompts."""
    wrapped: bool = False
    """The seed was beyond the number of tasks and wrapped."""


def find_task(
    rollout: Rollout, tasks: Path | None, environ: Mapping[str, str], *, workspace: Path | None = None
) -> Task:
    """Return the task that the request's id or seed picks.

    Looks in `tasks`, `params.task_dir`, `$ROLLOUT_TASKS`, else `/rollout/tasks`: a task folder itself, or a
    folder of them. Without any, the workspace alone is the task. Raises `TaskInvalid` naming the path, and
    `RequestInvalid` for an id that no task has.
    """
    try:
        root = _root(rollout, tasks, environ)
        if root is None:
            place = _workspace(workspace or Path.cwd())
            return Task(rollout.task_id or place.name, "", place, placeholders={"seed": str(rollout.seed)})
        folder, wrapped = _pick(root, rollout)
        return _read(folder, rollout, environ, workspace=workspace, wrapped=wrapped)
    except OSError as error:
        raise TaskInvalid(f"{error.filename}: {error.strerror}") from None


def task_ids(tasks: Path | None, environ: Mapping[str, str]) -> list[str | None]:
    """Return the ids of every task there is; null for that of a workspace without task folders."""
    root = _root(Rollout(trace_correlation_id=""), tasks, environ)
    if root is None:
        return [None]
    return [root.name] if _is_task(root) else [folder.name for folder in _folders(root)]


def _root(rollout: Rollout, tasks: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = {
        "--tasks": tasks,
        "params.task_dir": rollout.task_dir,
        "ROLLOUT_TASKS": Path(environ["ROLLOUT_TASKS"]) if environ.get("ROLLOUT_TASKS") else None,
    }
    for source, path in named.items():
        if path is None:
            continue
        if not path.is_dir():
            raise TaskInvalid(f"{source}: there is no folder {path.absolute()}")
        return path.resolve()
    return TASKS if TASKS.is_dir() else None


def _is_task(folder: Path) -> bool:
    return (folder / "task.toml").is_file() or (folder / "instruction.md").is_file()


def _pick(root: Path, rollout: Rollout) -> tuple[Path, bool]:
    if _is_task(root):
        if rollout.task_id not in {None, *_ids(root)}:
            raise RequestInvalid(f"task_id: {rollout.task_id!r} is asked for, but {root} is {root.name!r}")
        return root, False
    folders = _folders(root)
    if rollout.task_id is None:
        count = len(folders)
        return folders[rollout.seed % count], not 0 <= rollout.seed < count
    return _named(rollout.task_id, folders), False


def _folders(root: Path) -> list[Path]:
    folders = sorted(path for path in root.iterdir() if path.is_dir() and _is_task(path))
    if not folders:
        raise TaskInvalid(f"{root} holds no task", hint="a task folder has a task.toml or an instruction.md")
    return folders


def _named(task_id: str, folders: list[Path]) -> Path:
    by_name = {folder.name: folder for folder in folders}
    if task_id in by_name:
        return by_name[task_id]
    for folder in folders:
        if task_id in _ids(folder):
            return folder
    closest = get_close_matches(task_id, by_name, n=1)
    hint = f"did you mean {closest[0]}?" if closest else f"there are {', '.join(list(by_name)[:10])}"
    raise RequestInvalid(f"task_id: no task {task_id!r} in {folders[0].parent}", hint=hint)


def _ids(folder: Path) -> set[str]:
    """Return the names of a task: its folder's, and the one in its file with or without organisation."""
    name = read_task_file(folder / "task.toml").task.name or folder.name
    return {folder.name, name, name.rpartition("/")[2]}


def _read(
    folder: Path, rollout: Rollout, environ: Mapping[str, str], *, workspace: Path | None, wrapped: bool
) -> Task:
    about = read_task_file(folder / "task.toml")
    if (folder / "steps").is_dir() and not (folder / "instruction.md").is_file():
        raise TaskInvalid(f"{folder}: tasks of several steps are not supported")
    named = about.workspace.path or about.environment.workdir
    place = _workspace(workspace or (folder / named if named else Path.cwd()))
    tests, solution = (_hidden(folder / name, place) for name in ("tests", "solution"))
    where = f"{folder / 'task.toml'}:"
    solving = about.solution.env if choose_agent(rollout) == "oracle" else {}
    return Task(
        id=folder.name,
        instruction=_instruction(folder / "instruction.md"),
        workspace=place,
        folder=folder,
        tests=tests,
        solution=solution,
        scorer=about.scorer if isinstance(about.scorer, dict) else tuple(about.scorer),
        protected=tuple(about.workspace.protected),
        editable=tuple(about.workspace.editable),
        pristine=about.workspace.pristine,
        agent_s=about.agent.timeout_sec,
        verifier_s=about.verifier.timeout_sec,
        env=resolved(about.environment.env, user_environment(environ), f"{where} [environment] env"),
        verifier_env=resolved(about.verifier.env, environ, f"{where} [verifier] env"),
        solution_env=resolved(solving, environ, f"{where} [solution] env"),
        placeholders=_placeholders(about, folder, rollout),
        wrapped=wrapped,
    )


def _workspace(path: Path) -> Path:
    if not path.is_dir():
        raise TaskInvalid(
            f"the workspace {path} does not exist", hint="create it, or name one by --workspace"
        )
    place = path.resolve()
    if place == Path(place.anchor):
        raise TaskInvalid("the workspace is the root folder", hint="set WORKDIR, or name one by --workspace")
    return place


def _hidden(path: Path, workspace: Path) -> Path | None:
    """Return a folder that the agent must not see, if there is one."""
    if not path.is_dir():
        return None
    if path.resolve().is_relative_to(workspace):
        raise TaskInvalid(
            f"{path} lies in the workspace {workspace}, where the agent would read it",
            hint="keep the task folder elsewhere, /rollout/tasks for one",
        )
    return path


def _instruction(path: Path) -> str:
    try:
        return _CANARY.sub("", path.read_text(encoding="utf-8")).strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise TaskInvalid(f"{path}: {error}") from None


def _placeholders(about: TaskFile, folder: Path, rollout: Rollout) -> dict[str, str]:
    named = {"name": about.task.name, **(about.task.model_extra or {}), **about.metadata}
    scalars = {key: value for key, value in named.items() if isinstance(value, str | int | float)}
    texts = {key: str(as_text(value)) for key, value in scalars.items()}
    return {**texts, "task_id": folder.name, "seed": str(rollout.seed)}
