"""The recording of a rollout, played again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from agents.base import Step
from runner.errors import RequestInvalid
from runner.interceptor.records import CallRecord
from runner.interceptor.replay import Turn, read_script
from tests.driving import CLIS
from tests.relaying import relaying, replaying, work


def record(index: int, **changes: Any) -> dict[str, Any]:
    request = {
        "dialect": "chat",
        "endpoint": "/chat/completions",
        "stream": True,
        "model": "m",
        "tools": ["bash"],
        "upstream_dialect": "chat",
        "upstream_url": "https://model.invalid/v1",
    }
    line = {
        "trace_correlation_id": "trace_1",
        "call_id": f"call_{index}",
        "call_index": index,
        "timing": {"started_at": "2026-11-21T12:00:00Z"},
        "request": {**request, **changes.pop("request", {})},
        **changes,
    }
    return CallRecord.model_validate(line).model_dump(mode="json")


def save(folder: Path, *records: Mapping[str, Any]) -> Path:
    path = folder / "calls.jsonl"
    lines = [*records, {"type": "capture_complete", "calls": len(records)}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_reply_becomes_a_turn_with_its_calls_usage_and_token_ids(tmp_path: Path) -> None:
    call = {"id": "c1", "name": "bash", "arguments": '{"command": "ls"}'}
    reply = {"text": "Let me look.", "reasoning": "hm", "tool_calls": [call], "finish_reason": "tool_calls"}
    path = save(
        tmp_path,
        record(
            1,
            response=reply,
            usage={"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 3},
            tokens={"prompt_token_ids": [1, 2], "completion_token_ids": [3], "logprobs": [-0.5]},
        ),
    )
    turn = Turn.model_validate(
        {
            "text": "Let me look.",
            "reasoning": "hm",
            "tool_calls": [{"name": "bash", "arguments": '{"command": "ls"}'}],
            "usage": {"input_tokens": 10, "output_tokens": 5, "cached_tokens": 3},
            "captured": {"prompt_token_ids": [1, 2], "token_ids": [3], "logprobs": [-0.5]},
        }
    )
    assert read_script(path).turns == (turn,)


def test_turns_follow_the_order_in_which_the_calls_arrived(tmp_path: Path) -> None:
    path = save(tmp_path, *(record(index, response={"text": str(index)}) for index in (2, 1, 3)))
    assert [turn.text for turn in read_script(path).turns] == ["1", "2", "3"]


def test_calls_without_a_reply_of_their_own_are_left_out(tmp_path: Path) -> None:
    path = save(
        tmp_path,
        record(1, kind="title", response={"text": "A title"}),
        record(2, kind="count_tokens", response={}),
        record(3, outcome={"error": "client_disconnected"}, response={"text": "half"}),
        record(4, outcome={"error": "refused_by_limit"}),
        record(5, response={"text": "kept"}),
    )
    assert [turn.text for turn in read_script(path).turns] == ["kept"]


def test_a_judges_verdict_waits_for_a_request_without_tools(tmp_path: Path) -> None:
    path = save(tmp_path, record(1, kind="judge", request={"tools": []}, response={"text": "{}"}))
    assert read_script(path).turns[0].aside


def test_the_verdicts_recorded_beside_the_calls_are_played_too(tmp_path: Path) -> None:
    verdict = record(2, kind="judge", request={"tools": []}, response={"text": "fine"})
    save(tmp_path, verdict).rename(tmp_path / "judge.jsonl")
    turns = read_script(save(tmp_path, record(1, response={"text": "work"}))).turns
    assert [(turn.text, turn.aside) for turn in turns] == [("work", False), ("fine", True)]


@pytest.mark.parametrize(
    ("outcome", "kind", "status", "times"),
    [
        ({"status": 503, "error": "upstream_error", "message": "down", "attempts": 3}, "status", 503, 3),
        ({"status": 400, "error": "context_length", "message": "too long"}, "status", 400, 1),
        ({"error": "connection", "attempts": 2}, "cut_before_headers", 500, 2),
        ({"status": 200, "error": "stream_truncated"}, "truncate", 500, 1),
        ({"error": "timeout"}, "status", 504, 1),
    ],
)
def test_a_failed_call_is_the_fault_that_it_met(
    tmp_path: Path, outcome: dict[str, Any], kind: str, status: int, times: int
) -> None:
    fault = read_script(save(tmp_path, record(1, outcome=outcome))).turns[0].fault
    assert fault is not None
    assert (fault.kind, fault.status, fault.times) == (kind, status, times)
    assert fault.error == outcome.get("message", "")


def test_a_reply_too_long_to_be_recorded_is_refused_by_line(tmp_path: Path) -> None:
    path = save(tmp_path, record(1, response={"text": "cut", "overflow_file": "call_1.sse"}))
    with pytest.raises(RequestInvalid, match=r"calls\.jsonl:1: the reply was too long .*call_1\.sse"):
        read_script(path)


def test_a_line_that_is_no_record_is_named(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match=r"calls\.jsonl:2: trace_correlation_id"):
        read_script(save(tmp_path, record(1, response={"text": "a"}), {"type": "call"}))


@pytest.mark.slow
@pytest.mark.parametrize("cli", CLIS)
def test_a_recorded_rollout_is_reproduced(cli: str, tmp_path: Path) -> None:
    turns: list[dict[str, Any]] = [
        {
            "reasoning": "Hm.",
            "text": "Let me look.",
            "shell": ["echo 1 >> a.txt", "echo 2"],
            "fault": {"status": 503},
        },
        {"shell": "cat a.txt", "usage": {"input_tokens": 500, "cached_tokens": 100, "output_tokens": 9}},
        {"text": "Done. ✓"},
    ]
    with replaying(tmp_path / "first", turns) as relay:
        first = work(CLIS[cli](), tmp_path / "first", relay)
    recorded = tmp_path / "first" / "calls.jsonl"
    with relaying(tmp_path / "second", f"replay:{recorded}") as relay:
        second = work(CLIS[cli](), tmp_path / "second", relay)
        assert relay.interceptor.failure() is None
    assert (tmp_path / "second/workspace/a.txt").read_text() == "1\n"
    assert second.outcome == "completed"
    assert _told(second.steps) == _told(first.steps)


def _told(steps: Sequence[Step]) -> tuple[object, ...]:
    """Return what a run says, without ids and times.

    Parallel calls end in any order, and Codex, which marks no turns, makes two steps of them at times.
    """
    calls = [
        (call.name, str(call.arguments), call.observation or "") for step in steps for call in step.tool_calls
    ]
    said = [step.message for step in steps if step.message]
    return (said, [step.reasoning for step in steps if step.reasoning], sorted(calls))


def test_a_recording_without_a_reply_has_no_turns(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match="has no turns"):
        read_script(save(tmp_path))
