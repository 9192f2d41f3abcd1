"""A verdict that holds against the agent: a new tree, clean conditions, the task's own tests with proofs."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import ScoringFailed
from runner.newtree import NewTree, new_tree
from runner.tree import walk
from scorers.base import Score, Submission, ratio
from scorers.cargo_build import Build, build
from scorers.cargo_examples import Examples, collect_examples, judge_examples
from scorers.cargo_guard import PROTECTED, Guard, guard
from scorers.cargo_home import source_folders
from scorers.cargo_inputs import foreign_inputs
from scorers.cargo_judge import Judgement
from scorers.cargo_known import Known, in_full, read_names
from scorers.cargo_known import collect as ask
from scorers.cargo_metadata import Workspace, read_workspace
from scorers.cargo_place import Place
from scorers.cargo_run import binaries
from scorers.cargo_seal import Seal, seal
from scorers.cargo_secrets import renewed
from scorers.cargo_setup import Setup
from scorers.conditions import Conditions, clean_conditions
from scorers.expected import Expected, expected_of, resolved, verdicts
from scorers.image_cache import entry_of
from scorers.overlay import lay_tests
from scorers.protected import frozen
from scorers.reports import RunReport, write_reports


def score_strict(submission: Submission, options: Mapping[str, Any], compile_share: float) -> Score:
    """Return the verdict of the task's tests on a new tree."""
    with clean_conditions(submission, options) as conditions:
        place = Place(submission, options, conditions)
        return _Strict(submission, options, compile_share, conditions, place).score()


