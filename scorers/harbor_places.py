"""The places in the image that a task's `test.sh` knows by name: its tests, and the folder for its reward.

What lies there when scoring begins is the agent's at worst: the tests' place is moved away whole and put back
afterwards, the reward's folder is made anew.
"""

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.account import give
from runner.errors import ScorerUnavailable, TaskInvalid
from runner.process import Account


@dataclass(frozen=True, slots=True)
class Places:
    """Where `test.sh` finds what it needs."""

    tests: Path = Path("/tests")
    rewards: Path = Path("/logs/verifier")

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Places":
        """Return the places that the `[scorer]` table names, else those of the Harbor format."""
        named = {}
        for field, option in {"tests": "tests_path", "rewards": "logs_path"}.items():
            if option not in options:
                continue
            if not isinstance(options[option], str) or not Path(options[option]).is_absolute():
                raise TaskInvalid(f"[scorer] {option} is {options[option]!r}", hint="write a whole path")
            named[field] = Path(options[option])
        return cls(**named)

    def require_writable(self) -> None:
        """Raise `ScorerUnavailable` where a place could not be made."""
        for place in (self.tests, self.rewards):
            with _refusals(place):
                above = next(folder for folder in place.parents if folder.exists())
                if not os.access(above, os.W_OK | os.X_OK):
                    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(above))

    @contextlib.contextmanager
    def ready(self, tests: Path, account: Account | None) -> Iterator[None]:
        """Put the tests in their place and make the rewards' folder; take the tests away at the end."""
        with contextlib.ExitStack() as after:
            with _refusals(self.rewards):
                _real_parents(self.rewards)
                _renew(self.rewards)
            with _refusals(self.tests):
                self._lay(tests, after)
            for place in (self.tests, self.rewards):
                with _refusals(place):
                    place.chmod(0o755)
                if account:
                    give(place, account)
            yield

    def _lay(self, tests: Path, after: contextlib.ExitStack) -> None:
        _real_parents(self.tests)
        self.tests.parent.mkdir(parents=True, exist_ok=True)
        aside = self.tests.with_name(f".{self.tests.name}-{secrets.token_hex(4)}")
        with contextlib.suppress(FileNotFoundError):
            self.tests.rename(aside)
            after.callback(_put_back, aside, self.tests)
        after.callback(shutil.rmtree, self.tests, ignore_errors=True)
        shutil.copytree(tests, self.tests, symlinks=True)


def _real_parents(path: Path) -> None:
    """Refuse a place that a link leads to: the files would land elsewhere."""
    for folder in path.parents:
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "a link is in the way", str(folder))


def _renew(folder: Path) -> None:
    """Make an empty folder of the runner's own; what cannot be removed, such as a mount, is emptied."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    elif folder.exists() and not folder.is_mount():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    with contextlib.suppress(PermissionError):  # a mount that maps its owner
        os.chown(folder, os.geteuid(), os.getegid())


def _put_back(aside: Path, place: Path) -> None:
    """Put back what lay in the tests' place, where nothing is in its way."""
    with contextlib.suppress(OSError):
        aside.rename(place)


@contextlib.contextmanager
def _refusals(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise ScorerUnavailable(
            f"cannot make {place} ready: {error.strerror} ({error.filename})",
            hint="the task expects an image in which it may be written, or name tests_path and logs_path",
        ) from error
