"""Makes the trees that are scored: a new one for every session, lest one rewrite the next one's.

A pristine tree is the snapshot with the hidden tests laid over it. A tree of the agent's work has its files
where nothing protects the place, and the canaries.
"""

import functools
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.newtree import NewTree, new_tree
from runner.workspace import copy
from scorers.base import Submission
from scorers.canary import Canaries
from scorers.conditions import Conditions
from scorers.overlay import lay_tests
from scorers.protected import frozen
from scorers.pytest_canary import Source, plant
from scorers.pytest_expected import Known
from scorers.pytest_intact import Drift, drift
from scorers.pytest_place import own_modules, prepare
from scorers.pytest_python import find_python, moved
from scorers.pytest_runs import Runner

PROTECTED = (
    *("tests", "test", "test_*.py", "*_test.py", "conftest.py", "testing/data"),
    *("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "setup.py"),
    *(
        "pyproject.toml",
        "requirements*.txt",
        "*.lock",
        "Pipfile",
        "noxfile.py",
        ".coveragerc",
        ".python-version",
    ),
    *("*.egg-info", "*.dist-info", "*.egg-link", "*.pth", "sitecustomize.py", "usercustomize.py"),
    *("__pycache__", "*.pyc", ".pytest_cache", ".hypothesis", ".venv", "venv", "pyvenv.cfg"),
)
"""Tests, their configuration, manifests, and whatever a Python starts up with."""


@dataclass(eq=False)
class Trees:
    """The trees of one score."""

    submission: Submission
    options: Mapping[str, Any]
    conditions: Conditions
    canaries: Canaries = field(default_factory=Canaries)
    hidden: tuple[str, ...] = ()
    """Paths of the hidden tests."""
    made: NewTree | None = None
    """The first tree of the agent's work, and what of it does not count."""
    sources: dict[str, Source] = field(default_factory=dict)
    """The test files without and with canaries."""

    @functools.cached_property
    def python(self) -> Path:
        """The task's interpreter."""
        return find_python(self.options, self.submission.env, self.submission.workspace)

    @functools.cached_property
    def drift(self) -> Drift:
        """What of the interpreter changed since the snapshot; nothing of one that the snapshot holds."""
        workspace = self.submission.workspace.resolve()
        inside = moved(self.python, workspace, workspace / "tree") != self.python
        return Drift(0) if inside else drift(self.python, self.snapshot)

    @property
    def snapshot(self) -> Path:
        """The workspace as it was; as it is, where no agent ran."""
        return self.submission.snapshot or self.submission.workspace

    def pristine(self) -> Runner:
        """Make a pristine tree."""
        target = self._next()
        copy(self.snapshot, target)
        self.hidden = lay_tests(self.submission.tests, target, self.options)
        return self._enter(target)

    def work(self, known: Known) -> Runner:
        """Make a tree of the agent's work."""
        tree = new_tree(
            self.snapshot,
            self.submission.workspace,
            self._next(),
            frozen(self.submission, PROTECTED, frozenset(known.files)),
            account=self.submission.account,
        )
        self.hidden = lay_tests(self.submission.tests, tree.root, self.options)
        if self.made is None:
            self.made = tree
            shown = [path for path in self.hidden if Path(path).name.startswith("test_")]
            self.sources = plant(tree.root, dict.fromkeys([*known.files, *shown]), self.canaries)
        for file, source in self.sources.items():
            (tree.root / file).write_bytes(source.planted)
        return self._enter(tree.root)

    def _next(self) -> Path:
        """Return the place of the next tree: always the same, for ids may hold it."""
        if self.conditions.tree.exists():
            old = self.conditions.tree.rename(self.conditions.room / secrets.token_hex(8))
            shutil.rmtree(old, ignore_errors=True)
        return self.conditions.tree

    def _enter(self, tree: Path) -> Runner:
        self.conditions.own(tree)
        workspace = self.submission.workspace.resolve()
        name = secrets.token_hex(8)
        folder = self.conditions.room / f"entry-{name}"
        place = prepare(folder, tree, workspace, self._own | _tops(self.hidden), self.drift.since_ns)
        logs = self.submission.scratch / f"logs-{name}"
        logs.mkdir()
        python = moved(self.python, workspace, tree)
        conditions = self.conditions.with_path(python.parent)
        return Runner(python, place, conditions, logs, self.drift, self.options.get("test_timeout_s"))

    @functools.cached_property
    def _own(self) -> set[str]:
        return own_modules(self.snapshot)


def _tops(paths: Sequence[str]) -> set[str]:
    return {part.partition(".")[0] for path in paths for part in Path(path).parts}
