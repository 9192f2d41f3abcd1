"""What every scorer is given, what it returns, and the one method it has.

A scorer of your own subclasses `Scorer` and implements `score`; it may raise plain exceptions, which
the rollout reports as a `ScoringFailed`: silence is never a score.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from runner.deadline import Deadline
from runner.model import Model
from runner.process import Account

Status = Literal["passed", "failed", "skipped"]


class Check(Model):
    """One test's verdict."""

    id: str
    """The test's id in its tool's own words (`tests/test_a.py::test_b[1]`, `crate lib tests::works`)."""
    status: Status
    """`passed`, `failed` (also error, crash, time-out, missing) or `skipped`."""
    raw: str = ""
    """The tool's own word where it differs (`error`, `xfailed`, `timeout`, `missing`, ...)."""
    duration_s: float | None = None
    """Seconds; null where unknown."""
    message: str = ""
    """Why it did not pass, head and tail of the tool's own text."""


@dataclass(frozen=True, slots=True)
class Submission:
    """The workspace as the agent left it, with nothing of the agent's alive."""

    workspace: Path
    """Where the agent worked."""
    snapshot: Path | None
    """The pristine copy taken before the agent started; null where the agent was never run."""
    changed: tuple[str, ...]
    """Paths relative to the workspace that the agent added, changed or removed."""
    diff: str
    """Unified diff of the agent's work (capped)."""
    instruction: str
    """What the agent was told."""
    tests: Path | None
    """The task's hidden `tests/` folder, out of the agent's reach."""
    scratch: Path
    """An existing, empty folder for the scorer's own work, out of the agent's reach; removed afterwards."""
    reports: Path
    """An existing folder beside the result: full reports and output are kept here."""
    deadline: Deadline
    """When scoring must have ended."""
    env: Mapping[str, str]
    """The user's environment without keys."""
    account: Account | None = None
    """The unprivileged user the tests run as, where there is one."""
    protected: tuple[str, ...] = ()
    """The task's own protected globs (`[workspace] protected`), added to the scorer's."""
    editable: tuple[str, ...] = ()
    """Globs that the task opens to the agent (`[workspace] editable`), taken from the protected ones."""
    verifier_env: Mapping[str, str] = field(default_factory=dict)
    """The task's `[verifier] env`."""
    verifier_s: float | None = None
    """The task's `[verifier] timeout_sec`, for the scorer that runs its own script."""
    inference_url: str | None = None
    """Where a judge's model calls go."""
    inference_key: str = ""
    """The key for them."""
    model: str = ""
    """The rollout's own model, a judge's default."""


@dataclass(frozen=True, slots=True)
class Score:
    """A verdict. What could not be measured is a `ScoringFailed` instead."""

    reward: float
    """From 0 to 1."""
    checks: tuple[Check, ...] = ()
    """One verdict a test; the denominator is their number without the skipped that nobody expected."""
    compiled: bool | None = None
    """Whether the project built; null where nothing is built."""
    resolved: bool | None = None
    """Whether every expected test passed; null where nobody said what is expected."""
    tampering: tuple[str, ...] = ()
    """What was caught; not empty means reward 0."""
    protected_changes: tuple[str, ...] = ()
    """Paths that the agent changed under a protected glob, which therefore did not count."""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else the scorer wants to say; JSON values only."""

    @property
    def passed(self) -> int:
        """How many checks passed."""
        return sum(check.status == "passed" for check in self.checks)

    @property
    def total(self) -> int:
        """How many checks count: all but the skipped."""
        return sum(check.status != "skipped" for check in self.checks)


def ratio(checks: Sequence[Check], *, compile_share: float = 0.0, compiled: bool = True) -> float:
    """Return `compile_share + (1 - compile_share) * passed/total`, and 0 where nothing ran or compiled.

    EngineBench pays 0.3 for compiling; by default compiling earns nothing.
    """
    total = sum(check.status != "skipped" for check in checks)
    if not total or not compiled:
        return 0.0
    passed = sum(check.status == "passed" for check in checks)
    return compile_share + (1 - compile_share) * passed / total


class Scorer(ABC):
    """Decides the reward."""

    name: ClassVar[str]
    """How a request or a task names it."""
    option_names: ClassVar[Collection[str] | None] = None
    """The options there are, so that any other is warned of; null, or not stated by the class itself: any."""

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        """Keep the `[scorer]` table of the task (without `name`)."""
        self.options: Mapping[str, Any] = options or {}

    @classmethod
    def fits(cls, workspace: Path) -> bool:
        """Say whether a workspace without a task folder shows that this scorer is meant."""
        del workspace
        return False

    def tool(self, workspace: Path, env: Mapping[str, str]) -> str:
        """Return what it runs in a workspace, with its version; empty where it needs nothing.

        Raises `ScorerUnavailable` where that is missing. `run_rollout doctor` asks.
        """
        del workspace, env
        return ""

    def check(self) -> list[str]:
        """Return what to warn of in the options; asked before the agent starts.

        A scorer of your own may refuse here, by `TaskInvalid`, what `score` would refuse too late.
        """
        known = vars(type(self)).get("option_names")
        unknown = [] if known is None else [name for name in self.options if name not in known]
        return [f"[scorer] {name}: the scorer {self.name} has no such option; ignored" for name in unknown]

    def collect(self, submission: Submission) -> tuple[str, ...] | None:
        """Return the ids of the tests that the pristine project has, and keep them for this image.

        Null where this scorer lists none. `run_rollout collect` asks, in a workspace where no agent ran.
        """
        del submission
        return None

    @abstractmethod
    def score(self, submission: Submission) -> Score:
        """Run the tests and return the verdict, before `submission.deadline`."""
