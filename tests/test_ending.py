"""How a run ended: a shell in the place of codex, printing what codex prints and ending as it likes."""

import resource
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.base import AgentRun, Assignment
from agents.codex import Codex
from runner.deadline import Deadline
from runner.errors import AgentUnavailable, ModelFailed, ModelRejected
from tests.driving import TRANSCRIPTS, assign

STARTED = '{"type":"thread.started","thread_id":"t"}'
SAID = '{"type":"item.completed","item":{"id":"i","type":"agent_message","text":"Hi."}}'
DONE = '{"type":"turn.completed","usage":{"input_tokens":5,"output_tokens":2}}'
RETRY = '{"type":"error","message":"Reconnecting... 1/1 (unexpected status 503)"}'


class Scripted(Codex):
    """Codex's events from a shell script."""

    program = "sh"
    script: str

    def argv(self, assignment: Assignment) -> list[str]:
        del assignment
        return ["-c", self.script]


def ended(root: Path, script: str, **changes: Any) -> AgentRun:
    """Run a script in the place of codex."""
    agent = Scripted()
    agent.script = script
    return agent.run(assign(root, "http://127.0.0.1:9", **changes))


def says(*events: str) -> str:
    """Return a script that prints events."""
    return "\n".join(f"printf '%s\\n' '{event}'" for event in events) + "\n"


def failed(message: str) -> str:
    """Return the event of a turn that failed."""
    return f'{{"type":"turn.failed","error":{{"message":"{message}"}}}}'


@pytest.mark.parametrize(
    ("events", "code", "outcome"),
    [
        ([STARTED, SAID, DONE], 0, "completed"),
        ([STARTED, RETRY, SAID, DONE], 1, "completed"),
        ([STARTED, SAID], 0, "completed"),
        ([STARTED, SAID], 1, "crashed"),
        ([STARTED, SAID, failed("context_length_exceeded")], 1, "context_length"),
        ([STARTED, SAID, failed("This prompt was flagged as against our usage policies")], 0, "refused"),
        ([STARTED, SAID, failed("Incomplete response returned, reason: max_output_tokens")], 1, "crashed"),
    ],
)
def test_events_and_exit_code_decide_together(
    tmp_path: Path, events: Sequence[str], code: int, outcome: str
) -> None:
    run = ended(tmp_path, says(*events) + f"exit {code}")
    assert (run.outcome, run.failure, run.exit_code) == (outcome, None, code)
    assert (run.error is None) == (outcome == "completed")


@pytest.mark.parametrize(
    ("message", "failure"),
    [
        ("unexpected status 401 Unauthorized: bad key", ModelRejected),
        ("unexpected status 404 Not Found: no such model", ModelRejected),
        ("429: You exceeded your current quota, please check your plan and billing", ModelRejected),
        ("unexpected status 429 Too Many Requests", ModelFailed),
        ("unexpected status 503 Service Unavailable", ModelFailed),
        ("stream disconnected before completion: connection refused", ModelFailed),
    ],
)
@pytest.mark.parametrize("code", [0, 1])
def test_a_providers_failure_is_never_scored_whatever_the_exit_code(
    tmp_path: Path, message: str, failure: type[ModelFailed], code: int
) -> None:
    run = ended(tmp_path, says(STARTED, SAID, failed(message)) + f"exit {code}")
    assert type(run.failure) is failure
    assert message in str(run.failure)


def test_a_cli_that_dies_before_its_first_event_is_unavailable(tmp_path: Path) -> None:
    run = ended(tmp_path, "echo 'libfoo.so is missing' >&2; exit 127")
    assert isinstance(run.failure, AgentUnavailable)
    assert "libfoo.so is missing" in str(run.failure)


@pytest.mark.parametrize("script", ["exit 0", says(STARTED), says(STARTED, '{"type":"turn.completed"}')])
def test_silence_is_not_completed(tmp_path: Path, script: str) -> None:
    assert isinstance(ended(tmp_path, script).failure, AgentUnavailable)


def test_a_model_that_said_nothing_in_its_calls_is_an_answer_all_the_same(tmp_path: Path) -> None:
    run = ended(tmp_path, says(STARTED, DONE), last_call=time.monotonic)
    assert (run.outcome, run.failure) == ("completed", None)


def test_time_runs_out_on_an_agent_at_work(tmp_path: Path) -> None:
    run = ended(tmp_path, says(STARTED, SAID) + "trap '' TERM; sleep 60 & wait", deadline=Deadline.after(1))
    assert (run.outcome, run.failure, run.message) == ("timeout", None, "Hi.")


def test_time_that_runs_out_while_the_provider_fails_is_the_providers(tmp_path: Path) -> None:
    run = ended(tmp_path, says(STARTED, SAID, RETRY) + "sleep 60", deadline=Deadline.after(1))
    assert run.outcome == "crashed"
    assert isinstance(run.failure, ModelFailed)
    assert "503" in str(run.failure)


def test_time_that_runs_out_without_any_answer_is_the_providers_too(tmp_path: Path) -> None:
    run = ended(tmp_path, says(STARTED) + "sleep 60", deadline=Deadline.after(1))
    assert isinstance(run.failure, ModelFailed)


def test_an_agent_that_hangs_is_stalled(tmp_path: Path) -> None:
    run = ended(tmp_path, says(STARTED, SAID) + "sleep 60", stall_s=0.5)
    assert (run.outcome, run.failure) == ("stalled", None)


def test_a_spent_budget_ends_the_agent_and_is_its_outcome(tmp_path: Path) -> None:
    spent = threading.Event()
    threading.Timer(0.5, spent.set).start()
    said = {"should_stop": lambda: "budget" if spent.is_set() else None}
    run = ended(tmp_path, says(STARTED, SAID) + "sleep 60", **said)
    assert (run.outcome, run.failure) == ("budget", None)


def test_a_call_that_the_budget_refused_is_no_failure_of_the_provider(tmp_path: Path) -> None:
    script = says(STARTED, SAID, failed("unexpected status 400: the budget is spent")) + "exit 1"
    assert ended(tmp_path, script, should_stop=lambda: "budget").outcome == "budget"


def test_steps_are_told_while_the_agent_works(tmp_path: Path) -> None:
    told: list[float] = []
    begun = '{"type":"item.started","item":{"id":"c","type":"command_execution","command":"ls"}}'
    back = begun.replace("started", "completed")
    ended(
        tmp_path,
        says(STARTED, SAID, begun, back, SAID) + "sleep 1;" + says(DONE),
        on_step=lambda _: told.append(time.monotonic()),
    )
    assert len(told) == 2
    assert told[1] - told[0] > 0.5


@pytest.mark.slow
def test_a_gigabyte_of_events_is_read_in_constant_memory(tmp_path: Path) -> None:
    happy = TRANSCRIPTS / "codex" / "happy.jsonl"
    long = tmp_path / "long.jsonl"
    output = '"aggregated_output":"' + "x" * 100_000
    long.write_text(happy.read_text().replace('"aggregated_output":"', output) * 100)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run = ended(tmp_path, f"for i in $(seq 25); do cat {long}; done")
    assert (tmp_path / "logs" / "events.jsonl").stat().st_size > 1_000_000_000
    assert run.outcome == "completed"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
