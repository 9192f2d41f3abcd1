import json
from pathlib import Path
from typing import Any

import pytest

from agents.base import Dialect
from runner.interceptor.call import Call
from runner.interceptor.lineage import Lineage
from runner.interceptor.provider_tools import strip_provider_tools
from runner.interceptor.recorder import Recorder
from runner.interceptor.records import CALLS, TokensRecord, is_complete, open_file, read_records
from tests.relaying import replaying
from tests.test_limits import ask

TOOLS = [{"type": "function", "function": {"name": "f"}}]


def a_call(items: list[Any], dialect: Dialect = "chat", endpoint: str = "", **fields: Any) -> Call:
    headers = fields.pop("headers", {})
    body = {"model": "m", "input" if dialect == "responses" else "messages": items, "tools": TOOLS, **fields}
    return Call(dialect, endpoint, json.dumps(body).encode(), body, headers)


def said(role: str, text: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def test_a_record_holds_the_request_as_it_came_and_who_asked(tmp_path: Path) -> None:
    with replaying(tmp_path, [{"text": "Hello", "reasoning": "Hm."}]) as relay:
        ask(relay)
        (record,) = relay.records
    assert record.request.body["messages"] == [{"role": "user", "content": "hi"}]
    assert record.request.sampling == {"max_tokens": 9}
    assert record.trace_correlation_id == "trace_abc"
    assert record.agent == "python-httpx2"
    assert record.agent_version
    assert record.response is not None
    assert record.response.final["content"][-1]["text"] == "Hello"
    assert record.timing.overhead_ms is not None
    assert record.timing.duration_ms is not None
    assert 0 <= record.timing.overhead_ms <= record.timing.duration_ms


def test_a_body_of_several_lines_is_one_line_of_the_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / CALLS, "trace_x")
    call = a_call([said("user", "a\nb")])
    call.raw = json.dumps(call.body, indent=2).encode()
    recorder.begin(call)
    recorder.end(call, None)
    recorder.close()
    assert next(read_records(tmp_path / CALLS)).request.body == call.body
    assert is_complete(tmp_path / CALLS)


def test_a_call_that_never_ended_leaves_its_beginning(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / CALLS, "trace_x")
    first, second = a_call([said("user", "1")]), a_call([said("user", "2")])
    recorder.begin(first)
    recorder.begin(second)
    recorder.end(first, None)
    recorder.close()
    records = list(read_records(tmp_path / CALLS))
    assert [record.call_id for record in records] == [first.id, second.id]
    assert [record.outcome.error for record in records] == [None, "unfinished"]
    assert not is_complete(tmp_path / CALLS)


def test_a_line_that_a_kill_cut_off_is_no_record(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / CALLS, "trace_x")
    call = a_call([said("user", "1")])
    recorder.begin(call)
    recorder.end(call, None)
    recorder.close()
    with (tmp_path / CALLS).open("ab") as file:
        file.write(b'{"type": "call", "call_')
    assert len(list(read_records(tmp_path / CALLS))) == 1


def test_a_complete_capture_leaves_no_beginnings(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / CALLS, "trace_x")
    recorder.close()
    recorder.close()
    assert is_complete(tmp_path / CALLS)
    assert not open_file(tmp_path / CALLS).exists()


def recorded_tokens(folder: Path, logprobs: list[Any]) -> TokensRecord:
    """Record a call that the upstream answered with two token ids and these logprobs; return what is kept."""
    recorder = Recorder(folder / CALLS, "trace_x")
    call = a_call([])
    call.attempts = 1
    call.reader.reply.completion_token_ids, call.reader.reply.logprobs = [1, 2], logprobs
    recorder.begin(call)
    recorder.end(call, None)
    recorder.close()
    tokens = next(read_records(folder / CALLS)).tokens
    assert tokens is not None
    return tokens


def test_token_ids_and_logprobs_of_unequal_length_are_rejected_and_that_is_said(tmp_path: Path) -> None:
    tokens = recorded_tokens(tmp_path, [-0.5])
    assert (tokens.completion_token_ids, tokens.logprobs) == (None, None)
    assert tokens.warning == "2 token ids but 1 logprobs: both rejected"


