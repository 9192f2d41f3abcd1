"""Scores by a command's own word: its exit code, or a fraction that it prints.

`[scorer]` options: `command` (argv), `pattern` (a regular expression of the output, whose last match is the
fraction: one group for the number itself, two for `passed` and `total`; of both streams the lower one
counts) or `json` (the key, dots for nesting, in the last line of the standard output that is a JSON object),
`trust`, `overlay`, and those of `scorers.conditions`. The script that the command starts is protected.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from runner.errors import ScoringFailed, TaskInvalid
from runner.output import head_tail
from runner.process import Exit
from scorers.base import Check, Score, Scorer, Submission
from scorers.conditions import OPTIONS as CONDITIONS
from scorers.conditions import check_conditions
from scorers.expected import clip
from scorers.stage import argv_of, program_of, stage

_READ = 1024 * 1024
"""Bytes of output that are looked through for JSON: head and tail."""
_SEARCHED = 16 * 1024
"""Bytes of each stream that a pattern is looked for in: on a flood it may take the square of their number."""


class CommandScorer(Scorer):
    """Runs a command in the tree and takes its word."""

    name: ClassVar[str] = "command"
    option_names = {"command", "pattern", "json", "trust", "overlay", *CONDITIONS}

    def tool(self, workspace: Path, env: Mapping[str, str]) -> str:
        """Find the command's program."""
        del workspace
        return program_of(self.options, env)

    def check(self) -> list[str]:
        """Read every option."""
        argv_of(self.options)
        self._fraction_options()
        check_conditions(self.options)
        return super().check()

    def score(self, submission: Submission) -> Score:
        """Run the command and return what it says."""
        argv = argv_of(self.options)
        pattern, key = self._fraction_options()
        with stage(submission, self.options) as place:
            end = place.run(argv, "command")
            details = {**place.details(), "exit_code": end.code, "ended": end.ending}
            changes = place.protected_changes
        streams = [submission.reports / "command.out", submission.reports / "command.err"]
        printed, complaints = (head_tail(stream, _READ) for stream in streams)
        found = _by_pattern(pattern, streams) if pattern else _by_key(key, printed)
        fraction = min(found, default=None)
        reward = _reward(end, fraction, asked=bool(pattern or key), said=complaints or printed)
        if len(set(found)) > 1:
            details["disagreement"] = f"the streams say {' and '.join(map(str, found))}: the lower one counts"
        if fraction == 1 and end.code:
            details["disagreement"] = f"it printed {fraction}, yet ended with exit code {end.code}"
        said = "" if reward == 1 else clip(complaints.strip() or printed.strip())
        check = Check(
            id=" ".join(argv), status="passed" if reward == 1 else "failed", raw=end.ending, message=said
        )
        return Score(reward, (check,), protected_changes=changes, details=details)

    def _fraction_options(self) -> tuple[re.Pattern[str] | None, str]:
        pattern, key = self.options.get("pattern"), self.options.get("json", "")
        if pattern and key:
            raise TaskInvalid("[scorer] has both pattern and json", hint="keep one of them")
        if not isinstance(key, str):
            raise TaskInvalid(f"[scorer] json is {key!r}", hint='write the key: json = "score"')
        if pattern is None:
            return None, key
        try:
            compiled = re.compile(pattern, re.MULTILINE)
        except (re.error, TypeError) as error:
            raise TaskInvalid(f"[scorer] pattern is no regular expression: {error}") from None
        if compiled.groups not in {1, 2}:
            raise TaskInvalid("[scorer] pattern needs one group (the fraction) or two (passed, total)")
        return compiled, key


def _by_pattern(pattern: re.Pattern[str], streams: Sequence[Path]) -> list[float]:
    """Return what each stream says last: the code under test may have only one of them."""
    matches = (list(pattern.finditer(head_tail(stream, _SEARCHED))) for stream in streams)
    return [_fraction(found[-1]) for found in matches if found]


def _fraction(found: re.Match[str]) -> float:
    try:
        numbers = [float(group) for group in found.groups()]
    except (TypeError, ValueError):
        raise ScoringFailed(
            f"the output's {clip(found[0], 60, 60)!r} holds no number", hint="correct [scorer] pattern"
        ) from None
    if len(numbers) == 1:
        return numbers[0]
    return numbers[0] / numbers[1] if numbers[1] else math.nan


def _by_key(key: str, text: str) -> list[float]:
    lines = (line for line in reversed(text.splitlines()) if line.strip().startswith("{")) if key else ()
    values = (_looked_up(line, key) for line in lines)
    return [value for value in values if value is not None][:1]


def _looked_up(line: str, key: str) -> float | None:
    try:
        value: Any = json.loads(line)
    except (ValueError, RecursionError):
        return None
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _reward(end: Exit, fraction: float | None, *, asked: bool, said: str) -> float:
    """Return the reward; a command that fails earns at most a part, one that says nothing is no verdict."""
    if end.ending != "exited" or end.code < 0 or (fraction == 1 and end.code):
        return 0.0
    if fraction is None:
        if asked and end.code == 0:
            raise ScoringFailed(f"the command printed no fraction: {clip(said.strip(), 200, 800)}")
        return 1.0 if end.code == 0 else 0.0
    if not 0 <= fraction <= 1:
        raise ScoringFailed(f"the command's fraction is {fraction}, not from 0 to 1")
    return fraction
