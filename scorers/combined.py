"""Several scorers together, each with its weight.

    [[scorer]]
    name = "pytest"
    weight = 0.7
    [[scorer]]
    name = "rubric"
    weight = 0.3
    criteria = ["The fix handles empty input."]

A part that gives no verdict leaves the whole without one; tampering seen by any makes the reward 0. A part
that runs the agent's program in the workspace itself (`harbor`, `trust = "plain"`) belongs at the end: those
after it would score what that program made of it.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from runner.errors import TaskInvalid
from runner.plugins import load_scorer
from scorers.base import Score, Scorer, Submission

_SHARE = 0.8
"""Of the time left, what a part that is not the last may use."""


class Combined(Scorer):
    """The weighted mean of several scorers."""

    name: ClassVar[str] = "combined"
    option_names = {"parts"}

    def tool(self, workspace: Path, env: Mapping[str, str]) -> str:
        """Find the tools of every part."""
        parts = _parts(self.options["parts"]) if "parts" in self.options else []
        return ", ".join(filter(None, (part.scorer.tool(workspace, env) for part in parts)))

    def check(self) -> list[str]:
        """Load every part and read its options."""
        parts = _parts(self.options.get("parts", ()))
        warnings = [warning for part in parts for warning in part.scorer.check()]
        return [*super().check(), *warnings, *_misplaced(parts)]

    def collect(self, submission: Submission) -> tuple[str, ...] | None:
        """List the tests of every part that lists any."""
        parts = _parts(self.options.get("parts", ()))
        lists = {part.label: part.scorer.collect(_with_folders(submission, part)) for part in parts}
        ids = tuple(f"{label}: {id_}" for label, listed in lists.items() for id_ in listed or ())
        return ids or None

    def score(self, submission: Submission) -> Score:
        """Score every part in turn and return the weighted mean."""
        parts = _parts(self.options.get("parts", ()))
        given = [(part, _with_folders(submission, part)) for part in parts]
        scores = [part.scorer.score(_in_time(own, last=part is parts[-1])) for part, own in given]
        tampering = tuple(caught for score in scores for caught in score.tampering)
        total = math.fsum(part.weight for part in parts)
        weighted = math.fsum(p.weight * s.reward for p, s in zip(parts, scores, strict=True)) / total
        return Score(
            reward=0.0 if tampering else min(1.0, weighted),
            checks=tuple(
                check.model_copy(update={"id": f"{part.label}: {check.id}"})
                for part, score in zip(parts, scores, strict=True)
                for check in score.checks
            ),
            compiled=_all([score.compiled for score in scores]),
            resolved=_all([score.resolved for score in scores]),
            tampering=tampering,
            protected_changes=tuple(sorted({path for score in scores for path in score.protected_changes})),
            details={"parts": [_detail(part, score) for part, score in zip(parts, scores, strict=True)]},
        )


@dataclass(frozen=True, slots=True)
class _Part:
    label: str
    """Its name, numbered where a name comes twice."""
    scorer: Scorer
    weight: float


def _parts(tables: Sequence[Mapping[str, Any]]) -> list[_Part]:
    """Load every part before the first is run, so that a mistake costs nothing."""
    parts: list[_Part] = []
    for number, table in enumerate(tables, 1):
        name, weight = table.get("name"), table.get("weight", 1.0)
        if not isinstance(name, str):
            raise TaskInvalid(f"[[scorer]] {number} has no name", hint='write name = "pytest"')
        if type(weight) not in {int, float} or not 0 < weight < math.inf:
            raise TaskInvalid(f"[[scorer]] {name}: weight is {weight!r}", hint="write a number above 0")
        options = {key: value for key, value in table.items() if key not in {"name", "weight"}}
        taken = any(part.label == name for part in parts)
        label = f"{name}-{number}" if taken else name
        parts.append(_Part(label, load_scorer(name)(options), float(weight)))
    if not parts:
        raise TaskInvalid("the combined scorer has no parts", hint="write several [[scorer]] tables")
    return parts


def _misplaced(parts: Sequence[_Part]) -> list[str]:
    """Warn of what runs the agent's program where a later part will look."""
    running = [part for part in parts if part.scorer.name != "rubric"]
    return [
        f"[[scorer]] {part.label} runs in the workspace itself: put it after {after.label}"
        for part, after in itertools.pairwise(running)
        if _in_place(part.scorer) and not _in_place(after.scorer)
    ]


def _in_place(scorer: Scorer) -> bool:
    return scorer.name == "harbor" or scorer.options.get("trust") == "plain"


def _with_folders(submission: Submission, part: _Part) -> Submission:
    """Give a part its own folders, made before any test runs that could make them first."""
    label = part.label.replace("/", "-")
    scratch, reports = submission.scratch / label, submission.reports / label
    scratch.mkdir()
    reports.mkdir()
    return replace(submission, scratch=scratch, reports=reports)


def _in_time(submission: Submission, *, last: bool) -> Submission:
    """Leave some time for the parts after this one."""
    deadline = submission.deadline
    return submission if last else replace(submission, deadline=deadline.at_most(deadline.remaining * _SHARE))


def _detail(part: _Part, score: Score) -> dict[str, Any]:
    return {**score.details, "name": part.label, "weight": part.weight, "reward": score.reward}


def _all(values: Sequence[bool | None]) -> bool | None:
    """Return null where no part says, else whether all that do say yes."""
    said = [value for value in values if value is not None]
    return all(said) if said else None
