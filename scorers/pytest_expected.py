"""Which tests a project has: collected from its pristine tree and the hidden tests alone.

A file that cannot be collected there (it imports what the agent is to write) is read instead: each test
function of it is expected under its own name, or with any parameters. So are all below a conftest that does
not load. A file that skips itself there (importorskip) counts once it no longer does.
"""

import ast
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scorers.base import Check
from scorers.expected import Expected
from scorers.pytest_session import Session

_NOTHING = 5
"""Pytest's exit code where there are no tests."""
_ELSEWHERE = frozenset({"site-packages", "node_modules", ".git", ".venv", "venv", "build", "dist"})
_EXCUSES = ("skip", "skipif", "skipIf", "skipUnless", "xfail", "importorskip")


@dataclass(frozen=True, slots=True)
class Known:
    """What the pristine tree says about its tests."""

    ids: tuple[str, ...]
    """Collected."""
    open_ids: tuple[str, ...] = ()
    """Functions of files that could not be collected: they may have parameters."""
    xfail: frozenset[str] = frozenset()
    """Collected ids with an xfail mark."""
    excused: frozenset[str] = frozenset()
    """Of `open_ids`: those whose source says that they may be skipped."""
    doctests: frozenset[str] = frozenset()
    """Collected ids that are no test functions."""
    dormant: frozenset[str] = frozenset()
    """Files that skip themselves."""
    skipped: frozenset[str] = frozenset()
    """Collected ids that a mark skips."""
    kept: bool = False
    """It was asked before, and kept in the image."""

    def expected(self, seen: Iterable[str], broken: Collection[str] = ()) -> Expected:
        """Return the denominator, with the parameters that were seen of the open ids.

        Dormant files count where something of them was seen, or where they are `broken` now.
        """
        seen = list(seen)
        awake = {*map(file_of, seen), *broken}
        ids = [*self.ids]
        for base in self.open_ids:
            if file_of(base) not in self.dormant or file_of(base) in awake:
                ids += [id_ for id_ in seen if base in {base_of(id_), file_of(id_)}] or [base]
        return Expected(tuple(dict.fromkeys(ids)), source="kept" if self.kept else "collected")

    @classmethod
    def of_lists(cls, lists: Mapping[str, Any] | None) -> "Known | None":
        """Return what `lists` gave, null for nothing, or for lists of another version."""
        if lists is None or lists.keys() != set(cls.__dataclass_fields__) - {"kept"}:
            return None
        sets = {name: frozenset(lists[name]) for name in lists if name not in {"ids", "open_ids"}}
        return cls(tuple(lists["ids"]), tuple(lists["open_ids"]), **sets, kept=True)

    def lists(self) -> dict[str, list[str]]:
        """Return it as plain lists."""
        return {name: list(getattr(self, name)) for name in self.__dataclass_fields__ if name != "kept"}

    @property
    def files(self) -> tuple[str, ...]:
        """The Python files with test functions."""
        ids = [id_ for id_ in (*self.ids, *self.open_ids) if id_ not in self.doctests]
        return tuple(path for path in dict.fromkeys(map(file_of, ids)) if path.endswith(".py"))


def file_of(id_: str) -> str:
    """Return the file of a node id."""
    return id_.partition("::")[0]


def base_of(id_: str) -> str:
    """Return a node id without its parameters."""
    file, separator, rest = id_.partition("::")
    return f"{file}{separator}{rest.partition('[')[0]}"


def known_of(session: Session, tree: Path) -> Known:
    """Return what a collection of the pristine tree says."""
    broken = [file for id_ in session.errors for file in _test_files(tree, file_of(id_))]
    if not session.ids and not session.errors and session.finishes != [_NOTHING]:
        broken += _test_files(tree, "")  # its first conftest does not load: pytest says nothing of the rest
    dormant = frozenset(id_ for id_ in session.skipped if id_.endswith(".py"))
    found: dict[str, bool] = {}
    for file in dict.fromkeys((*broken, *sorted(dormant))):
        found |= _read(tree, file)
    marked = {
        name: frozenset(id_ for id_, marks in session.marks.items() if name in marks)
        for name in ("xfail", "doctest", "skip")
    }
    return Known(
        ids=tuple(dict.fromkeys(session.ids)),
        open_ids=tuple(found),
        xfail=marked["xfail"],
        excused=frozenset(id_ for id_, excused in found.items() if excused),
        doctests=marked["doctest"],
        dormant=dormant,
        skipped=marked["skip"],
    )


def without_surprise_passes(checks: Mapping[str, Check], known: Known) -> dict[str, Check]:
    """Return the checks, where an xpass counts only for a test that the pristine project marks so."""
    bases = {base_of(id_) for id_ in known.excused}

    def judged(check: Check) -> Check:
        if check.raw != "xpassed" or check.id in known.xfail or base_of(check.id) in bases:
            return check
        return check.model_copy(update={"status": "failed"})

    return {id_: judged(check) for id_, check in checks.items()}


def explained(checks: Sequence[Check], errors: Mapping[str, Check]) -> tuple[Check, ...]:
    """Return the checks, where what is missing because its file does not load says so."""

    def told(check: Check) -> Check:
        error = errors.get(file_of(check.id)) if check.raw == "missing" else None
        return check.model_copy(update={"message": error.message}) if error else check

    return tuple(map(told, checks))


def excused_of(ids: Collection[str], known: Known) -> frozenset[str]:
    """Return those ids whose own source says that they may be skipped, or that a mark skips there too."""
    return frozenset(id_ for id_ in ids if base_of(id_) in known.excused or id_ in known.skipped)


def _test_files(tree: Path, place: str) -> list[str]:
    """Return a file itself, or what is named like a test file below a folder."""
    if (tree / place).is_file():
        return [place] if place.endswith(".py") else []
    found = {path for name in ("test_*.py", "*_test.py") for path in (tree / place).rglob(name)}
    paths = sorted(path.relative_to(tree) for path in found)
    return [str(path) for path in paths if not _ELSEWHERE.intersection(path.parts)]


def _read(tree: Path, file: str) -> dict[str, bool]:
    """Return the ids of a file's test functions, and whether its source lets each be skipped."""
    try:
        module = ast.parse((tree / file).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return {file: False}
    loose = [node for node in module.body if isinstance(node, ast.Assign | ast.Expr)]
    everything = any(word in ast.unparse(node) for node in loose for word in ("pytestmark", "importorskip"))
    return dict(_functions(module.body, file, excused=everything)) or {file: False}


def _functions(body: Iterable[ast.stmt], prefix: str, *, excused: bool) -> Iterable[tuple[str, bool]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield f"{prefix}::{node.name}", excused or _may_be_skipped(node)
        elif isinstance(node, ast.ClassDef) and _is_test_class(node):
            marked = excused or any(
                name in ast.unparse(mark) for mark in node.decorator_list for name in _EXCUSES
            )
            yield from _functions(node.body, f"{prefix}::{node.name}", excused=marked)


def _is_test_class(node: ast.ClassDef) -> bool:
    return node.name.startswith("Test") or any(ast.unparse(base).endswith("TestCase") for base in node.bases)


def _may_be_skipped(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(name in ast.unparse(mark) for mark in node.decorator_list for name in _EXCUSES)
