"""The real CLIs behind the interceptor: every dialect pair, every fault, and no key in their reach."""

from pathlib import Path
from typing import Any

import pytest

from agents.base import Dialect
from runner.request import Limits
from tests.driving import CLIS
from tests.relaying import KEY, replaying, work

pytestmark = pytest.mark.slow
TURNS: list[dict[str, Any]] = [
    {"text": "Two at once.", "reasoning": "Hm.", "shell": ["echo one > one.txt", "echo two > two.txt"]},
    {"shell": "cat one.txt two.txt"},
    {"text": "All done.", "expect": "two"},
]
ONCE = "echo x >> count.txt"
QUICK = ["codex", "claude_code"]
"""OpenCode takes up to ten seconds to start; of faults that stay it meets one of each kind."""


@pytest.mark.parametrize("behind", ["chat", "messages", "responses"])
@pytest.mark.parametrize("cli", CLIS)
def test_every_cli_works_with_tools_over_every_upstream(tmp_path: Path, cli: str, behind: Dialect) -> None:
    with replaying(tmp_path / "files", TURNS, upstream_dialect=behind) as relay:
        run = work(CLIS[cli](), tmp_path, relay)
        totals = relay.interceptor.totals()
        records = relay.records
    assert (run.outcome, run.message) == ("completed", "All done.")
    assert (tmp_path / "workspace/two.txt").read_text() == "two\n"
    assert {record.request.upstream_dialect for record in records} == {behind}
    assert [record.kind for record in records] == ["main"] * 3
    assert [record.outcome.error for record in records] == [None] * 3
    assert (run.usage.input_tokens, run.usage.output_tokens) == (totals.input_tokens, totals.output_tokens)
    assert all(record.agent_version == run.version for record in records)


FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429, "retry_after": 0.2},
    "500": {"status": 500, "error": "boom"},
    "503": {"status": 503, "error": "down"},
    "529": {"status": 529, "error": "overloaded"},
    "hang_before_headers": {"kind": "hang_before_headers"},
    "hang_after_headers": {"kind": "hang_after_headers"},
    "hang_mid_stream": {"kind": "hang_mid_stream", "after": "content"},
    "cut_before_headers": {"kind": "cut_before_headers"},
    "cut": {"kind": "cut"},
    "cut_after_the_tool_call": {"kind": "cut", "after": "content"},
    "truncate": {"kind": "truncate"},
    "bad_json": {"kind": "bad_json"},
    "html": {"kind": "html"},
    "empty": {"kind": "empty"},
}
STAYS = [(cli, fault) for cli in CLIS for fault in FAULTS if cli in QUICK or fault in {"503", "truncate"}]


@pytest.mark.parametrize("cli", CLIS)
def test_faults_that_pass_cost_nothing_and_run_no_tool_twice(tmp_path: Path, cli: str) -> None:
    turns: list[dict[str, Any]] = [
        {"text": "Working.", "shell": f"echo {name} >> done.txt", "fault": fault}
        for name, fault in FAULTS.items()
    ]
    with replaying(tmp_path / "files", [*turns, {"text": "All done."}], silence_s=1) as relay:
        run = work(CLIS[cli](), tmp_path, relay)
        failure = relay.interceptor.failure()
    assert (run.outcome, run.message, failure) == ("completed", "All done.", None)
    assert (tmp_path / "workspace/done.txt").read_text().split() == list(FAULTS)


@pytest.mark.parametrize(("cli", "fault"), STAYS)
def test_a_fault_that_stays_ends_the_run_soon_and_is_named(tmp_path: Path, cli: str, fault: str) -> None:
    turns: list[dict[str, Any]] = [
        {"text": "Working.", "shell": ONCE, "fault": FAULTS[fault] | {"times": "always"}}
    ]
    with replaying(tmp_path / "files", turns, silence_s=0.5, upstream_attempts=2) as relay:
        run = work(CLIS[cli](), tmp_path, relay)
        failure = relay.interceptor.failure()
    assert run.outcome == "crashed"
    assert run.duration_s < 45
    assert failure is not None
    assert FAULTS[fault].get("error", "") in failure.message
    assert not (tmp_path / "workspace/count.txt").exists()


@pytest.mark.parametrize("cli", CLIS)
def test_a_spent_limit_ends_the_run_as_budget(tmp_path: Path, cli: str) -> None:
    with replaying(tmp_path / "files", [{"shell": ONCE}] * 9, Limits(max_requests=2)) as relay:
        run = work(CLIS[cli](), tmp_path, relay)
        assert relay.interceptor.totals().calls == 2
        assert relay.interceptor.failure() is None
    assert run.outcome == "budget"
    assert (tmp_path / "workspace/count.txt").read_text() == "x\nx\n"


@pytest.mark.parametrize("cli", CLIS)
def test_no_key_is_in_the_agents_reach(tmp_path: Path, cli: str) -> None:
    pattern = f"[{KEY[0]}]{KEY[1:]}"
    search = (
        f"grep -la '{pattern}' /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null; env | grep '{pattern}'"
    )
    files = f"grep -rla '{pattern}' {tmp_path}/home {tmp_path}/workspace {tmp_path}/logs"
    turns = [{"shell": f"({search}; {files}; true) > found.txt"}, {"text": "Done."}]
    with replaying(tmp_path / "files", turns) as relay:
        run = work(CLIS[cli](), tmp_path, relay)
        assert relay.model is not None
        assert KEY in relay.model.requests[-1].headers["authorization"]
    assert run.outcome == "completed"
    assert (tmp_path / "workspace/found.txt").read_text() == ""
    for kept in (tmp_path / "home", tmp_path / "logs", tmp_path / "files"):
        for file in kept.rglob("*"):
            assert not file.is_file() or KEY.encode() not in file.read_bytes()
