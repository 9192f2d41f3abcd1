"""Notices a file that was replaced: what one test binary runs could write over the next one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Stamp = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Seal:
    """Files as they were at one moment; those that were missing must stay missing."""

    stamps: Mapping[Path, Stamp | None] = field(default_factory=dict)

    @property
    def broken(self) -> tuple[str, ...]:
        """The files that are no more what they were."""
        return tuple(str(path) for path, stamp in self.stamps.items() if _stamp(path) != stamp)


def seal(paths: Iterable[Path]) -> Seal:
    """Look at files."""
    return Seal({path: _stamp(path) for path in paths})


def _stamp(path: Path) -> Stamp | None:
    # Nobody can set a change time, but for whoever sets the clock.
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
