"""What goes wrong at the provider, met by the three real CLIs behind the interceptor.

Whatever the fault: the run ends well inside its deadline with a true outcome, a tool runs once, and what
ended the run is named in the provider's own words.
"""

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agents.base import AgentRun
from runner.deadline import Deadline
from runner.errors import ModelFailed, ModelRejected
from runner.interceptor.replay import Script, replay
from tests.driving import CLIS, assign
from tests.relaying import Relaying, relaying, replaying, work

pytestmark = pytest.mark.slow

QUICK: dict[str, Any] = {"silence_s": 1.0, "upstream_attempts": 2}
"""Limits that a test can wait for."""
MENDED: dict[str, Mapping[str, Any] | str] = {
    "429": {"status": 429, "error": "slow down", "retry_after": 1},
    "500": {"status": 500},
    "503": {"status": 503, "body": "<h1>upstream is down</h1>"},
    "529": {"status": 529, "error": "Overloaded"},
    "reset": "cut_before_headers",
    "hang-before-headers": "hang_before_headers",
    "hang-after-headers": "hang_after_headers",
    "hang-at-once": {"kind": "hang_mid_stream", "after": "first"},
    "hang-after-call": {"kind": "hang_mid_stream", "after": "content"},
    "cut-at-once": {"kind": "cut", "after": "first"},
    "cut-after-call": {"kind": "cut", "after": "content"},
    "truncate": "truncate",
    "html": "html",
    "empty": "empty",
    "bad-json": "bad_json",
    "cut-in-text": {"kind": "cut", "after": "half"},
    "cut-after-text": {"kind": "cut", "after": "content"},
    "hang-in-text": {"kind": "hang_mid_stream", "after": "half"},
    "truncate-after-text": "truncate",
}
"""Faults that the next attempt does not meet again; `text` comes first where the name says so."""
LASTING: dict[str, tuple[Mapping[str, Any] | str, type[ModelFailed], str]] = {
    "429": ({"status": 429, "error": "come back tomorrow", "retry_after": 86400}, ModelFailed, "tomorrow"),
    "503": ({"status": 503, "error": "the disk is full"}, ModelFailed, "the disk is full"),
    "404": ({"status": 404, "error": "no such model"}, ModelRejected, "no such model"),
    "quota": ({"status": 429, "code": "insufficient_quota", "error": "pay us"}, ModelRejected, "pay us"),
    "hang-before-headers": ("hang_before_headers", ModelFailed, "silent for 1 s"),
    "cut": ("cut", ModelFailed, "broke off|reach"),
    "truncate": ("truncate", ModelFailed, "without its last event"),
    "html": ("html", ModelFailed, "Bad Gateway"),
    "empty": ("empty", ModelFailed, "empty body|without its last event"),
}
"""Faults that every attempt meets."""
SLOW_STARTER = {"503", "quota", "cut", "html"}
"""Those that OpenCode meets too: it starts slowly, and would go on calling for minutes over these."""
MEETINGS = [(cli, name) for cli in CLIS for name in LASTING if cli != "opencode" or name in SLOW_STARTER]


