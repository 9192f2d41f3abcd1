"""Sees a child's end at once, without taking its exit status."""

import os
import select
import time


def ended(pid: int, wait_s: float) -> bool:
    """Wait at most `wait_s` seconds for a child's end; until its status is taken, its pid is not reused."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:  # a sandbox without pidfds
        return _ended_by_asking(pid, wait_s)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(wait_s * 1000))
    finally:
        os.close(fd)


def _ended_by_asking(pid: int, wait_s: float) -> bool:
    until = time.monotonic() + wait_s
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        if time.monotonic() >= until:
            return False
        time.sleep(0.01)
    return True
