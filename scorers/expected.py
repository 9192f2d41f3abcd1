"""Which tests are expected, and what that makes of what was seen: the denominator is nobody's but the task's.

Skipped, ignored, missing, crashed and begun without result are not passed; extra ids do not count.
"""

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from runner.errors import TaskInvalid
from runner.output import cut
from scorers.base import Check
from scorers.conditions import trust_of

Source = Literal["named", "collected", "kept"]
_LISTS = ("expected", "fail_to_pass", "pass_to_pass")
OPTIONS = frozenset((*_LISTS, *(name.upper() for name in _LISTS)))
_MESSAGE_HEAD, _MESSAGE_TAIL = 1000, 3000


@dataclass(frozen=True, slots=True)
class Expected:
    """The ids that make up the denominator."""

    ids: tuple[str, ...]
    """Every expected id, once, in order."""
    fail_to_pass: frozenset[str] = frozenset()
    """SWE-bench's first group, where the task names groups."""
    pass_to_pass: frozenset[str] = frozenset()
    source: Source = "named"
    """By the task, from the pristine tree now, or from there before and kept in the image."""

    def summary(self, checks: Sequence[Check]) -> dict[str, Any]:
        """Return passed/total of each group the task names, for the result's details."""
        passed = {check.id for check in checks if check.status == "passed"}
        groups = {"fail_to_pass": self.fail_to_pass, "pass_to_pass": self.pass_to_pass}
        return {name: {"passed": len(ids & passed), "total": len(ids)} for name, ids in groups.items() if ids}


def expected_of(options: Mapping[str, Any]) -> Expected | None:
    """Return the ids that the task's `[scorer]` table names, null where it names none.

    Lists, or JSON text of lists, as SWE-bench's data sets have them.
    """
    failing, passing = ids_of(options, "fail_to_pass"), ids_of(options, "pass_to_pass")
    named = dict.fromkeys((*ids_of(options, "expected"), *failing, *passing))
    if not named:
        return None
    return Expected(tuple(named), frozenset(failing), frozenset(passing))


def listed(options: Mapping[str, Any], ask: Callable[[], tuple[str, ...]]) -> tuple[str, ...] | None:
    """Return the ids that the task names, else those that `ask` finds; null in plain, which expects none."""
    if trust_of(options) == "plain":
        return None
    named = expected_of(options)
    return named.ids if named else ask()


def ids_of(options: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return a list of ids of the `[scorer]` table, also written as JSON text; empty without one."""
    value = options.get(name, options.get(name.upper(), []))
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            value = None
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
        raise TaskInvalid(f"[scorer] {name} is no list of test ids", hint='write it as ["id", ...]')
    return tuple(value)


def verdicts(
    expected: Expected, seen: Mapping[str, Check], *, excused: Collection[str] = ()
) -> tuple[Check, ...]:
    """Return one check for each expected id.

    `excused` ids may be skipped: the pristine project skips them too. Any other skip of an expected test
    counts as failed, with the tool's word in `raw`.
    """
    return tuple(_verdict(id_, seen.get(id_), excused=id_ in excused) for id_ in expected.ids)


def _verdict(id_: str, check: Check | None, *, excused: bool) -> Check:
    if check is None:
        return Check(id=id_, status="failed", raw="missing", message="expected, but it never ran")
    if check.status == "skipped" and not excused:
        return check.model_copy(update={"status": "failed", "raw": check.raw or "skipped"})
    return check


def resolved(checks: Sequence[Check]) -> bool:
    """Say whether every expected test passed, leaving out those that the project itself skips."""
    counted = [check for check in checks if check.status != "skipped"]
    return bool(counted) and all(check.status == "passed" for check in counted)


def clip(text: str, head: int = _MESSAGE_HEAD, tail: int = _MESSAGE_TAIL) -> str:
    """Return head and tail of a text that is too long: the error is mostly at the end."""
    return cut(text, head, tail)
