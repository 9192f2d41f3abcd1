"""What the phases of a test make of it."""

from typing import Any

import pytest

from runner.process import Exit
from scorers.base import Check
from scorers.pytest_verdict import ended_without_result, verdict, will_rerun, worse

UP, CALL, DOWN = (
    ["setup", "passed", 0.1, False],
    ["call", "passed", 0.2, False],
    ["teardown", "passed", 0, False],
)
AGAIN = ["call", "rerun", 0.1, False]


def _phase(when: str, outcome: str, *, xfail: bool = False) -> list[Any]:
    return [when, outcome, 0.1, xfail]


CASES = [
    ("passed", "", [UP, CALL, DOWN]),
    ("passed", "xpassed", [UP, _phase("call", "passed", xfail=True), DOWN]),
    ("skipped", "xfailed", [UP, _phase("call", "skipped", xfail=True), DOWN]),
    ("skipped", "", [_phase("setup", "skipped"), DOWN]),
    ("failed", "", [UP, _phase("call", "failed"), DOWN]),
    ("failed", "error", [_phase("setup", "failed"), DOWN]),
    ("failed", "error", [UP, CALL, _phase("teardown", "failed")]),
    ("failed", "incomplete", [UP, DOWN]),
    ("failed", "incomplete", [UP, CALL]),
    ("failed", "crashed", [_phase("???", "failed")]),
    ("failed", "subtest failed", [UP, _phase("sub", "failed"), CALL, DOWN]),
    ("passed", "", [UP, _phase("sub", "passed"), _phase("sub", "skipped"), CALL, DOWN]),
    ("passed", "", [UP, AGAIN, UP, CALL, DOWN]),
    ("passed", "", [UP, AGAIN, DOWN, UP, AGAIN, DOWN, UP, CALL, DOWN]),
    ("failed", "", [UP, AGAIN, UP, _phase("call", "failed"), DOWN]),
    ("failed", "", [UP, _phase("call", "failed"), CALL, DOWN]),
]


@pytest.mark.parametrize(("status", "raw", "phases"), CASES)
def test_phases_make_a_verdict(status: str, raw: str, phases: list[list[Any]]) -> None:
    check = verdict("id", phases)
    assert (check.status, check.raw) == (status, raw)


def test_an_attempt_that_will_be_repeated_is_not_the_last() -> None:
    assert will_rerun([UP, AGAIN, DOWN])
    assert not will_rerun([UP, AGAIN, UP, CALL, DOWN])
    assert not will_rerun([UP, CALL, DOWN])


def test_a_second_answer_never_improves_the_first() -> None:
    failed, passed = Check(id="a", status="failed"), Check(id="a", status="passed")
    assert worse(failed, passed) is failed
    assert worse(passed, failed) is failed
    assert worse(None, passed) is passed


@pytest.mark.parametrize(
    ("end", "raw", "message"),
    [
        (Exit(-11, "exited", 1.0), "crashed", "SIGSEGV"),
        (Exit(0, "exited", 1.0), "crashed", "exit code 0"),
        (Exit(-9, "deadline", 1.0), "timeout", "deadline"),
        (Exit(-9, "stopped", 1.0), "timeout", "stopped"),
        (Exit(-9, "output", 1.0), "output limit", "output"),
    ],
)
def test_a_test_without_a_result_says_how_the_run_ended(end: Exit, raw: str, message: str) -> None:
    check = ended_without_result("a", end)
    assert (check.status, check.raw) == ("failed", raw)
    assert message in check.message
