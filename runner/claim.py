"""Claims the place of the result: one rollout at a time writes there, and what lay there before is gone.

It imports next to nothing, so that a result lies there within the first tenth of a second.
"""

import fcntl
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runner.atomic import replace
from runner.errors import ResultUnwritable


@dataclass(frozen=True, slots=True)
class Claim:
    """A place that is this rollout's alone until the process ends."""

    output: Path
    """The result, links followed."""
    files: Path
    """`OUTPUT.d`, empty: what lay there may have been put there to be read as ours."""
    lock: int
    """The descriptor that holds the lock."""


def claim(output: Path) -> Claim:
    """Take the place and write the first result; raise `ResultUnwritable` where that cannot be."""
    try:
        place = output.resolve()
        if place.exists() and not place.is_file():
            raise ResultUnwritable(f"{output} is no regular file", hint="name a file, or use --stdio")
        files = place.with_name(place.name + ".d")
        if files.is_symlink() or files.is_file():
            files.unlink()
        files.mkdir(parents=True, exist_ok=True)
        lock = _locked(files, output)
        _empty(files)
    except OSError as error:
        raise ResultUnwritable(
            f"cannot write the result to {output}: {error.strerror}", hint="name a writable --output"
        ) from error
    replace(place, first_result("Unfinished", "the rollout was killed before it began"))
    return Claim(place, files, lock)


def first_result(kind: str, message: str) -> bytes:
    """Return the result of a rollout that never began."""
    reward = {"outcome_reward": 0.0, "details": {}}
    failure = {"kind": kind, "phase": "request", "cause": "sandbox", "retryable": True, "message": message}
    result = {
        "trace_correlation_id": "",
        "success": False,
        "error": message,
        "failure": failure,
        "phase": "starting",
        "success_status": "runtime_error",
        "status_detail": message,
        "metrics": {"reward_mean": 0.0, **reward},
        "reward_info": reward,
    }
    return json.dumps(result, indent=2).encode() + b"\n"


def _locked(files: Path, output: Path) -> int:
    lock = os.open(files, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise ResultUnwritable(
            f"another rollout is writing to {output}", hint="give each rollout an --output of its own"
        ) from None
    return lock


def _empty(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir() and not each.is_symlink():
            shutil.rmtree(each)
        else:
            each.unlink()
