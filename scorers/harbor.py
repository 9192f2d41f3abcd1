"""Runs the `tests/test.sh` of a Harbor task as it is, and reads the reward file that it writes.

`[scorer]` options: `user` (`runner`, the default: whoever the runner is, root in most images, as the format
has it; `agent`: the unprivileged one), `tests_path` and `logs_path` (instead of `/tests` and
`/logs/verifier`, where those cannot be made; `test.sh` finds them in `$TESTS_DIR` and `$LOGS_DIR`).
"""

import contextlib
import itertools
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from runner.account import give
from runner.errors import ScorerUnavailable, ScoringFailed, TaskInvalid
from runner.output import head_tail
from runner.process import Account, Command, Exit, run
from scorers.base import Score, Scorer, Submission
from scorers.conditions import OUTPUT_BYTES
from scorers.harbor_places import Places
from scorers.harbor_reward import Found, read_rewards
from scorers.holding import TRUSTING_GIT
from scorers.stage import require_alone
from scorers.untrusted import UnusableFileError, read_regular

_SHOWN = 4000
_KEPT_BYTES = 16 * 1024**2
_KEPT_FILES = 1000


class Harbor(Scorer):
    """Lets the task's own script decide."""

    name: ClassVar[str] = "harbor"
    option_names = {"user", "tests_path", "logs_path"}

    def tool(self, workspace: Path, env: Mapping[str, str]) -> str:
        """Say where the script's places are, where they can be made."""
        del workspace, env
        places = Places.of(self.options)
        places.require_writable()
        return f"{places.tests} and {places.rewards} can be written"

    def check(self) -> list[str]:
        """Read every option."""
        Places.of(self.options)
        self._user()
        return super().check()

    def score(self, submission: Submission) -> Score:
        """Run the script and return the reward it wrote; silence is no score."""
        tests = submission.tests
        if tests is None or not (tests / "test.sh").is_file():
            raise TaskInvalid("the harbor scorer needs tests/test.sh in the task folder")
        places, account = Places.of(self.options), self._account(submission)
        with places.ready(tests, account), _home(account) as user:
            end = self._run(submission, places, account, user)
            require_alone(end)
            found = read_rewards(places.rewards)
            _keep(places.rewards, submission.reports)
        reward = _reward(end, found, submission.reports / "harbor.log")
        details = _details(end, found, reward, account)
        # Beside a file that was put out of the script's reach another may be there in its stead.
        return Score(0.0 if found.spoiled else reward, found.checks, tampering=found.spoiled, details=details)

    def _account(self, submission: Submission) -> Account | None:
        return submission.account if self._user() == "agent" else None

    def _user(self) -> str:
        user = self.options.get("user", "runner")
        if user not in {"runner", "agent"}:
            raise TaskInvalid(f"[scorer] user is {user!r}", hint='"runner" or "agent"')
        return str(user)

    def _run(
        self, submission: Submission, places: Places, account: Account | None, user: Mapping[str, str]
    ) -> Exit:
        script, log = places.tests / "test.sh", submission.reports / "harbor.log"
        script.chmod(0o755)
        with script.open("rb") as file:
            argv = [str(script)] if file.read(2) == b"#!" else ["/bin/sh", str(script)]
        # The workspace is the agent's.
        env = {**submission.env, **TRUSTING_GIT, **user, **submission.verifier_env}
        env |= {"TESTS_DIR": str(places.tests), "LOGS_DIR": str(places.rewards)}
        command = Command(
            argv, submission.workspace, env, log, log, account=account, max_output_bytes=OUTPUT_BYTES
        )
        limit = submission.verifier_s
        deadline = submission.deadline.at_most(limit) if limit else submission.deadline
        try:
            return run(command, deadline)
        except OSError as error:
            raise ScorerUnavailable(
                f"cannot run {error.filename or script}: {error.strerror}",
                hint="the interpreter of test.sh's first line must be in the image",
            ) from error


@contextlib.contextmanager
def _home(account: Account | None) -> Iterator[Mapping[str, str]]:
    """Yield what the environment says of the user: an account's own home is what the agent made of it."""
    if account is None:
        yield {}
        return
    home = Path(tempfile.mkdtemp(prefix="verifier-home-"))
    try:
        give(home, account)
        yield {"HOME": str(home), "USER": account.name}
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _reward(end: Exit, found: Found, log: Path) -> float:
    """Return the reward; where the two files differ, the lower one."""
    why = ""
    if end.ending != "exited":
        why = f"it was ended after {end.duration_s:.0f} s ({end.ending})"
    elif end.code < 0:  # whoever killed it may also have written for it
        why = f"it was killed by {_name_of(-end.code)}"
    elif not found.rewards:
        wrote = "; ".join((*found.spoiled, *found.troubles)) or "neither reward.txt nor reward.json"
        why = f"it ended with exit code {end.code} and wrote {wrote}"
    if not why:
        return min(found.rewards.values())
    said = head_tail(log, _SHOWN).strip() or "it said nothing"
    raise ScoringFailed(f"tests/test.sh gave no reward: {why}: {said}")


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _details(end: Exit, found: Found, reward: float, account: Account | None) -> dict[str, Any]:
    disagreements = list(_disagreements(end, found, reward))
    return {
        "exit_code": end.code,
        "user": account.name if account else "runner",
        **({"disagreements": disagreements} if disagreements else {}),
        **({"troubles": list(found.troubles)} if found.troubles else {}),
    }


def _disagreements(end: Exit, found: Found, reward: float) -> Iterator[str]:
    if len(set(found.rewards.values())) > 1:
        told = ", ".join(f"{name} {value:g}" for name, value in found.rewards.items())
        yield f"{told}: the lower one counts"
    if end.code and reward == 1:
        yield f"the reward is 1, yet test.sh ended with exit code {end.code}"
    failed = [check.id for check in found.checks if check.status == "failed"]
    if failed and reward == 1:
        yield f"the reward is 1, yet ctrf.json names {len(failed)} failed, {failed[0]} for one"


def _keep(rewards: Path, reports: Path) -> None:
    """Copy what the script left beside the result, regular files only and of a size."""
    kept = reports / "verifier"
    kept.mkdir(exist_ok=True)
    left, names = _KEPT_BYTES, list[Path]()
    with contextlib.suppress(OSError):  # it may have been taken away
        names = sorted(itertools.islice(rewards.iterdir(), _KEPT_FILES))
    for path in names:
        try:
            content = read_regular(path, left)
        except (UnusableFileError, FileNotFoundError):
            continue
        (kept / path.name).write_bytes(content)
        left -= len(content)
