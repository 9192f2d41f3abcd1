"""A verdict that holds against the agent: new tree, clean conditions, expected ids, canaries."""

import functools
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import ScoringFailed
from runner.newtree import NewTree, new_tree
from runner.output import head_tail
from runner.workspace import copy
from scorers.base import Check, Score, Submission, ratio
from scorers.canary import Canaries
from scorers.conditions import Conditions, clean_conditions
from scorers.expected import Expected, expected_of, resolved, verdicts
from scorers.overlay import lay_tests
from scorers.protected import frozen
from scorers.pytest_cache import key_of, recall, remember
from scorers.pytest_canary import plant
from scorers.pytest_expected import (
    Known,
    excused_of,
    explained,
    file_of,
    known_of,
    without_surprise_passes,
)
from scorers.pytest_intact import Drift, drift
from scorers.pytest_mutants import Mutants, choose, mutate
from scorers.pytest_place import deselects, own_modules, prepare
from scorers.pytest_python import find_python, moved
from scorers.pytest_runs import Run, Runner
from scorers.pytest_session import copy_events, require_start
from scorers.reports import RunReport, write_reports

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


def score_strict(submission: Submission, options: Mapping[str, Any], args: Sequence[str]) -> Score:
    """Return the verdict of the task's tests on a new tree."""
    with clean_conditions(submission, options) as conditions:
        return _Strict(submission, options, args, conditions).score()


