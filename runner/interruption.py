"""SIGTERM, SIGINT and SIGHUP, turned into an orderly end of the rollout; and time that runs out.

What is raised is no `Exception`: a plug-in that catches all of those must not swallow the end of the rollout,
and one that catches everything is found out by `check`.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_seen: list[int] = []


class Signalled(BaseException):
    """A signal asks the runner to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Overdue(BaseException):
    """A plug-in did not come back by its deadline."""


def raise_on_signals() -> None:
    """Let the first signal raise `Signalled`; later ones must not disturb the orderly end."""
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def end_at_once_on_signals() -> None:
    """Let a signal end the process as usual: the result is written."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def check() -> None:
    """Raise what a plug-in has swallowed."""
    if _seen:
        raise Signalled(_seen[0])


@contextmanager
def unswallowed() -> Iterator[None]:
    """Raise `Signalled` in place of what it became on its way: compiled modules make errors of it."""
    try:
        yield
    except BaseException as error:
        if _seen and not isinstance(error, Signalled):
            raise Signalled(_seen[0]) from error
        raise


@contextmanager
def overdue_after(seconds: float) -> Iterator[None]:
    """Raise `Overdue` in the block when the time is up; only the main thread has that power."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, _overdue)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001), 0.5)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _interrupt(number: int, _frame: object) -> NoReturn:
    for each in _SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    _seen.append(number)
    raise Signalled(number)


def _overdue(_number: int, _frame: object) -> NoReturn:
    signal.setitimer(signal.ITIMER_REAL, 0)
    raise Overdue
