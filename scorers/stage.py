"""Where a command of any language is run and judged: a new tree under clean conditions, or the workspace.

`[scorer] trust` chooses: `strict` (default) builds the tree from the pristine snapshot and the agent's files
outside the protected globs, lays the hidden tests over it, and starts in it; `plain` runs in the workspace.
"""

import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.errors import SandboxFailed, ScorerUnavailable, TaskInvalid
from runner.newtree import NewTree, new_tree
from runner.process import Caps, Exit, run
from runner.workspace import copy
from scorers.base import Submission
from scorers.conditions import Conditions, clean_conditions, trust_of
from scorers.deciding import PROTECTED, find_tool, replaceable, scripts_of
from scorers.holding import TRUSTING_GIT, hold
from scorers.overlay import lay_tests
from scorers.protected import frozen


@dataclass(frozen=True, slots=True)
class Stage:
    """A tree to run a command in."""

    tree: Path
    conditions: Conditions
    submission: Submission
    options: Mapping[str, Any]
    trust: str
    protected_changes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def run(
        self,
        argv: Sequence[str],
        name: str,
        *,
        tree: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Exit:
        """Run a command in the tree; its output goes to NAME.out and NAME.err beside the reports.

        Nothing that the run could see tells its name.
        """
        place, output = tree or self.tree, self.submission.reports / secrets.token_hex(8)
        self.conditions.renew()
        conditions, program = self.conditions, argv[0]
        if "/" not in program:
            program = find_tool(program, self.submission) or program
            conditions = conditions.with_path(Path(program).parent) if "/" in program else conditions
        env = {**(TRUSTING_GIT if self.trust == "strict" else {}), **(env or {})}
        command = conditions.command([program, *argv[1:]], cwd=place, output=output, env=env)
        try:
            end = run(command, conditions.limit)
        except OSError as error:
            what = f"cannot run {error.filename or argv[0]}: {error.strerror}"
            hint = "install it in the image, or correct [scorer] command"
            raise ScorerUnavailable(what, hint=hint) from error
        finally:
            for suffix in ("out", "err"):
                with suppress(FileNotFoundError):
                    output.with_name(f"{output.name}.{suffix}").rename(output.with_name(f"{name}.{suffix}"))
        require_alone(end)
        return end

    def pristine(self) -> Path:
        """Make the tree as it was before the agent, with the hidden tests."""
        tree = self.conditions.room / "pristine"
        copy(_snapshot(self.submission), tree)
        lay_tests(self.submission.tests, tree, self.options)
        self.conditions.own(tree)
        return tree

    def again(self, change: Callable[[Path], None]) -> Path:
        """Make another new tree of the agent's work, changed before its tests' user has it."""
        return _lay(self.submission, self.options, self.conditions, change).root

    def private(self) -> Path:
        """Make a new folder that only the tests' user (and the runner) can write."""
        folder = self.conditions.room / secrets.token_hex(8)
        folder.mkdir(mode=0o700)
        self.conditions.own(folder)
        return folder

    def details(self) -> dict[str, Any]:
        """Return what the result says of it."""
        tool = find_tool(argv_of(self.options)[0], self.submission)
        doubtful = tool and replaceable(Path(tool), self.submission.account)
        return {
            "trust": self.trust,
            **({"left_out": list(self.left_out[:100])} if self.left_out else {}),
            **({"replaceable_tool": tool} if doubtful else {}),
        }


@contextmanager
def stage(submission: Submission, options: Mapping[str, Any]) -> Iterator[Stage]:
    """Make the place, and remove it at the end."""
    trust = trust_of(options)
    with clean_conditions(submission, options) as conditions:
        if trust == "strict":
            yield _strict(submission, options, conditions)
        else:
            named = {name: str(value) for name, value in options.get("env", {}).items()}
            env = {**submission.env, **submission.verifier_env, **named}
            loose = replace(conditions, env=env, caps=Caps(), network=True)
            lay_tests(submission.tests, submission.workspace, options)
            yield Stage(submission.workspace, loose, submission, options, "plain")


def _strict(submission: Submission, options: Mapping[str, Any], conditions: Conditions) -> Stage:
    tree = _lay(submission, options, conditions)
    return Stage(
        tree.root,
        conditions,
        submission,
        options,
        "strict",
        tuple(tree.protected_changes),
        tuple(tree.left_out),
    )


def _lay(
    submission: Submission,
    options: Mapping[str, Any],
    conditions: Conditions,
    change: Callable[[Path], None] = lambda _root: None,
) -> NewTree:
    """Make a tree of the agent's work with the hidden tests, and hand it over."""
    snapshot, root = _snapshot(submission), conditions.room / secrets.token_hex(8)
    guarded = frozen(submission, PROTECTED, scripts_of(argv_of(options), snapshot))
    tree = new_tree(snapshot, submission.workspace, root, guarded, account=submission.account)
    hidden = lay_tests(submission.tests, root, options)
    change(root)
    conditions.own(root)
    hold(root, lambda path: path in hidden or guarded(path), submission.account)
    return tree


def argv_of(options: Mapping[str, Any]) -> list[str]:
    """Return `[scorer] command`."""
    argv = options.get("command")
    if not isinstance(argv, list) or not argv or not all(isinstance(part, str) for part in argv):
        raise TaskInvalid(f"[scorer] command is {argv!r}, no list of texts", hint='write ["make", "check"]')
    return argv


def program_of(options: Mapping[str, Any], env: Mapping[str, str]) -> str:
    """Return the path of the command's program, empty where no command is named yet.

    Raises `ScorerUnavailable` where it is missing.
    """
    if "command" not in options:
        return ""
    name = argv_of(options)[0]
    found = name if "/" in name else shutil.which(name, path=env.get("PATH"))
    if found is None:
        raise ScorerUnavailable(f"there is no {name} on the PATH", hint="install it in the image")
    return found


def require_alone(end: Exit) -> None:
    """Refuse to read a verdict beside processes that could still write it."""
    if end.survivors:
        raise SandboxFailed(f"processes of the tests cannot be ended: {end.survivors}", phase="scoring")


def _snapshot(submission: Submission) -> Path:
    return submission.snapshot or submission.workspace
