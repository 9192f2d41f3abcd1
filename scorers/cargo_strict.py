"""A verdict that holds against the agent: a new tree, clean conditions, the task's own tests with proofs."""

import contextlib
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.errors import ScoringFailed
from runner.newtree import NewTree, new_tree
from scorers.base import Score, Submission, ratio
from scorers.cargo_build import Build, build
from scorers.cargo_examples import Examples, collect_examples, judge_examples
from scorers.cargo_guard import PROTECTED, Guard, guard
from scorers.cargo_home import make_cargo_home, share_config, user_cargo_home
from scorers.cargo_inputs import foreign_inputs
from scorers.cargo_judge import Judgement
from scorers.cargo_known import Known, collect, in_full, read_names
from scorers.cargo_metadata import Workspace, read_workspace
from scorers.cargo_run import binaries
from scorers.cargo_setup import Setup, features
from scorers.conditions import Conditions, clean_conditions
from scorers.expected import Expected, expected_of, resolved, verdicts
from scorers.overlay import lay_tests
from scorers.protected import frozen
from scorers.reports import RunReport, write_reports
from scorers.toolchain import find_toolchain


def score_strict(submission: Submission, options: Mapping[str, Any], compile_share: float) -> Score:
    """Return the verdict of the task's tests on a new tree."""
    with clean_conditions(submission, options) as conditions:
        return _Strict(submission, options, compile_share, conditions).score()


_NO_TESTS = "add tests/ to the task folder, or name ids in [scorer] expected"


