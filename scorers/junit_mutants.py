"""Tests of the task's own, made wrong in a run of their own: one that passes still shows a bent framework.

    [[scorer.mutants]]
    file = "test/sum.test.js"
    text = "sum(1, 2), 3"
    becomes = "sum(1, 2), {number}"    # a new number each time
    fails = ["adds two"]

They go by the name, and lie in the place, of tests that are to pass: code under test that knows which those
are cannot tell them apart by that.
"""

import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from runner.errors import TaskInvalid
from runner.model import Model

Text = Annotated[str, Field(min_length=1)]


class Mutant(Model):
    """One place in a test, and what is wrong there."""

    file: Text
    """Path in the tree, the hidden tests laid over it."""
    text: Text
    becomes: Text
    fails: Annotated[tuple[Text, ...], Field(min_length=1)]
    """Ids of tests that must not pass with it."""

    def survives(self, passed: Collection[str]) -> bool:
        """Say whether any of its tests passed all the same."""
        return any(id_ in passed for id_ in self.fails)


def mutants_of(options: Mapping[str, Any]) -> tuple[Mutant, ...]:
    """Return `[[scorer.mutants]]`."""
    try:
        return _MUTANTS.validate_python(options.get("mutants", ()))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        hint = 'tables of the texts file, text and becomes, and of fails = ["id", ...]'
        raise TaskInvalid(f"[scorer] mutants{where}: {first['msg']}", hint=hint) from None


def require_known(mutants: Iterable[Mutant], ids: Collection[str]) -> None:
    """Raise `TaskInvalid` for a mutant of no test of the project: it would catch nothing, and nobody know."""
    for mutant in mutants:
        if unknown := [id_ for id_ in mutant.fails if id_ not in ids]:
            what = f"[scorer] mutants: {mutant.file} fails {unknown[0]!r}, which is no test of the project"
            raise TaskInvalid(what, hint="write its id as `run_rollout collect --json` does")


_MUTANTS = TypeAdapter(tuple[Mutant, ...])


def mutate(tree: Path, mutants: Iterable[Mutant]) -> None:
    """Make the tests of a tree wrong; raise `TaskInvalid` where a text is not to be found."""
    for mutant in mutants:
        path = tree / mutant.file
        inside = path.resolve().is_relative_to(tree.resolve())
        content = path.read_bytes() if inside and path.is_file() else b""
        if mutant.text.encode() not in content:
            raise TaskInvalid(f"[scorer] mutants: {mutant.file} has no {mutant.text!r}", hint="correct it")
        wrong = mutant.becomes.replace("{number}", str(secrets.randbelow(90_000) + 10_000))
        path.write_bytes(content.replace(mutant.text.encode(), wrong.encode(), 1))