@pytest.fixture(params=CLIS)
def cli(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def run(cli: str, root: Path, relay: Relaying, seconds: float = 60.0) -> AgentRun:
    return work(CLIS[cli](), root, relay, deadline=Deadline.after(seconds))


def ran(root: Path) -> list[str]:
    """Return the names of the faults whose tool ran, in order."""
    file = root / "workspace" / "ran.txt"
    return file.read_text().split() if file.exists() else []


def test_every_fault_that_a_retry_can_mend_is_mended_and_no_tool_runs_twice(cli: str, tmp_path: Path) -> None:
    turns = [
        {
            "text": "Let me look at this at some length." if name.endswith("text") else "",
            "shell": f"echo {name} >> ran.txt",
            "fault": fault,
        }
        for name, fault in MENDED.items()
    ]
    with replaying(tmp_path / "calls", [*turns, {"text": "Done."}], **QUICK) as relay:
        ended = run(cli, tmp_path, relay, 150)
    assert sorted(ran(tmp_path)) == sorted(MENDED)
    assert ran(tmp_path) == list(MENDED)
    assert (ended.outcome, ended.failure, ended.message) == ("completed", None, "Done.")
    assert relay.interceptor.failure() is None
    assert {record.kind for record in relay.records} == {"main"}
    assert relay.model is not None
    assert relay.model.remaining == 0


@pytest.mark.parametrize(("cli", "name"), MEETINGS)
def test_a_fault_that_lasts_ends_the_run_with_the_providers_own_words(
    cli: str, name: str, tmp_path: Path
) -> None:
    fault, kind, words = LASTING[name]
    lasting = {**({"kind": fault} if isinstance(fault, str) else fault), "times": "always"}
    turns = ({"shell": "echo 1 >> ran.txt"}, {"shell": "echo 2 >> ran.txt", "fault": lasting})
    with replaying(tmp_path / "calls", turns, **QUICK) as relay:
        ended = run(cli, tmp_path, relay)
        failure = relay.interceptor.failure()
        assert relay.model is not None
        asked = len(relay.model.requests)
    assert ended.outcome == "crashed"
    assert type(failure) is kind
    assert failure.retryable is (kind is ModelFailed)
    assert re.search(words, str(failure))
    assert ended.error
    assert ran(tmp_path) == ["1"]
    assert asked <= 10


def test_a_context_that_is_too_long_is_an_outcome_not_a_failure(cli: str, tmp_path: Path) -> None:
    error = "This model's maximum context length is 8192 tokens: the prompt is too long"
    fault = {"status": 400, "code": "context_length_exceeded", "error": error, "times": "always"}
    with replaying(tmp_path / "calls", [{"shell": "echo 1 >> ran.txt"}, {"fault": fault}], **QUICK) as relay:
        ended = run(cli, tmp_path, relay)
    assert (ended.outcome, ended.failure) == ("context_length", None)
    assert relay.interceptor.failure() is None


@pytest.mark.parametrize(
    ("cli", "finish", "outcome"),
    [
        *((cli, "content_filter", "refused") for cli in CLIS),
        ("codex", "length", "crashed"),
        ("claude_code", "length", "crashed"),
    ],
)
def test_an_answer_refused_or_cut_short_is_the_models_own_and_is_scored(
    cli: str, finish: str, outcome: str, tmp_path: Path
) -> None:
    turns = [{"shell": "echo 1 >> ran.txt"}, *[{"text": "I cannot help with that.", "finish": finish}] * 6]
    with replaying(tmp_path / "calls", turns, **QUICK) as relay:
        ended = run(cli, tmp_path, relay)
    assert (ended.outcome, ended.failure) == (outcome, None)
    assert relay.interceptor.failure() is None


def test_a_provider_that_refuses_connections_is_named(cli: str, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        with relaying(tmp_path / "calls", url, upstream_dialect="same", **QUICK) as relay:
            ended = run(cli, tmp_path, relay)
    assert ended.outcome == "crashed"
    failure = relay.interceptor.failure()
    assert isinstance(failure, ModelFailed)
    assert "Connection refused" in str(failure)


@pytest.mark.parametrize(
    ("cli", "kind"), [*((cli, "hang_before_headers") for cli in CLIS), ("opencode", "truncate")]
)
def test_without_the_interceptor_the_stall_limit_and_the_deadline_still_end_the_run(
    cli: str, kind: str, tmp_path: Path
) -> None:
    with replay(Script.of([{"fault": {"kind": kind, "times": "always"}}])) as model:
        assignment = assign(tmp_path, model.base_url, stall_s=5.0, deadline=Deadline.after(12))
        ended = CLIS[cli]().run(assignment)
    assert ended.outcome in {"crashed", "stalled", "timeout"}
    assert isinstance(ended.failure, ModelFailed)
    assert ended.duration_s < 18
