"""What the sandbox's control group says of memory: its limit, and how often it was enforced by killing."""

import contextlib
import functools
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.errors import Phase, SandboxFailed
from runner.interruption import Signalled

_UNLIMITED_V1 = 2**62  # v1 has no word for it, only a number near 2**63
_MOUNTS = Path("/proc/self/mountinfo")
_GROUPS = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory controller's folder of this process, as the sandbox shows it."""

    folder: Path
    top: Path
    """Where the hierarchy is mounted: no limit above it can be seen."""
    version: int
    """1 or 2."""

    @property
    def kills(self) -> int:
        """How many processes the kernel has killed for want of memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"  # noqa: PLR2004
        return dict(_pairs(self.folder / name)).get("oom_kill", 0)

    @property
    def limit(self) -> int | None:
        """Bytes that the sandbox may use, the least of this group's and its parents'; null: no limit."""
        name = "memory.max" if self.version == 2 else "memory.limit_in_bytes"  # noqa: PLR2004
        folders = (self.folder, *self.folder.parents)
        limits = [_number(folder / name) for folder in folders if folder.is_relative_to(self.top)]
        return min((limit for limit in limits if limit is not None), default=None)


def oom_kills() -> int:
    """Return how many processes of this sandbox the kernel has killed for memory; 0 where it does not say."""
    group = memory()
    return group.kills if group else 0


def memory_limit() -> int | None:
    """Return the sandbox's memory limit in bytes, null where there is none to be seen."""
    group = memory()
    return group.limit if group else None


@contextlib.contextmanager
def spared(who: str, phase: Phase) -> Iterator[None]:
    """Raise `SandboxFailed` at the end if anything was killed for memory meanwhile, whatever came of it.

    A test that the kernel killed has failed for the sandbox's reason, which no reward may hide.
    """
    kills = oom_kills()
    try:
        yield
    finally:
        if oom_kills() > kills and not isinstance(sys.exception(), Signalled):
            raise SandboxFailed(f"{who} was killed for memory", hint="give the sandbox more", phase=phase)


@functools.cache
def memory() -> Memory | None:
    """Find the memory controller of this process, v1 or v2; null where none is mounted."""
    with contextlib.suppress(OSError, ValueError):
        groups = [line.split(":", 2) for line in _GROUPS.read_text().splitlines()]
        for line in _MOUNTS.read_text().splitlines():
            found = _memory_mount(line.split(), groups)
            if found:
                return found
    return None


def _memory_mount(mount: list[str], groups: list[list[str]]) -> Memory | None:
    """Return the group's folder if this line of mountinfo, see proc(5), mounts the memory controller."""
    kind = mount[mount.index("-") + 1]
    version = {"cgroup": 1, "cgroup2": 2}.get(kind)
    if version is None or (version == 1 and "memory" not in mount[-1].split(",")):
        return None
    for _, controllers, path in groups:
        if ("memory" in controllers.split(",")) if version == 1 else not controllers:
            top = Path(mount[4])
            folder = top / _within(mount[3], path)
            counter = "memory.oom_control" if version == 1 else "memory.events"
            return Memory(folder, top, version) if (folder / counter).exists() else None
    return None


def _within(mounted: str, path: str) -> PurePosixPath:
    """Return a group's path below the mount, whose own root may be the container's group."""
    group = PurePosixPath(path)
    return group.relative_to(mounted) if group.is_relative_to(mounted) else PurePosixPath()


def _pairs(path: Path) -> list[tuple[str, int]]:
    with contextlib.suppress(OSError, ValueError):
        lines = [line.split() for line in path.read_text().splitlines()]
        return [(line[0], int(line[1])) for line in lines]
    return []


def _number(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        number = int(path.read_text())
        return number if number < _UNLIMITED_V1 else None
    return None
