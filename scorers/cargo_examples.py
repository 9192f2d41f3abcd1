"""Scores the examples in documentation by their pristine copies."""

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from scorers.base import Check
from scorers.cargo_guard import Guard
from scorers.cargo_metadata import Target, Workspace
from scorers.cargo_plain import check
from scorers.cargo_setup import Setup
from scorers.doctest import list_examples, run_examples
from scorers.libtest import Verdict
from scorers.rust_docs import Block, Carried

TWINS = 3
"""Most items of a library whose examples run a second time, so that they must fail."""
_NAME = re.compile(r"(?P<file>\S+) - (?P<item>.*?)\s*\(line (?P<line>\d+)\)")


@dataclass(frozen=True, slots=True)
class Example:
    """One example of the pristine tree, by the copy that runs."""

    id: str
    carrier: str
    """The name of the item that carries the copy."""
    place: int
    """Which of the carrier's examples it is, from 0."""


@dataclass(slots=True)
class Examples:
    """The examples of a project."""

    by_target: dict[Target, tuple[Example, ...]] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    """Ids of examples that macros or attributes make: they cannot be carried, and are not scored."""


def collect_examples(setup: Setup, workspace: Workspace, tests: Guard) -> Examples:
    """Ask rustdoc which examples the pristine tree has, where its sources show any."""
    found = Examples()
    tests.lay_documentation()
    for target, files in tests.carried.items():
        found.by_target[target] = ()
        places: dict[str, int] = {}
        copies = {item for carried in files.values() for item in (*carried.blocks, *carried.twins)}
        for name in sorted(list_examples(setup, workspace, target), key=_line):
            if _item(name) in copies:
                continue
            carrier = _carrier(name, files)
            if carrier is None:
                found.unseen.append(f"{target.package} doc {name}")
                continue
            example = Example(f"{target.package} doc {name}", carrier, places.setdefault(carrier, 0))
            places[carrier] += 1
            found.by_target[target] += (example,)
    return found


def judge_examples(
    setup: Setup, workspace: Workspace, target: Target, tests: Guard, examples: tuple[Example, ...]
) -> tuple[dict[str, Check], list[str]]:
    """Run the copies; return the checks by id, and what of the run is tampering.

    The copies leave the sources when rustdoc has read them: code under test finds no name of one.
    """
    wanted = {example.carrier for example in examples}
    twins = [twin for carried in tests.carried[target].values() for twin in carried.twins]
    chosen = random.SystemRandom().sample(twins, min(TWINS, len(twins)))
    tests.lay_documentation()
    verdicts = run_examples(setup, workspace, target, [*wanted, *chosen], begun=tests.unlay)
    bent = [] if tests.untouched() else [f"the examples of {target.package} changed sources of tests"]
    tests.unlay()
    by_carrier: dict[str, list[Verdict]] = {}
    for name in sorted(verdicts, key=_line):
        by_carrier.setdefault(_item(name), []).append(verdicts[name])
    checks = {example.id: check(example.id, _of(example, by_carrier)) for example in examples}
    if any(verdict.status == "passed" for twin in chosen for verdict in by_carrier.get(twin, ())):
        bent.append(f"an example that must fail passed in {target.package}")
    return checks, bent


def _of(example: Example, by_carrier: Mapping[str, list[Verdict]]) -> Verdict:
    found = by_carrier.get(example.carrier, [])
    if example.place < len(found):
        return found[example.place]
    return Verdict("failed", "missing", message="the library's documentation was not tested")


def _carrier(name: str, files: Mapping[str, Carried]) -> str | None:
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    return next(
        (item for item, block in _blocks(found["file"], files) if _holds(block, int(found["line"]))), None
    )


def _blocks(file: str, files: Mapping[str, Carried]) -> Iterator[tuple[str, Block]]:
    # In a workspace rustdoc's paths are relative to the package, or to the workspace.
    for path, carried in files.items():
        if path == file or path.endswith(f"/{file}") or file.endswith(f"/{path}"):
            yield from carried.blocks.items()


def _holds(block: Block, line: int) -> bool:
    return block.line <= line < block.line + len(block.lines)


def _item(name: str) -> str:
    found = _NAME.fullmatch(name)
    return found["item"].rpartition("::")[2] if found else ""


def _line(name: str) -> tuple[str, int]:
    found = _NAME.fullmatch(name)
    return (found["file"], int(found["line"])) if found else (name, 0)
