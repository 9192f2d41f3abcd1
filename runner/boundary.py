"""The one place that turns exceptions into failures.

Authors of agents and scorers raise plain exceptions; whose failure it is depends on the boundary crossed.
"""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from runner.errors import Failure, Phase, SandboxFailed


@contextmanager
def boundary(kind: type[Failure], *, phase: Phase | None = None, log: Path | None = None) -> Iterator[None]:
    """Let a `Failure` pass, and turn any other exception into `kind`, its traceback into `log`."""
    try:
        yield
    except Failure:
        raise
    except MemoryError as error:
        raise SandboxFailed("the runner itself ran out of memory", phase=phase) from error
    except (Exception, SystemExit, KeyboardInterrupt) as error:  # a plug-in may call sys.exit
        _keep_traceback(log)
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise SandboxFailed(f"the disk is full: {error}", hint="free some space", phase=phase) from error
        where = f"its traceback is in {log}" if log else "run it by itself to see where"
        raise kind(f"{type(error).__name__}: {error}", hint=where, phase=phase) from error


def _keep_traceback(log: Path | None) -> None:
    if log:
        with suppress(OSError), log.open("a") as file:
            file.write(traceback.format_exc())