@dataclass(slots=True)
class _Strict:
    submission: Submission
    options: Mapping[str, Any]
    compile_share: float
    conditions: Conditions
    setup: Setup = field(init=False)
    workspace: Workspace = field(init=False)
    bad_packages: tuple[str, ...] = ()

    def score(self) -> Score:
        started = time.time()
        tests = self._pristine()
        if bent := self._bent_before():
            return Score(reward=0.0, compiled=False, resolved=False, tampering=bent)
        known, examples = self._know(tests)
        expected = self._expected(known)
        tree = self._tree(tests)
        workspace = read_workspace(self.setup)
        built = build(self.setup, workspace)
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
            details={**self._details(built, judgement, tree), **expected.summary(checks)},
        )

    def _know(self, tests: Guard) -> tuple[Known, Examples]:
        """Ask the pristine tree, unless the task itself names what is expected."""
        if expected_of(self.options):
            tests.lay()
            return read_names(tests), Examples()
        setup = self.setup.named("pristine")
        known = collect(setup, self.workspace, tests)
        examples = collect_examples(setup, self.workspace, tests)
        known.examples = tuple(each.id for found in examples.by_target.values() for each in found)
        return known, examples

    def _expected(self, known: Known) -> Expected:
        named = expected_of(self.options)
        expected = in_full(named, known) if named else known.expected
        if not expected.ids:
            raise ScoringFailed("no tests in the pristine project", hint=_NO_TESTS)
        return expected

    @property
    def _snapshot(self) -> Path:
        return self.submission.snapshot or self.submission.workspace

    @property
    def _began_ns(self) -> int:
        """When the agent started, at the latest: what was changed later is not the image's own."""
        return self._snapshot.stat().st_ctime_ns if self.submission.snapshot else time.time_ns()

    @property
    def _target(self) -> Path:
        return self.conditions.room / "target"

    def _pristine(self) -> Guard:
        """Make the tree without the agent's files, with the hidden tests, and read the tests in it.

        What the image had built of the dependencies comes along: it is from before the agent.
        """
        self._take_target()
        everything = new_tree(
            self._snapshot, self.submission.workspace, self.conditions.tree, lambda _path: True
        )
        root = everything.root
        if (root / "target" / "CACHEDIR.TAG").is_file() and not self._target.exists():
            (root / "target").rename(self._target)
        lay_tests(self.submission.tests, root, self.options)
        self.setup = self._setup(root)
        workspace = read_workspace(self.setup)
        self._forget_own_artefacts(workspace)
        self.workspace = workspace
        return guard(workspace, root)

    def _take_target(self) -> None:
        """Move the image's own build output out of the snapshot, so that no tree copies it."""
        built = self._snapshot / "target"
        if self.submission.snapshot and (built / "CACHEDIR.TAG").is_file() and not built.is_symlink():
            with contextlib.suppress(OSError):  # another file system: it is copied with the tree
                built.rename(self._target)

    def _setup(self, root: Path) -> Setup:
        toolchain = find_toolchain(root, self.submission.env)
        home, lock = self.conditions.room / "cargo", root / "Cargo.lock"
        user = user_cargo_home(self.submission.env)
        self.bad_packages = make_cargo_home(home, lock, user)
        share_config(home, user, before_ns=self._began_ns)
        self._target.mkdir(exist_ok=True)
        for folder in (root, home, self._target):
            self.conditions.own(folder)
        return Setup(
            toolchain,
            self.conditions.with_path(toolchain.bin),
            root,
            self.submission.scratch,
            Path("/"),
            (*(["--locked"] if lock.is_file() else []), "--offline", *features(self.options)),
            {
                "CARGO_HOME": str(home),
                "CARGO_TARGET_DIR": str(self._target),
                "CARGO_INCREMENTAL": "0",
                "CARGO_TERM_COLOR": "never",
            },
        )

    def _bent_before(self) -> tuple[str, ...]:
        """Say what outside of the workspace would bend the build."""
        changed = self.setup.toolchain.changed_since(self._began_ns)
        root = self.workspace.root
        return (
            *(f"{path} was changed while the agent worked" for path in changed[:5]),
            *(
                [f"{root}/Cargo.toml makes the project its member"]
                if not _within(root, self.conditions.tree)
                else []
            ),
        )

    def _forget_own_artefacts(self, workspace: Workspace) -> None:
        """Let cargo build the members anew: what the image made of them knows the workspace by path."""
        for package in workspace.packages.values():
            for fingerprint in self._target.glob(f"*/.fingerprint/{package['name']}-*"):
                shutil.rmtree(fingerprint)

    def _tree(self, tests: Guard) -> NewTree:
        """Make the tree that is scored, where the pristine one was."""
        root = self.conditions.tree
        shutil.rmtree(root)
        protected = frozen(self.submission, (*PROTECTED, *tests.test_files))
        agent = self.submission.account
        tree = new_tree(self._snapshot, self.submission.workspace, root, protected, account=agent)
        shutil.rmtree(root / "target", ignore_errors=True)
        lay_tests(self.submission.tests, root, self.options)
        tests.lay()
        self.conditions.own(root)
        return tree

    def _judge(self, workspace: Workspace, built: Build, tests: Guard, known: Known) -> Judgement:
        judgement = Judgement()
        judgement.ignored(known.ignored)
        homes = (self.conditions.tree, self._target, self.conditions.room / "cargo")
        for path in foreign_inputs(built.artefacts, workspace.root, homes):
            judgement.tampering.append(f"{path}, outside of the workspace, was built in")
        if not tests.untouched():
            judgement.tampering.append("the build changed the sources of tests")
        tests.unlay()
        for binary in binaries(self.setup, workspace, built):
            if binary.target in known.names:
                proofs = tests.proofs[binary.target].of(known.names[binary.target])
                judgement.judge(binary, proofs, known.without_proof(binary.target, proofs))
            elif not binary.target.harness:
                judgement.unjudged(binary.target)
        for target, errors in built.errors.items():
            judgement.broken(target, known.names.get(target, ()), errors)
        return judgement

    def _judge_examples(
        self, workspace: Workspace, tests: Guard, examples: Examples, judgement: Judgement
    ) -> None:
        tests.lay_documentation()
        for target, found in examples.by_target.items():
            if not found:
                continue
            files = tests.carried[target]
            checks, bent = judge_examples(self.setup, workspace, target, files, found)
            judgement.checks |= checks
            if bent:
                judgement.tampering.append(f"an example that must fail passed in {target.package}")

    def _details(self, built: Build, judgement: Judgement, tree: NewTree) -> dict[str, Any]:
        said = {
            "build": built.failure,
            "packages_not_as_locked": list(self.bad_packages),
            "left_out": tree.left_out[:100],
            "without_proof": judgement.unproven[:100],
        }
        return {
            "trust": "strict",
            "cargo": self.setup.toolchain.version,
            **{name: value for name, value in said.items() if value},
        }


def _within(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())
