import time

import pytest

from runner.proc import Process
from runner.pulse import Pulse


class Clock:
    """Stands in for `time.monotonic`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", clock)
    return clock


def using(share: float, clock: Clock) -> list[Process]:
    """Return a tree that has used this share of one CPU ever since the clock began."""
    return [Process(1, 0, 1, alive=True, start=0, cpu=int((clock.now - 1000) * 100 * share))]


@pytest.mark.parametrize(("share", "stalls"), [(0.0, True), (0.01, True), (0.05, False), (1.0, False)])
def test_work_keeps_it_alive_and_idling_does_not(clock: Clock, share: float, *, stalls: bool) -> None:
    pulse = Pulse(60, lambda: 0.0, lambda: using(share, clock))
    stalled = False
    for _ in range(3000):
        clock.now += 0.1
        stalled = stalled or pulse.stalled(0)
    assert stalled == stalls


def test_a_burst_after_long_silence_is_no_work(clock: Clock) -> None:
    burst = [Process(1, 0, 1, alive=True, start=0, cpu=50)]
    pulse = Pulse(60, lambda: 0.0, lambda: burst if clock.now > 1050 else [])
    for _ in range(601):
        clock.now += 0.1
        stalled = pulse.stalled(0)
    assert stalled


def test_output_and_signs_from_elsewhere_keep_it_alive(clock: Clock) -> None:
    sign = [0.0]
    pulse = Pulse(10, lambda: sign[0], list)
    clock.now += 9
    assert not pulse.stalled(5)
    clock.now += 9
    assert not pulse.stalled(5)
    sign[0] = clock.now
    clock.now += 9
    assert not pulse.stalled(5)
    clock.now += 2
    assert pulse.stalled(5)


def test_a_sign_from_the_future_is_only_now(clock: Clock) -> None:
    pulse = Pulse(10, lambda: 2000.0, list)
    assert not pulse.stalled(0)
