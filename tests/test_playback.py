"""Which turn of a script a request gets."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import ReplayFailed
from runner.interceptor.replay import Received, Script
from runner.interceptor.replay.playback import SIDE, Play, Playback

BASH = {"name": "Bash", "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}}}


def playback(*turns: Mapping[str, Any]) -> Playback:
    return Playback(Script.of(turns))


def ask(text: str = "go", *, tools: Sequence[Mapping[str, Any]] = (BASH,), system: str = "") -> Received:
    body = {"messages": [{"role": "user", "content": text}], "tools": list(tools), "system": system}
    return Received("POST", "/v1/messages", {}, body, 0, "messages")


def result(call_id: str) -> Received:
    part = {"type": "tool_result", "tool_use_id": call_id, "content": "done"}
    body = {"messages": [{"role": "user", "content": [part]}], "tools": [BASH]}
    return Received("POST", "/v1/messages", {}, body, 0, "messages")


def have(state: Playback, request: Received) -> Play:
    play = state.take(request)
    state.had(play)
    state.release(play)
    return play


def test_turns_are_had_in_order_and_counted() -> None:
    state = playback({"text": "a"}, {"text": "b"})
    assert [have(state, ask()).turn.text for _ in range(2)] == ["a", "b"]
    assert state.remaining == 0


def test_equal_requests_in_a_row_get_different_turns() -> None:
    state = playback({"text": "sample 1"}, {"text": "sample 2"})
    assert have(state, ask("same")) != have(state, ask("same"))


def test_two_calls_at_once_get_two_turns() -> None:
    state = playback({"text": "a"}, {"text": "b"})
    assert [state.take(ask()).number, state.take(ask()).number] == [1, 2]


def test_a_turn_whose_client_went_away_is_had_by_the_next() -> None:
    state = playback({"text": "a"}, {"text": "b"})
    state.release(state.take(ask()))
    assert have(state, ask()).number == 1


def test_a_fault_is_met_as_often_as_it_says_and_then_the_turn_is_had() -> None:
    state = playback({"text": "a", "fault": {"status": 503, "times": 2}}, {"text": "b"})
    kinds = [(play.number, play.fault is not None) for play in (have(state, ask()) for _ in range(4))]
    assert kinds == [(1, True), (1, True), (1, False), (2, False)]


def test_a_turn_of_a_fault_alone_is_over_with_it() -> None:
    state = playback({"fault": {"status": 503, "times": 2}}, {"text": "b"})
    assert [have(state, ask()).number for _ in range(3)] == [1, 1, 2]
    assert state.remaining == 0


def test_a_fault_may_last_for_ever() -> None:
    state = playback({"text": "never", "fault": {"kind": "html", "times": "always"}})
    assert all(have(state, ask()).fault for _ in range(50))
    assert state.remaining == 1


def test_a_retry_that_overtakes_the_end_of_its_fault_does_not_get_the_next_turn() -> None:
    state = playback({"text": "a", "fault": "hang_mid_stream"}, {"text": "b"})
    state.take(ask())
    assert state.take(ask()).number == 1


def test_a_broken_turn_is_over_when_the_client_brings_the_result_of_its_call() -> None:
    state = playback({"shell": "make", "fault": "truncate"}, {"text": "b"})
    broken = have(state, ask())
    assert broken.fault is not None
    assert have(state, result(f"call_{broken.id}_0")).turn.text == "b"


def test_a_broken_turn_is_played_again_to_a_client_that_took_nothing_from_it() -> None:
    state = playback({"shell": "make", "fault": "truncate"}, {"text": "b"})
    have(state, ask())
    assert have(state, result("call_of_another_turn_0")).turn.commands == ("make",)


@pytest.mark.parametrize(
    "aside",
    [
        ask(tools=(), system="You are a title generator. You output ONLY a thread title."),
        ask("Generate a concise, sentence-case title", tools=(), system="Write a title"),
        ask("summarise", tools=()),
    ],
)
def test_a_side_request_takes_no_turn(aside: Received) -> None:
    state = playback({"shell": "ls"}, {"text": "done"})
    assert have(state, aside).turn == SIDE
    have(state, ask())
    assert have(state, aside).turn == SIDE
    assert have(state, ask()).turn.text == "done"


def test_without_any_tools_offered_turns_are_had_as_they_come() -> None:
    state = playback({"text": "a"}, {"text": "b"})
    assert [have(state, ask(tools=())).turn.text for _ in range(2)] == ["a", "b"]


def test_a_turn_marked_aside_waits_for_a_request_without_tools() -> None:
    state = playback({"aside": True, "text": "verdict"}, {"shell": "ls"}, {"text": "done"})
    titled = ask(tools=(), system="You are a title generator")
    texts = [have(state, request).turn.text for request in (titled, ask(), ask(), ask("judge", tools=()))]
    assert texts == [SIDE.text, "", "done", "verdict"]


def test_a_turn_may_say_what_it_expects() -> None:
    state = playback({"text": "a", "expect": "needle"})
    with pytest.raises(ReplayFailed, match="does not fit turn 1: it expects 'needle'"):
        state.take(ask("hay"))
    assert have(state, ask("hay needle hay", tools=())).turn.text == "a"


def test_a_script_that_ran_out_names_the_turn_and_the_first_misfit_stays() -> None:
    state = playback({"text": "a"})
    have(state, ask())
    for text in ("first", "second"):
        with pytest.raises(ReplayFailed, match="there is no turn 2: the script ended"):
            state.take(ask(text))
    assert "'first'" in str(state.failure)


def test_a_command_without_a_shell_tool_names_the_tools_there_are() -> None:
    state = playback({"shell": "ls"})
    with pytest.raises(
        ReplayFailed, match="turn 1: it runs a shell command, and no shell tool is among Read"
    ):
        state.take(
            ask(tools=({"name": "Read", "input_schema": {"type": "object", "properties": {"p": {}}}},))
        )


def test_a_long_request_is_quoted_in_part() -> None:
    state = playback({"text": "a", "expect": "needle"})
    with pytest.raises(ReplayFailed) as failure:
        state.take(ask("x" * 100_000))
    assert len(str(failure.value)) < 500


@given(steps=st.lists(st.sampled_from(["had", "gone", "side"]), max_size=30), turns=st.integers(1, 5))
def test_no_turn_is_lost_and_none_is_had_twice(steps: list[str], turns: int) -> None:
    state = playback(*({"text": str(number)} for number in range(turns)))
    had: list[int | None] = []
    state.take(ask(tools=(BASH,)))  # a call that is still open
    for step in steps:
        if len(had) == turns - 1:
            break
        play = state.take(ask(tools=() if step == "side" else (BASH,)))
        if step == "had":
            had.append(play.number)
            state.had(play)
        state.release(play)
    assert had == list(range(2, len(had) + 2))
    assert state.remaining == turns - len(had)