@pytest.mark.parametrize("odd", [None, "-0.5", float("-inf"), True])
def test_logprobs_that_are_no_numbers_are_rejected_and_leave_a_readable_record(
    tmp_path: Path, odd: Any
) -> None:
    tokens = recorded_tokens(tmp_path, [-0.5, odd])
    assert (tokens.completion_token_ids, tokens.logprobs) == (None, None)
    assert tokens.warning == "token ids or logprobs that are no numbers: all rejected"


def placed(*calls: Call) -> list[Call]:
    lineage = Lineage()
    for call in calls:
        lineage.place(call)
    return list(calls)


def test_a_call_goes_on_from_the_one_with_the_longest_shared_prefix() -> None:
    start = [said("system", "s"), said("user", "task")]
    first = a_call(start)
    second = a_call([*start, said("assistant", "a"), said("user", "b")])
    aside = a_call([said("system", "s"), said("user", "another task")])
    third = a_call([*start, said("assistant", "a"), said("user", "b"), said("assistant", "c")])
    placed(first, second, aside, third)
    assert [second.parent, aside.parent, third.parent] == [first.id, second.id, second.id]
    assert [call.kind for call in (first, second, aside, third)] == ["main", "main", "sub_agent", "main"]


def test_a_cache_mark_that_moves_breaks_no_prefix() -> None:
    marked = {
        "role": "user",
        "content": [{"type": "text", "text": "t", "cache_control": {"type": "ephemeral"}}],
    }
    first, second = placed(a_call([marked], "messages"), a_call([said("user", "t"), said("assistant", "a")]))
    assert second.parent == first.id


def test_side_calls_are_told_apart() -> None:
    lineage = Lineage()
    kinds = []
    for call in (
        a_call([said("system", "You write a title for a chat"), said("user", "x")], tools=[]),
        a_call([said("user", "task")]),
        a_call([said("user", "sum up")], tools=[]),
        a_call([said("user", "You are performing a CONTEXT CHECKPOINT COMPACTION.")]),
        a_call([said("user", "task")], "messages", "/messages/count_tokens"),
    ):
        lineage.place(call)
        kinds.append(call.kind)
    assert kinds == ["title", "main", "title", "compaction", "count_tokens"]


@pytest.mark.parametrize(("header", "repeats"), [("1", True), ("0", False), (None, False)])
def test_a_retry_is_what_the_client_calls_one(header: str | None, repeats: bool) -> None:  # noqa: FBT001
    headers = {} if header is None else {"x-stainless-retry-count": header}
    first, second = placed(a_call([said("user", "a")]), a_call([said("user", "a")], headers=headers))
    assert second.retry_of == (first.id if repeats else None)


def test_tools_of_the_provider_are_taken_out_of_every_dialect() -> None:
    bodies: list[tuple[dict[str, Any], tuple[str, ...]]] = [
        ({"tools": [{"type": "web_search"}, {"type": "mcp", "server_label": "x"}]}, ("web_search", "mcp")),
        (
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}, {"name": "f"}]},
            ("web_search_20250305",),
        ),
        ({"web_search_options": {}, "tools": TOOLS}, ()),
        ({"web_search_options": {"x": 1}, "mcp_servers": [1]}, ("web_search_options", "mcp_servers")),
        ({"tools": [{"type": "bash_20250124"}, {"type": "custom"}, {"type": "local_shell"}, *TOOLS]}, ()),
    ]
    for body, expected in bodies:
        left, stripped = strip_provider_tools(body, ())
        assert stripped == expected
        assert not any(name in str(left) for name in expected)


def test_a_choice_of_a_tool_that_is_gone_is_gone() -> None:
    body = {
        "tools": [{"type": "web_search"}],
        "tool_choice": {"type": "web_search"},
        "include": ["web_search_call.x"],
    }
    left, _ = strip_provider_tools(body, ())
    assert left == {"include": []}
    assert strip_provider_tools(body, ("web",)) == (body, ())