@dataclass(eq=False)
class _Strict:
    submission: Submission
    options: Mapping[str, Any]
    args: Sequence[str]
    conditions: Conditions
    hidden: tuple[str, ...] = ()
    canaries: Canaries = field(default_factory=Canaries)

    def score(self) -> Score:
        started = time.time()
        named = expected_of(self.options)
        known = Known(named.ids) if named else self._collect()
        tree = self._tree(known)
        run = self._runner(tree.root, "entry").run(self._arguments(named), known.files)
        if not run.version:
            self._require_pytest(tree.root)
        seen = self.canaries.without(run.seen)
        if not named:
            seen = without_surprise_passes(seen, known)
        expected = named or known.expected(seen)
        checks = verdicts(expected, seen, excused=self._excused(expected, seen, known))
        checks = explained(checks, run.errors)
        tampering = self._tampering(run, tree.root, checks)
        outputs = {id_: run.outputs[id_] for id_ in expected.ids if id_ in run.outputs}
        report = RunReport("pytest", checks, started, time.time(), run.version, outputs)
        write_reports(self.submission.reports, report)
        copy_events(run.sessions, self.submission.reports / "events.jsonl", self.canaries.ids)
        return Score(
            reward=0.0 if tampering else ratio(checks),
            checks=checks,
            resolved=resolved(checks) and not tampering,
            tampering=tampering,
            protected_changes=tuple(tree.protected_changes),
            details=self._details(run, tree, expected, checks),
        )

    def _require_pytest(self, tree: Path) -> None:
        """Tell an interpreter without pytest from one that the code under test has silenced."""
        require_start(self._runner(tree, "version").session(["--version"], short=True), self._python)

    @functools.cached_property
    def _python(self) -> Path:
        return find_python(self.options, self.submission.env, self.submission.workspace)

    @functools.cached_property
    def _drift(self) -> Drift:
        workspace = self.submission.workspace.resolve()
        if moved(self._python, workspace, workspace / "tree") != self._python:
            return Drift(0)  # a virtual environment of the workspace is pristine in the tree
        return drift(self._python, self._snapshot)

    @property
    def _snapshot(self) -> Path:
        return self.submission.snapshot or self.submission.workspace

    @functools.cache  # noqa: B019 - lives as long as the score
    def _pristine(self) -> Path:
        """Return the pristine tree with the hidden tests, made when first asked for."""
        pristine = self.conditions.room / "pristine"
        copy(self._snapshot, pristine)
        lay_tests(self.submission.tests, pristine, self.options)
        self.conditions.own(pristine)
        return pristine

    def _collect(self) -> Known:
        pristine = self._pristine()
        key = key_of(pristine, [str(self._python), *self.args]) if self.submission.account else ""
        if key and (remembered := recall(key)):
            return remembered
        known = self._collect_from(pristine)
        if key:
            remember(key, known)
        return known

    def _collect_from(self, pristine: Path) -> Known:
        session = self._runner(pristine, "collecting").session(
            [*self.args, "--collect-only", "-q"], short=True
        )
        require_start(session, self._python)
        known = known_of(session, pristine)
        if not known.ids and not known.open_ids:
            said = head_tail(self.submission.scratch / "collecting" / "session-0.err", 3000).strip()
            raise ScoringFailed(
                f"no tests in the pristine project (pytest's exit code {session.exit.code}): {said}",
                hint="add tests/ to the task folder, or name ids in [scorer] expected",
            )
        return known

    def _tree(self, known: Known) -> NewTree:
        tree = new_tree(
            self._snapshot,
            self.submission.workspace,
            self.conditions.tree,
            frozen(self.submission, PROTECTED, frozenset(known.files)),
            account=self.submission.account,
        )
        self.hidden = lay_tests(self.submission.tests, tree.root, self.options)
        files = [*known.files, *(path for path in self.hidden if Path(path).name.startswith("test_"))]
        plant(tree.root, dict.fromkeys(files), self.canaries)
        self.conditions.own(tree.root)
        return tree

    def _runner(self, tree: Path, name: str) -> Runner:
        workspace = self.submission.workspace.resolve()
        folder = self.conditions.room / name
        own = own_modules(self._snapshot) | _tops(self.hidden)
        place = prepare(folder, tree, workspace, own, self._drift.since_ns)
        logs = self.submission.scratch / name
        logs.mkdir()
        python = moved(self._python, workspace, tree)
        conditions = self.conditions.with_path(python.parent)
        return Runner(python, place, conditions, logs, self._drift, self.options.get("test_timeout_s"))

    def _arguments(self, named: Expected | None) -> list[str]:
        """Return pytest's arguments: the files of named ids, never the ids, one unknown of which ends all."""
        if not named or self.args:
            return list(self.args)
        files = dict.fromkeys(map(file_of, named.ids))
        return [file for file in files if (self.conditions.tree / file).exists()]

    def _tampering(self, run: Run, tree: Path, checks: Sequence[Check]) -> tuple[str, ...]:
        return (
            *self.canaries.caught(run.seen),
            *self._vanished_canaries(run),
            *(f"changed after the snapshot: {path}" for path in self._drift.tampered[:20]),
            *self._surviving_mutants(tree, checks),
        )

    def _vanished_canaries(self, run: Run) -> tuple[str, ...]:
        """Return where canaries were left out of a whole run, though the project itself leaves out none."""
        if run.sessions[-1].finishes not in ([0], [1]):
            return ()
        left_out = run.deselected if deselects(self._snapshot, self.args) else ()
        return self.canaries.vanished(run.seen, left_out)

    def _surviving_mutants(self, tree: Path, checks: Sequence[Check]) -> Iterator[str]:
        """Yield a sentence for each file with a mutant that passes here, and not on the pristine tree."""
        mutants = mutate(tree, choose(checks))
        passed = self._passed(mutants, tree, "mutants", mutants.ids)
        if passed:
            passed -= self._passed(mutants, self._pristine(), "pristine-mutants", sorted(passed))
        for file in dict.fromkeys(map(file_of, sorted(passed))):
            yield f"a test with a random expected value passed in {file}"

    def _passed(self, mutants: Mutants, tree: Path, name: str, ids: Sequence[str]) -> set[str]:
        if not ids or self.conditions.deadline.passed:
            return set()
        mutants.write(tree)
        session = self._runner(tree, name).session(list(dict.fromkeys(map(file_of, ids))), ids, short=True)
        return {id_ for id_, check in session.seen.items() if check.status == "passed" and id_ in ids}

    def _excused(self, expected: Expected, seen: Mapping[str, Check], known: Known) -> Collection[str]:
        """Return what may be skipped: what the pristine tree skips too, when it is asked."""
        skipped = [id_ for id_ in expected.ids if id_ in seen and seen[id_].status == "skipped"]
        if expected.named or not skipped:
            return ()
        excused = excused_of(skipped, known)
        asked = [id_ for id_ in skipped if id_ in known.ids]
        if not asked:
            return excused
        session = self._runner(self._pristine(), "skips").session(self.args, asked, short=True)
        return excused | {id_ for id_, check in session.seen.items() if check.status == "skipped"}

    def _details(
        self, run: Run, tree: NewTree, expected: Expected, checks: Sequence[Check]
    ) -> dict[str, Any]:
        first = run.sessions[0]
        said = {
            "not_used": [*self._drift.starters, *self._drift.plugins][:100],
            "left_out": tree.left_out[:100],
            "irregular": run.irregular,
            "hidden_tests": list(self.hidden),
            "groups": expected.summary(checks),
            "could_be_written_by_the_agent": first.writable(self.submission.account),
        }
        return {
            "trust": "strict",
            "pytest": run.version,
            "python": first.about.get("python"),
            "sessions": len(run.sessions),
            "exit_code": first.exit.code,
            "expected": "named" if expected.named else "collected",
            **{name: value for name, value in said.items() if value},
        }


def _tops(paths: Sequence[str]) -> set[str]:
    return {part.partition(".")[0] for path in paths for part in Path(path).parts}
