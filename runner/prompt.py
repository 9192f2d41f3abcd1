"""The prompt: sections in order, placeholders filled once, system text apart."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from runner.context import TEXT_KINDS
from runner.errors import RequestInvalid
from runner.request import Rollout
from runner.task import Task

_PLACEHOLDER = re.compile(r"\{([^{}\s]+)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the agent is told."""

    text: str
    """The prompt itself."""
    system: str
    """What is added to the agent's system prompt; may be empty."""


def render(rollout: Rollout, task: Task) -> Prompt:
    """Return the request's prompt for a task: its sections, else the task's instruction.

    Raises `RequestInvalid` where there is neither, or a `REQUIRED` wildcard has no value.
    """
    values = placeholders(rollout, task)
    missing = [name for name in rollout.required if name not in values]
    if missing:
        raise RequestInvalid(
            f"wildcards.{missing[0]}: REQUIRED, but neither task nor request gives it a value",
            hint="put it into env.config or the task's [metadata]",
        )
    sections = sorted(rollout.sections, key=lambda section: section.order)
    told = [fill(section.pattern, values) for section in sections if section.role != "system"]
    system = [fill(section.pattern, values) for section in sections if section.role == "system"]
    text = _joined(told) or task.instruction
    if not text:
        raise RequestInvalid(
            "prompt_template.sections: there is no prompt, neither here nor in the task",
            hint="give a section, or an instruction.md",
        )
    return Prompt(text, _joined(system + _texts(rollout)))


def placeholders(rollout: Rollout, task: Task) -> dict[str, str]:
    """Return every name that a prompt may mention; the request's values win over the task's."""
    told = {"task_description": task.instruction, "instruction": task.instruction} if task.instruction else {}
    return {**told, **task.placeholders, **rollout.values, "task": task.instruction, "task_id": task.id}


def fill(pattern: str, values: Mapping[str, str]) -> str:
    """Replace each `{name}` that has a value, in one pass: values are never filled themselves.

    All other braces stay as they are: prompts hold code.
    """
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), pattern)


def _texts(rollout: Rollout) -> list[str]:
    """Return the texts of the overrides, the last of a kind winning, in the order of the kinds."""
    last: dict[str, str] = {}
    for override in sorted(rollout.overrides, key=lambda each: each.priority):
        last |= dict(override.texts)
    return [last[kind] for kind in TEXT_KINDS if last.get(kind)]


def _joined(parts: list[str]) -> str:
    return "\n\n".join(part for part in parts if part.strip())
