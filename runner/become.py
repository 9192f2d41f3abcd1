"""Becomes a program under limits: the step between fork and exec that needs code in the child.

`runner.launch` runs this file with the interpreter alone (`-I -S`). It imports next to nothing, for each test
of a suite may pay for it: 9 ms as it is, 28 ms with json, dataclasses and pathlib. Its arguments, where `-`
leaves things as they are: a descriptor to report on, the largest file, the most processes, 1 for loopback
only, user, group, then the program.
"""

import _signal  # type: ignore[import-not-found]  # what `signal` is without 6 ms of enum
import os
import resource
import sys

_NEW_USER = 0x10000000  # CLONE_NEWUSER, <linux/sched.h>
_NEW_NET = 0x40000000  # CLONE_NEWNET
_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP, netdevice(7)


def main() -> None:
    """Take the limits, then become the program; what keeps it from that is reported as `ERRNO WHAT`."""
    report, *limits = (-1 if word == "-" else int(word) for word in sys.argv[1:7])
    program = sys.argv[7:]
    os.set_inheritable(report, False)
    try:
        confine(*limits)
        os.execv(found(program[0]), program)  # noqa: S606 - the whole purpose
    except OSError as error:
        os.write(report, f"{error.errno} {error.filename or program[0]}".encode())
        os._exit(127)


def found(program: str) -> str:
    """Look a program up as execvp does, without importing what the account may not read."""
    if "/" in program:
        return program
    places = [f"{folder}/{program}" for folder in os.environ.get("PATH", os.defpath).split(":")]
    return next((place for place in places if os.access(place, os.X_OK)), program)


def confine(file_bytes: int, processes: int, loopback_only: int, uid: int, gid: int) -> None:
    """Take the limits upon this process; -1 leaves things as they are."""
    if loopback_only == 1:
        leave_network()
    for what, most in ((resource.RLIMIT_FSIZE, file_bytes), (resource.RLIMIT_NPROC, processes)):
        if most >= 0:
            resource.setrlimit(what, (most, most))
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):  # Python ignores them, and so would the program
        _signal.signal(number, _signal.SIG_DFL)


def leave_network() -> None:
    """Move into a network of loopback alone; PermissionError where the sandbox refuses."""
    uid, gid = os.getuid(), os.getgid()
    try:
        unshare(_NEW_NET)
    except PermissionError:
        unshare(_NEW_USER | _NEW_NET)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(text)
    raise_loopback()


def unshare(flags: int) -> None:
    """Move into new namespaces."""
    if sys.version_info >= (3, 12):
        os.unshare(flags)
        return
    import ctypes  # noqa: PLC0415 - only this limit pays for it

    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        raise OSError(ctypes.get_errno(), "no network namespace", "unshare")


def raise_loopback() -> None:
    """Bring the interface `lo` up."""
    import _socket  # noqa: PLC0415 - what `socket` is without its 10 ms
    import fcntl  # noqa: PLC0415 - only this limit pays for it

    with os.fdopen(_socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM).detach(), "rb") as any_socket:
        request = b"lo".ljust(32, b"\0")
        flags = int.from_bytes(fcntl.ioctl(any_socket, _GET_FLAGS, request)[16:18], sys.byteorder) | _UP
        fcntl.ioctl(any_socket, _SET_FLAGS, request[:16] + flags.to_bytes(2, sys.byteorder) + request[18:])


if __name__ == "__main__":
    main()
