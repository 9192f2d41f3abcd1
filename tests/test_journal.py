import json

from hypothesis import given
from hypothesis import strategies as st

from agents.base import Step
from agents.journal import KEPT, TEXT, Journal, clip


@given(st.text(max_size=3 * TEXT))
def test_what_is_kept_can_be_written_and_is_short(text: str) -> None:
    assert len(clip(text).encode()) <= 4 * TEXT + 100
    assert clip(clip(text)) == clip(text) or len(text) > TEXT


def test_a_long_text_keeps_head_and_tail_and_says_what_is_missing() -> None:
    text = clip("head" + "x" * 5 * TEXT + "tail")
    assert text.startswith("head")
    assert text.endswith("tail")
    assert "characters left out" in text


def test_a_lone_surrogate_which_json_can_carry_is_no_obstacle() -> None:
    journal = Journal()
    journal.say(json.loads('"a\\ud800b"'))
    assert journal.message == "a?b"


def test_very_many_steps_keep_the_first_and_the_last() -> None:
    journal = Journal()
    for number in range(5_000):
        journal.turn()
        journal.say(f"step {number}")
        journal.call(str(number), "shell", {"command": "x" * 50_000})
        journal.observe(str(number), "y" * 50_000, ok=True)
    steps = journal.steps
    assert steps[0].message == "step 0"
    assert steps[-1].message == "step 4999"
    assert sum(len(step.model_dump_json()) for step in steps) < 3 * KEPT


def test_a_step_is_told_once_when_it_is_whole() -> None:
    told: list[Step] = []
    journal = Journal(told.append)
    journal.say("I look.")
    journal.call("a", "shell", {})
    assert not told
    journal.observe("a", "seen", ok=True)
    journal.turn()
    assert [step.message for step in told] == ["I look."]
    assert told[0].tool_calls[0].observation == "seen"
    journal.say("Done.")
    assert journal.steps == journal.steps
    assert len(told) == 2


def test_what_comes_back_late_belongs_to_the_step_that_asked() -> None:
    journal = Journal()
    journal.call("a", "shell", {})
    journal.turn()
    journal.say("Meanwhile.")
    journal.observe("a", "late", ok=True)
    journal.observe("unheard-of", "late", ok=True)
    assert [call.observation for step in journal.steps for call in step.tool_calls] == ["late"]


def test_arguments_that_are_no_object_are_kept_raw() -> None:
    journal = Journal()
    journal.call("a", "apply_patch", "*** Begin Patch")
    journal.call("b", "shell", [1, 2])
    journal.call("c", "shell", {str(number): "x" * 1000 for number in range(1000)})
    raw, listed, many = (call.arguments["raw"] for call in journal.steps[0].tool_calls)
    assert (raw, listed) == ("*** Begin Patch", "[1, 2]")
    assert len(many) < 2 * TEXT


def test_unknown_tokens_stay_unknown() -> None:
    journal = Journal()
    journal.spend(input_tokens=5, output_tokens=None)
    journal.spend(input_tokens=5)
    assert (journal.usage.input_tokens, journal.usage.output_tokens) == (10, None)
