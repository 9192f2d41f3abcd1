"""Becomes a program under limits: the step between fork and exec that needs code in the child.

The child's half runs this file with the interpreter alone (`-I -S`), so it may import the standard library
only. What keeps the program from starting comes back as `ERRNO WHAT` on a pipe that the program itself never
inherits.
"""

import json
import os
import resource
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_NEW_USER = 0x10000000  # CLONE_NEWUSER, <linux/sched.h>
_NEW_NET = 0x40000000  # CLONE_NEWNET
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP, netdevice(7)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child takes upon itself; null leaves things as they are."""

    file_bytes: int | None = None
    processes: int | None = None
    loopback_only: bool = False
    uid: int | None = None
    gid: int | None = None


def argv(limits: Limits, report: int, program: Sequence[str]) -> list[str]:
    """Return the command that takes the limits, then becomes the program."""
    spec = json.dumps([report, asdict(limits)])
    return [sys.executable, "-I", "-S", __file__, spec, *program]


def check(report: int) -> None:
    """Wait until the child has become the program; raise the OSError that kept it from that."""
    with open(report, "rb") as pipe:
        said = pipe.read().decode()
    if said:
        number, _, what = said.partition(" ")
        raise OSError(int(number), os.strerror(int(number)), what)


def _main() -> None:
    report, fields = json.loads(sys.argv[1])
    os.set_inheritable(report, False)
    try:
        _confine(Limits(**fields))
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and its children would too
            signal.signal(number, signal.SIG_DFL)
        os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - the whole purpose
    except OSError as error:
        os.write(report, f"{error.errno} {error.filename or sys.argv[2]}".encode())
        os._exit(127)


def _confine(limits: Limits) -> None:
    if limits.loopback_only:
        _leave_network()
    for what, most in ((resource.RLIMIT_FSIZE, limits.file_bytes), (resource.RLIMIT_NPROC, limits.processes)):
        if most is not None:
            resource.setrlimit(what, (most, most))
    if limits.uid is not None and limits.gid is not None:
        os.setgroups([])
        os.setgid(limits.gid)
        os.setuid(limits.uid)


def _leave_network() -> None:
    """Move into a network of loopback alone; PermissionError where the sandbox refuses."""
    uid, gid = os.getuid(), os.getgid()
    try:
        _unshare(_NEW_NET)
    except PermissionError:
        _unshare(_NEW_USER | _NEW_NET)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path("/proc/self", name).write_text(text)
    _raise_loopback()


def _unshare(flags: int) -> None:
    import ctypes  # noqa: PLC0415 - only this limit pays for it

    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        raise OSError(ctypes.get_errno(), "no network namespace", "unshare")


def _raise_loopback() -> None:
    import fcntl  # noqa: PLC0415 - only this limit pays for it
    import socket  # noqa: PLC0415
    import struct  # noqa: PLC0415

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        name, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, _GET_FLAGS, request))
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", name, flags | _UP))


if __name__ == "__main__":
    _main()
