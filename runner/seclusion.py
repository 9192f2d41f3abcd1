"""Closes the runner's own memory and environment, where the key is, to others of the same user."""

import ctypes

_SET_DUMPABLE = 4  # PR_SET_DUMPABLE, <linux/prctl.h>


def seclude() -> None:
    """Make `/proc/PID/environ` and `mem` of this process root's own: prctl(2).

    An agent that runs as the runner's own user could read the key there. Against an agent that is root
    nothing in this sandbox helps but an account for it.
    """
    ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
