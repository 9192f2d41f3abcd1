"""A verdict that holds against the agent: new trees, clean conditions, expected ids, canaries, mutants."""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.errors import ScoringFailed
from runner.output import head_tail
from scorers.base import Check, Score, Submission, ratio
from scorers.conditions import clean_conditions
from scorers.expected import Expected, expected_of, resolved, verdicts
from scorers.image_cache import Entry, entry_of, installed
from scorers.pytest_expected import (
    Known,
    excused_of,
    explained,
    file_of,
    known_of,
    without_surprise_passes,
)
from scorers.pytest_mutants import Mutants, choose, mutate
from scorers.pytest_place import deselects
from scorers.pytest_rehearsal import not_taken
from scorers.pytest_runs import Run, Runner, run_all
from scorers.pytest_session import Session, copy_events, require_start
from scorers.pytest_trees import Trees
from scorers.reports import RunReport, write_reports


def score_strict(submission: Submission, options: Mapping[str, Any], args: Sequence[str]) -> Score:
    """Return the verdict of the task's tests on a new tree."""
    with clean_conditions(submission, options) as conditions:
        return _Strict(submission, options, args, Trees(submission, options, conditions)).score()


def collect(submission: Submission, options: Mapping[str, Any], args: Sequence[str]) -> tuple[str, ...]:
    """Return the ids of the pristine project's tests, and keep what is known of it for this image."""
    with clean_conditions(submission, options) as conditions:
        return _Strict(submission, options, args, Trees(submission, options, conditions)).collect()


