"""Clean conditions for a run of tests: what they may see of the machine, and what they may spend.

The environment is empty but for a fixed PATH, a fresh HOME and temporary folder, a locale, and what the task
names: nothing that an agent left in a shell profile, a cache or a variable reaches the tests.

`[scorer]` options of every scorer that runs under them: `env` (table), `pass_env` (names taken from the
user's environment), `network` (default false), `timeout_s` (of each run), `max_file_mb`, `max_processes`.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from runner.account import reaches
from runner.deadline import Deadline
from runner.errors import TaskInvalid
from runner.process import Account, Caps, Command
from scorers.base import Submission
from scorers.deciding import may_add

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_KINDS: Mapping[str, Any] = {
    "env": Mapping,
    "pass_env": list,
    "network": bool,
    "timeout_s": (int, float),
    "max_file_mb": int,
    "max_processes": int,
}
OPTIONS = frozenset(_KINDS)
_GROUNDS = (Path("/var/lib"), Path("/opt"), Path("/"))
"""Where the room is made if the folder for temporary files is everybody's."""
OUTPUT_BYTES = 256 * 1024**2
"""More output than this ends a run of tests."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """Where and how tests run."""

    room: Path
    """A new folder that the tests' user can enter; `tree` is to be made in it, `home` and `tmp` are there."""
    env: Mapping[str, str]
    """The whole environment of the tests."""
    account: Account | None
    caps: Caps
    network: bool
    deadline: Deadline
    timeout_s: float | None = None
    """Most seconds of one run; null: until the deadline."""

    @property
    def tree(self) -> Path:
        """The folder for the tree that is scored; not there yet."""
        return self.room / "tree"

    @property
    def limit(self) -> Deadline:
        """The deadline of a run that starts now."""
        return self.deadline.at_most(self.timeout_s) if self.timeout_s else self.deadline

    @property
    def named(self) -> list[str]:
        """What of the conditions may decide which tests there are: all but the room's own place."""
        env = [f"{name}={value}" for name, value in sorted(self.env.items())]
        user = self.account.name if self.account else ""
        return [each.replace(str(self.room), "") for each in (*env, str(self.network), user)]

    def command(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        output: Path,
        stdin: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Command:
        """Return the command under these conditions; its streams go to `output`.out and `output`.err."""
        return Command(
            argv=argv,
            cwd=cwd,
            env={**self.env, **(env or {})},
            stdout=output.with_name(output.name + ".out"),
            stderr=output.with_name(output.name + ".err"),
            stdin=stdin,
            account=self.account,
            caps=self.caps,
            network=self.network,
            max_output_bytes=OUTPUT_BYTES,
        )

    def own(self, folder: Path) -> None:
        """Give a folder and all in it to the tests' user, if there is one; links are not followed."""
        if self.account is None:
            return
        for path in (folder, *folder.rglob("*")):
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)

    def renew(self) -> None:
        """Give the next run a home and a temporary folder in which the one before has left no sign."""
        for name in ("home", "tmp"):
            folder = self.room / name
            if folder.exists():
                old = folder.rename(self.room / secrets.token_hex(8))
                shutil.rmtree(old, ignore_errors=True)
            folder.mkdir(mode=0o700)
            self.own(folder)

    def with_path(self, *folders: Path) -> "Conditions":
        """Return these conditions with `folders` before the fixed PATH."""
        path = ":".join([*map(str, folders), self.env["PATH"]])
        return replace(self, env={**self.env, "PATH": path})


@contextmanager
def clean_conditions(submission: Submission, options: Mapping[str, Any]) -> Iterator[Conditions]:
    """Make the room, and remove it at the end, whatever the tests left in it."""
    account = submission.account
    ground = _ground(account) if account else submission.scratch
    room = Path(tempfile.mkdtemp(prefix="scoring-", dir=ground)).resolve()
    try:
        room.chmod(0o711)
        conditions = Conditions(
            room=room,
            env=_environment(room, submission, options),
            account=account,
            caps=_caps(options),
            network=_option(options, "network", default=False),
            deadline=submission.deadline,
            timeout_s=_option(options, "timeout_s", default=None),
        )
        conditions.renew()
        yield conditions
    finally:
        shutil.rmtree(room, ignore_errors=True)


def _ground(account: Account) -> Path:
    """Return a folder for the room, where there is one above which the agent could leave nothing.

    Tools look for their configuration in every folder above the one they work in: pytest.ini, go.work,
    .yarnrc.yml, node_modules; and anybody may write to /tmp.
    """
    usual = Path(tempfile.gettempdir())
    for place in (usual, *_GROUNDS):
        fit = place.is_dir() and os.access(place, os.W_OK) and reaches(account, place)
        if fit and not any(may_add(account, folder) for folder in (place, *place.parents)):
            return place
    return usual


def _environment(room: Path, submission: Submission, options: Mapping[str, Any]) -> dict[str, str]:
    passed = _option(options, "pass_env", default=[])
    return {
        "PATH": PATH,
        "HOME": str(room / "home"),
        "TMPDIR": str(room / "tmp"),
        "LANG": "C.UTF-8",
        **({"USER": submission.account.name} if submission.account else {}),
        **{name: submission.env[name] for name in passed if name in submission.env},
        **submission.verifier_env,
        **{str(name): str(value) for name, value in _option(options, "env", default={}).items()},
    }


def _caps(options: Mapping[str, Any]) -> Caps:
    megabytes = _option(options, "max_file_mb", default=1024)
    return Caps(
        file_bytes=megabytes * 1024**2,
        processes=_option(options, "max_processes", default=1024),
    )


def trust_of(options: Mapping[str, Any]) -> str:
    """Return `[scorer] trust`: `strict`, the default, or `plain`."""
    trust = options.get("trust", "strict")
    if trust not in {"strict", "plain"}:
        raise TaskInvalid(f"[scorer] trust is {trust!r}", hint='"strict" or "plain"')
    return str(trust)


def check_conditions(options: Mapping[str, Any]) -> None:
    """Raise `TaskInvalid` for what a run under these options would refuse."""
    trust_of(options)
    for name in _KINDS:
        _option(options, name, default=None)


def _option(options: Mapping[str, Any], name: str, *, default: Any) -> Any:  # noqa: ANN401 - TOML values
    value = options.get(name, default)
    if value is default or isinstance(value, _KINDS[name]):
        return value
    wanted = getattr(_KINDS[name], "__name__", "number")
    raise TaskInvalid(f"[scorer] {name} is {value!r}, not of type {wanted}", hint="correct it in task.toml")
