"""Scores a project in any language by the JUnit XML that its test tool writes.

`[scorer]` options: `command` (argv; `{report}` in it is the path of a fresh file, which is also in
`$JUNIT_REPORT`; where it names neither, the report is read from the standard output, a file of the runner's
that no child of the tool can open where the tests have a user of their own), `trust` (`strict`, `plain`),
`expected` or `fail_to_pass` / `pass_to_pass`, `canaries` (ids of hidden tests whose honest assertion must
fail: one that does not shows a bent test framework), `mutants` (`scorers.junit_mutants`), `overlay`, and
those of `scorers.conditions`.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from runner.errors import ScoringFailed, TaskInvalid
from runner.output import head_tail
from runner.process import Exit
from scorers.base import Check, Score, Scorer, Submission, ratio
from scorers.conditions import OPTIONS as CONDITIONS
from scorers.conditions import check_conditions, trust_of
from scorers.expected import OPTIONS as EXPECTED
from scorers.expected import Expected, Source, expected_of, ids_of, resolved, verdicts
from scorers.image_cache import Entry, entry_of
from scorers.junit_mutants import mutants_of, mutate, require_known
from scorers.junit_xml import read_junit
from scorers.reports import RunReport, write_reports
from scorers.stage import Stage, argv_of, program_of, stage
from scorers.untrusted import UnusableFileError


class Junit(Scorer):
    """Runs a command and reads the report it wrote."""

    name: ClassVar[str] = "junit"
    option_names = {"command", "trust", "canaries", "mutants", "overlay", *EXPECTED, *CONDITIONS}

    def tool(self, workspace: Path, env: Mapping[str, str]) -> str:
        """Find the command's program."""
        del workspace
        return program_of(self.options, env)

    def check(self) -> list[str]:
        """Read every option."""
        argv_of(self.options)
        self._canaries()
        mutants_of(self.options)
        expected_of(self.options)
        check_conditions(self.options)
        return super().check()

    def collect(self, submission: Submission) -> tuple[str, ...] | None:
        """Run the pristine project's tests to list them; those that the task names need no listing."""
        named = expected_of(self.options)
        if named or trust_of(self.options) == "plain":
            return named.ids if named else None
        with stage(submission, self.options) as place:
            pristine, entry = self._pristine(place, anew=True)
            lists = self._list(place, pristine)
            require_known(mutants_of(self.options), lists["ids"])
            entry.keep(lists)
            return tuple(lists["ids"])

    def score(self, submission: Submission) -> Score:
        """Run the tests and return the verdict."""
        argv_of(self.options)
        with stage(submission, self.options) as place:
            started = time.time()
            expected, excused = self._expected(place)
            run, mutated = self._runs(place)
            tampering = self._tampering(run) or self._surviving(run, mutated)
            checks = self._checks(run, expected, excused)
            report = RunReport(argv_of(self.options)[0], checks, started, time.time())
            write_reports(submission.reports, report)
            return Score(
                reward=0.0 if tampering else ratio(checks),
                checks=checks,
                resolved=resolved(checks) and not tampering if expected else None,
                tampering=tampering,
                protected_changes=place.protected_changes,
                details={
                    **place.details(),
                    "exit_code": run.exit.code,
                    **({"expected": expected.source} if expected else {}),
                    **({"trouble": run.trouble} if run.trouble else {}),
                    **({"groups": expected.summary(checks)} if expected and expected.fail_to_pass else {}),
                    **({"mutants_unseen": unseen} if (unseen := self._unseen(mutated)) else {}),
                },
            )

    def _expected(self, place: Stage) -> tuple[Expected | None, frozenset[str]]:
        """Return the ids that count, and those of them that the project itself skips."""
        named = expected_of(self.options)
        if named or place.trust == "plain":
            return named, frozenset()
        pristine, entry = self._pristine(place)
        kept = entry.recall()
        lists = kept or self._list(place, pristine)
        require_known(mutants_of(self.options), lists["ids"])
        if entry.apart and not kept:
            entry.keep(lists)
        source: Source = "kept" if kept else "collected"
        return Expected(tuple(lists["ids"]), source=source), frozenset(lists["skipped"])

    def _pristine(self, place: Stage, *, anew: bool = False) -> tuple[Path, Entry]:
        """Make the pristine tree; its tests may differ with the tool that the project has installed."""
        tree = place.pristine()
        modules = tree / "node_modules"
        tools = [int(modules.stat().st_mtime)] if modules.is_dir() else []
        program = program_of(self.options, place.submission.env)
        about = [*argv_of(self.options), program, *self._canaries(), *place.conditions.named, *tools]
        return tree, entry_of(place.submission, tree, self.name, about, anew=anew)

    def _list(self, place: Stage, pristine: Path) -> dict[str, list[str]]:
        """Run the tests of the pristine tree."""
        run = self._run(place, pristine, "junit-pristine")
        broken = [
            check.id for check in run.checks if check.status == "failed" and (pristine / check.id).is_file()
        ]
        if broken or not run.checks:
            why = f"{broken[0]} does not load" if broken else run.trouble or "it reports no test"
            raise ScoringFailed(
                f"the tests of the pristine project cannot be listed: {why}",
                hint="name their ids in [scorer] expected",
            )
        if wrong := self._tampering(run):
            raise TaskInvalid(f"[scorer] canaries: in the pristine project {wrong[0]}", hint="correct them")
        counted = self._counted(run)
        skipped = [check.id for check in counted if check.status == "skipped"]
        return {"ids": [check.id for check in counted], "skipped": skipped}

    def _counted(self, run: "_Run") -> tuple[Check, ...]:
        canaries = self._canaries()
        return tuple(check for check in run.checks if check.id not in canaries)

    def _canaries(self) -> tuple[str, ...]:
        return ids_of(self.options, "canaries")

    def _tampering(self, run: "_Run") -> tuple[str, ...]:
        """Say what the canaries caught; where nothing was reported at all they say nothing."""
        seen = {check.id: check.status for check in run.checks}
        words = [seen.get(canary, "vanished") for canary in self._canaries()] if seen else []
        return tuple(f"a test that must fail: {word}" for word in words if word != "failed")

    def _runs(self, place: Stage) -> tuple["_Run", "_Run | None"]:
        """Run the tests, and where the task names mutants once more, made wrong.

        Which of the two comes first is left to chance: code that leaves a sign for the second one cheats in
        the wrong one half the time.
        """
        mutants = mutants_of(self.options)
        if not mutants or place.trust == "plain":
            return self._run(place, place.tree, "junit"), None
        trees = {"junit": place.tree, "junit-mutants": place.again(lambda root: mutate(root, mutants))}
        order = secrets.SystemRandom().sample(sorted(trees), k=len(trees))
        runs = {name: self._run(place, trees[name], name) for name in order}
        return runs["junit"], runs["junit-mutants"]

    def _surviving(self, run: "_Run", mutated: "_Run | None") -> tuple[str, ...]:
        """Name the files in which a test passed, and passed as well when it was wrong."""
        if mutated is None:
            return ()
        passed, still = (
            {check.id for check in each.checks if check.status == "passed"} for each in (run, mutated)
        )
        files = dict.fromkeys(
            mutant.file for mutant in mutants_of(self.options) if mutant.survives(passed & still)
        )
        return tuple(f"a test made wrong still passes in {file}" for file in files)

    def _unseen(self, mutated: "_Run | None") -> list[str]:
        """Name the tests that were made wrong and never ran: a mutant that breaks its file shows nothing."""
        ran = {check.id for check in mutated.checks} if mutated else set()
        wrong = (id_ for mutant in mutants_of(self.options) for id_ in mutant.fails)
        return [id_ for id_ in dict.fromkeys(wrong) if mutated and id_ not in ran]

    def _run(self, place: Stage, tree: Path, name: str) -> "_Run":
        report = place.private() / "junit.xml"
        asked = argv_of(self.options)
        argv = [part.replace("{report}", str(report)) for part in asked]
        end = place.run(argv, name, tree=tree, env={"JUNIT_REPORT": str(report)})
        printed = place.submission.reports / f"{name}.out"
        # By what the command says, never by what is there: the code under test could have put it there.
        source = report if argv != asked or "JUNIT_REPORT" in " ".join(asked) else printed
        try:
            return _Run(end, read_junit(source, tree), "")
        except FileNotFoundError:
            trouble = "it wrote no report"
        except UnusableFileError as error:
            trouble = str(error)
        said = head_tail(place.submission.reports / f"{name}.err", 2000) or head_tail(printed, 2000)
        return _Run(end, (), f"{trouble}, {_ending(end)}: {said.strip()}")

    def _checks(self, run: "_Run", expected: Expected | None, excused: frozenset[str]) -> tuple[Check, ...]:
        counted = self._counted(run)
        if expected:
            checks = verdicts(expected, {check.id: check for check in counted}, excused=excused)
        elif counted:
            checks = counted
        else:
            raise ScoringFailed(f"no test was run: {run.trouble or 'the report names none'}")
        return (*checks, *_contradiction(run))


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the command."""

    exit: Exit
    checks: tuple[Check, ...]
    trouble: str
    """Why there is no report; empty where there is one."""


def _contradiction(run: _Run) -> tuple[Check, ...]:
    """Fail a run whose report is all well while its exit code is not: what went wrong is not in it."""
    if run.exit.code == 0 or not run.checks or any(check.status == "failed" for check in run.checks):
        return ()
    message = f"the report names no failure, yet the run {_ending(run.exit)}"
    return (Check(id="(the run itself)", status="failed", raw=run.exit.ending, message=message),)


def _ending(end: Exit) -> str:
    if end.ending != "exited":
        return f"was ended after {end.duration_s:.0f} s ({end.ending})"
    return f"ended with exit code {end.code}"