@dataclass(frozen=True, slots=True)
class _Strict:
    submission: Submission
    options: Mapping[str, Any]
    args: Sequence[str]
    trees: Trees

    def score(self) -> Score:
        started = time.time()
        named = expected_of(self.options)
        known = Known(named.ids) if named else self._know()
        run = self._run(known, named)
        seen = self.trees.canaries.without(run.seen)
        if not named:
            seen = without_surprise_passes(seen, known)
        expected = named or known.expected(seen, run.errors)
        checks = verdicts(expected, seen, excused=self._excused(expected, seen, known))
        checks = explained(checks, run.errors)
        tampering = tuple(self._tampering(run, known, expected, checks))
        self._report(run, checks, started)
        return Score(
            reward=0.0 if tampering else ratio(checks),
            checks=checks,
            resolved=resolved(checks) and not tampering,
            tampering=tampering,
            protected_changes=tuple(self.trees.made.protected_changes) if self.trees.made else (),
            details=self._details(run, expected, checks),
        )

    def collect(self) -> tuple[str, ...]:
        """Ask the pristine tree, whatever was kept of it."""
        runner, entry = self._pristine_entry(anew=True)
        known, session = self._collect_from(runner)
        if session.finishes:
            entry.keep(known.lists())
        return known.expected(()).ids

    def _run(self, known: Known, named: Expected | None) -> Run:
        first = self.trees.work(known)
        args = self._arguments(named, first.place.tree)
        run = run_all(first, lambda: self.trees.work(known), args, known.files)
        if self._retract(run):
            run = run_all(self.trees.work(known), lambda: self.trees.work(known), args, known.files)
        if not run.version:  # no pytest, or one that the code under test has silenced?
            require_start(self.trees.pristine().session(["--version"], short=True), self.trees.python)
        return run

    def _retract(self, run: Run) -> bool:
        """Take canaries back where they kept honest tests from being collected; say whether any were."""
        planted = set(self.trees.canaries.ids.values())
        if run.sessions[0].collects and not planted & run.errors.keys():
            return False
        unfit = {self.trees.canaries.ids[id_] for id_ in not_taken(self.trees, self.args)}
        for file in unfit:
            self.trees.sources[file] = self.trees.sources[file].bare
        self.trees.canaries.drop(unfit)
        return bool(unfit)

    def _arguments(self, named: Expected | None, tree: Path) -> list[str]:
        """Return pytest's arguments: the files of named ids, never the ids, one unknown of which ends all."""
        if not named or self.args:
            return list(self.args)
        files = dict.fromkeys(map(file_of, named.ids))
        return [file for file in files if (tree / file).exists()]

    def _know(self) -> Known:
        """Return what the pristine tree has, or had when it was asked before in this image."""
        runner, entry = self._pristine_entry()
        if known := Known.of_lists(entry.recall()):
            return known
        known, session = self._collect_from(runner)
        if entry.apart and session.finishes:  # else it was ended halfway, and says less than there is
            entry.keep(known.lists())
        return known

    def _pristine_entry(self, *, anew: bool = False) -> tuple[Runner, Entry]:
        runner = self.trees.pristine()
        packages = installed(self.trees.python.parent.parent)
        about = (self.trees.python, *packages, *self.trees.conditions.named, *self.args)
        return runner, entry_of(self.submission, runner.place.tree, "pytest", about, anew=anew)

    def _collect_from(self, runner: Runner) -> tuple[Known, Session]:
        session = runner.session([*self.args, "--collect-only", "-qqq", "--assert=plain"], short=True)
        require_start(session, self.trees.python)
        if session.exit.ending != "exited":
            why = f"it was ended after {session.exit.duration_s:.0f} s ({session.exit.ending})"
            hint = "raise [verifier] timeout_sec, or see what a test file does when it is imported"
            raise ScoringFailed(f"pytest did not list the tests: {why}", hint=hint)
        known = known_of(session, runner.place.tree)
        if not known.ids and not known.open_ids:
            raise ScoringFailed(
                f"no tests in the pristine project (pytest's exit code {session.exit.code}): "
                f"{head_tail(session.log, 3000).strip()}",
                hint="add tests/ to the task folder, or name ids in [scorer] expected",
            )
        return known, session

    def _excused(self, expected: Expected, seen: Mapping[str, Check], known: Known) -> Collection[str]:
        """Return what may be skipped: what the pristine tree skips too, when it is asked."""
        skipped = [id_ for id_ in expected.ids if id_ in seen and seen[id_].status == "skipped"]
        if expected.source == "named" or not skipped:
            return ()
        excused = excused_of(skipped, known)
        asked = [id_ for id_ in skipped if id_ in known.ids and id_ not in known.skipped]
        if not asked:
            return excused
        session = self.trees.pristine().session(self.args, asked, short=True)
        return excused | {id_ for id_, check in session.seen.items() if check.status == "skipped"}

    def _tampering(
        self, run: Run, known: Known, expected: Expected, checks: Sequence[Check]
    ) -> Iterator[str]:
        canaries = self.trees.canaries
        yield from canaries.caught(run.seen)
        if run.sessions[-1].finishes in ([0], [1]):  # a whole run, in which none may be left out
            excused = deselects(self.trees.snapshot, self.args)
            gone = canaries.vanished(run.seen, run.deselected if excused else ())
            yield from gone and canaries.vanished(run.seen, not_taken(self.trees, self.args))
        yield from (f"changed after the snapshot: {path}" for path in self.trees.drift.tampered[:20])
        if self.options.get("mutants", True):
            dearest = {*expected.fail_to_pass, *self.trees.hidden}
            chosen = choose(checks, lambda id_: id_ in dearest or file_of(id_) in dearest)
            yield from self._surviving(known, mutate(self.trees.sources, chosen))

    def _surviving(self, known: Known, mutants: Mutants) -> Iterator[str]:
        """Yield a sentence for each file with a mutant that passes here, and not on a pristine tree."""
        if not mutants.ids:
            return
        passed = _passed(self.trees.work(known), mutants, mutants.ids)
        if passed:
            passed -= _passed(self.trees.pristine(), mutants, sorted(passed))
        for file in dict.fromkeys(map(file_of, sorted(passed))):
            yield f"a test with a random expected value passed in {file}"

    def _report(self, run: Run, checks: Sequence[Check], started: float) -> None:
        outputs = {check.id: run.outputs[check.id] for check in checks if check.id in run.outputs}
        report = RunReport("pytest", checks, started, time.time(), run.version, outputs)
        write_reports(self.submission.reports, report)
        copy_events(run.sessions, self.submission.reports / "events.jsonl", self.trees.canaries)

    def _details(self, run: Run, expected: Expected, checks: Sequence[Check]) -> dict[str, Any]:
        first = run.sessions[0]
        said = {
            "not_used": [*self.trees.drift.starters, *self.trees.drift.plugins][:100],
            "left_out": self.trees.made.left_out[:100] if self.trees.made else [],
            "irregular": run.irregular,
            "hidden_tests": list(self.trees.hidden),
            "groups": expected.summary(checks),
            "could_be_written_by_the_agent": first.writable(self.submission.account),
        }
        return {
            "trust": "strict",
            "pytest": run.version,
            "python": first.about.get("python"),
            "sessions": len(run.sessions),
            "exit_code": first.exit.code,
            "expected": expected.source,
            **{name: value for name, value in said.items() if value},
        }


def _passed(runner: Runner, mutants: Mutants, ids: Sequence[str]) -> set[str]:
    """Return which mutants pass in a tree."""
    if runner.conditions.deadline.passed:
        return set()
    mutants.write(runner.place.tree)
    session = runner.session(list(dict.fromkeys(map(file_of, ids))), ids, short=True)
    return {id_ for id_, check in session.seen.items() if check.status == "passed" and id_ in ids}
