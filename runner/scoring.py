"""Which scorer decides: the request's, else the task's, else what the workspace shows."""

from collections.abc import Mapping
from typing import Any

from runner.errors import TaskInvalid
from runner.plugins import load_scorer
from runner.request import Rollout
from runner.task import Task
from scorers.base import Scorer

_DETECTED = ("cargo", "pytest")

Table = Mapping[str, Any]


def scorer_for(rollout: Rollout, task: Task) -> Scorer:
    """Return the scorer with its options; raise `TaskInvalid` where nothing says how to score."""
    table = _table(rollout, task)
    if not isinstance(table, Mapping):
        return load_scorer("combined")({"parts": tuple(table)})
    options = {key: value for key, value in table.items() if key != "name"}
    return load_scorer(str(table["name"]))(options)


def _table(rollout: Rollout, task: Task) -> Table | tuple[Table, ...]:
    asked, own = rollout.scorer, task.scorer
    if asked and not isinstance(asked, str):
        return asked
    if isinstance(own, tuple):
        return {"name": asked} if asked else own
    if asked:
        return {**own, "name": asked} if own.get("name") == asked else {"name": asked}
    return own if own.get("name") else {**own, "name": _detected(task)}


def _detected(task: Task) -> str:
    if task.tests and (task.tests / "test.sh").is_file():
        return "harbor"
    for name in _DETECTED:
        if load_scorer(name).fits(task.workspace):
            return name
    raise TaskInvalid(
        f"nothing says how to score the workspace {task.workspace}: no Cargo.toml, no pytest tests",
        hint="name a scorer in params.scorer or in the task's [scorer] table",
    )
