"""The real CLIs behind the interceptor: every dialect pair, a spent budget, and no key in their reach."""

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