def collect(submission: Submission, options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the ids of the pristine project's tests, and keep for this image what takes a build to know."""
    with clean_conditions(submission, options) as conditions:
        place = Place(submission, options, conditions)
        return _Strict(submission, options, 0.0, conditions, place).collect()


_NO_TESTS = "add tests/ to the task folder, or name ids in [scorer] expected"


@dataclass(slots=True)
class _Strict:
    submission: Submission
    options: Mapping[str, Any]
    compile_share: float
    conditions: Conditions
    place: Place
    setup: Setup = field(init=False)
    workspace: Workspace = field(init=False)
    protected: Callable[[str], bool] = field(init=False)

    def score(self) -> Score:
        started = time.time()
        tests = self._pristine()
        if bent := self.place.bent(self.setup, self.workspace):
            return Score(reward=0.0, compiled=False, resolved=False, tampering=bent)
        known, examples = self._know(tests)
        expected = self._expected(known)
        tree = self._tree(tests)
        workspace = self._workspace_now()
        built = build(self.setup, workspace)
        fixtures = self._fixtures(tests)
        judgement = self._judge(workspace, built, tests, known)
        self._judge_examples(workspace, tests, examples, judgement)
        checks = (*verdicts(expected, judgement.checks, excused=known.excused), *judgement.unscored)
        compiled = built.compiled(workspace)
        version = self.setup.toolchain.version
        write_reports(self.submission.reports, RunReport("cargo", checks, started, time.time(), version))
        tampering = tuple(judgement.tampering)
        return Score(
            reward=0.0 if tampering else ratio(checks, compile_share=self.compile_share, compiled=compiled),
            checks=checks,
            compiled=compiled,
            resolved=resolved(checks) and not tampering,
            tampering=tampering,
            protected_changes=tuple(tree.protected_changes),
            details={
                "expected": expected.source,
                **self._details(built, judgement, tree, fixtures),
                **expected.summary(checks),
            },
        )

    def collect(self) -> tuple[str, ...]:
        """Return the ids of the pristine project's tests, whatever was kept of it."""
        known, _ = self._know(self._pristine(), anew=True)
        return self._expected(known).ids

    def _know(self, tests: Guard, *, anew: bool = False) -> tuple[Known, Examples]:
        """Ask the pristine tree, unless the task itself names what is expected."""
        if expected_of(self.options):
            tests.lay()
            return read_names(tests), Examples()
        setup = self.setup.named("pristine")
        toolchain = setup.toolchain
        about = (toolchain.cargo, toolchain.version, *self.conditions.named, *setup.flags)
        entry = entry_of(self.submission, setup.directory, "cargo", about, anew=anew)
        known = ask(setup, self.workspace, tests, entry, anew=anew)
        examples = collect_examples(setup, self.workspace, tests)
        known.examples = tuple(each.id for found in examples.by_target.values() for each in found)
        return known, examples

    def _expected(self, known: Known) -> Expected:
        named = expected_of(self.options)
        expected = in_full(named, known) if named else known.expected
        if not expected.ids:
            raise ScoringFailed("no tests in the pristine project", hint=_NO_TESTS)
        return expected

    def _pristine(self) -> Guard:
        """Make the tree without the agent's files, with the hidden tests, and read the tests in it.

        What the image had built of the dependencies comes along: it is from before the agent.
        """
        place, workspace = self.place, self.submission.workspace
        place.take_target()
        root = new_tree(place.snapshot, workspace, self.conditions.tree, lambda _path: True).root
        if (root / "target" / "CACHEDIR.TAG").is_file() and not place.target.exists():
            (root / "target").rename(place.target)
        lay_tests(self.submission.tests, root, self.options)
        self.setup = place.setup(root)
        self.workspace = read_workspace(self.setup)
        place.forget_own_artefacts(self.workspace)
        return guard(self.workspace, root)

    def _tree(self, tests: Guard) -> NewTree:
        """Make the tree that is scored, where the pristine one was."""
        root = self.conditions.tree
        globs = (*PROTECTED, *tests.test_files, *source_folders(root))
        shutil.rmtree(root)
        self.protected = frozen(self.submission, globs)
        agent = self.submission.account
        tree = new_tree(self.place.snapshot, self.submission.workspace, root, self.protected, account=agent)
        self._leave_out_members(tree)
        shutil.rmtree(root / "target", ignore_errors=True)
        lay_tests(self.submission.tests, root, self.options)
        tests.lay()
        tree.left_out += tests.left_out
        if not self.protected("Cargo.lock"):
            self.place.bring_packages(root)
        self.conditions.own(root)
        return tree

    def _fixtures(self, tests: Guard) -> Seal:
        """Look at the protected files that code under test might write before a test reads them."""
        root = self.conditions.tree
        files = (entry.path for entry in walk(root) if entry.kind == "file")
        return seal(root / path for path in files if self.protected(path) and path not in tests.texts)

    def _workspace_now(self) -> Workspace:
        """Read the agent's workspace; where cargo refuses it, it will say why again at the build."""
        try:
            return read_workspace(self.setup)
        except ScoringFailed:
            return self.workspace

    def _leave_out_members(self, tree: NewTree) -> None:
        """Remove new packages whose manifest did not come along: cargo refuses a member without one."""
        for path in map(Path, tree.protected_changes):
            if path.name == "Cargo.toml" and not (self.place.snapshot / path.parent).exists():
                shutil.rmtree(tree.root / path.parent, ignore_errors=True)
                tree.left_out.append(str(path.parent))

    def _judge(self, workspace: Workspace, built: Build, tests: Guard, known: Known) -> Judgement:
        judgement = Judgement()
        judgement.ignored(known.ignored)
        for path in foreign_inputs(built.artefacts, workspace.root, self.place.inputs):
            judgement.tampering.append(f"{path}, outside of the workspace, was built in")
        if not tests.untouched():
            judgement.tampering.append("the build changed the sources of tests")
        tests.unlay()
        found = binaries(self.setup, workspace, built)
        proofs = {
            binary.target: renewed(
                binary.executable, tests.proofs[binary.target].of(known.names[binary.target])
            )
            for binary in found
            if binary.target in known.names
        }
        obeyed = self.place.obeyed(self.setup, workspace)
        sealed = seal((*obeyed, *built.executables.values(), *built.artefacts, *built.others))
        for binary in found:
            binary.seal = seal([binary.executable])
        for binary in found:
            if binary.target in proofs:
                mine = proofs[binary.target]
                judgement.judge(binary, mine, known.without_proof(binary.target, mine))
            elif not binary.target.harness:
                judgement.unjudged(binary.target)
        for target, errors in built.errors.items():
            judgement.broken(target, known.names.get(target, ()), errors)
        changed = (os.path.relpath(path, self.conditions.room) for path in sealed.broken[:5])
        judgement.tampering += (f"{path} was changed by the tests" for path in changed)
        return judgement

    def _judge_examples(
        self, workspace: Workspace, tests: Guard, examples: Examples, judgement: Judgement
    ) -> None:
        for target, found in examples.by_target.items():
            if not found:
                continue
            checks, bent = judge_examples(self.setup, workspace, target, tests, found)
            judgement.checks |= checks
            judgement.tampering += bent

    def _details(self, built: Build, judgement: Judgement, tree: NewTree, fixtures: Seal) -> dict[str, Any]:
        changed = [os.path.relpath(path, tree.root) for path in fixtures.broken]
        said = {
            "changed_by_the_tests": changed[:100],
            "build": built.failure,
            "packages_not_as_locked": list(self.place.bad_packages),
            "left_out": tree.left_out[:100],
            "without_proof": judgement.unproven[:100],
        }
        return {
            "trust": "strict",
            "cargo": self.setup.toolchain.version,
            **{name: value for name, value in said.items() if value},
        }
