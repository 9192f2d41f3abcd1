from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.context import ContextOverride
from runner.errors import RequestInvalid
from runner.prompt import Prompt, fill, render
from runner.request import Rollout, Section
from runner.task import Task


def told(*sections: Section, instruction: str = "Mend it.", **rollout: object) -> Prompt:
    task = Task("t1", instruction, Path("/app"), placeholders={"card_name": "Mew", "seed": "3"})
    fields = {"trace_correlation_id": "t", "sections": sections, **rollout}
    return render(Rollout.model_validate(fields), task)


def section(pattern: str, order: int = 0, role: str = "user") -> Section:
    return Section(pattern=pattern, order=order, role=role)


def test_sections_are_sorted_and_joined_by_a_blank_line() -> None:
    assert told(section("second", 2), section("first", 1)).text == "first\n\nsecond"


def test_sections_of_one_order_stay_as_given() -> None:
    assert told(section("a"), section("b"), section("c")).text == "a\n\nb\n\nc"


def test_without_sections_the_instruction_is_the_prompt() -> None:
    assert told() == Prompt("Mend it.", "")


def test_a_system_section_goes_to_the_system_prompt() -> None:
    assert told(section("Be brief.", role="system")) == Prompt("Mend it.", "Be brief.")


def test_placeholders_name_the_task_its_scalars_and_the_request() -> None:
    pattern = "{task} {task_description} {card_name} {task_id} {seed} {level}"
    assert told(section(pattern), values={"level": "4"}).text == "Mend it. Mend it. Mew t1 3 4"


def test_the_request_wins_over_the_task() -> None:
    assert told(section("{card_name}"), values={"card_name": "Muk"}).text == "Muk"


@pytest.mark.parametrize(
    "code", ["fn main() { todo!() }", "{unknown}", "{}", "{{task}", "{ task }", "${HOME}"]
)
def test_braces_that_name_no_placeholder_stay(code: str) -> None:
    assert told(section(f"{code} x")).text == f"{code} x".replace("{task}", "Mend it.")


def test_values_are_never_filled_themselves() -> None:
    assert told(section("{task}"), instruction="Write {seed} and {task}").text == "Write {seed} and {task}"


def test_a_required_wildcard_without_a_value_is_named() -> None:
    with pytest.raises(RequestInvalid, match=r"wildcards\.topic: REQUIRED"):
        told(section("{topic}"), required=("topic",))
    assert told(section("{topic}"), required=("topic",), values={"topic": "x"}).text == "x"
    assert told(section("{task_description}"), required=("task_description",)).text == "Mend it."


def test_no_prompt_at_all_is_refused() -> None:
    with pytest.raises(RequestInvalid, match="there is no prompt"):
        told(section("Be brief.", role="system"), instruction="")


def test_texts_of_overrides_join_the_system_prompt_and_the_highest_priority_wins() -> None:
    overrides = (
        ContextOverride(override_id="a", texts=(("system_prompt", "high"),), priority=2),
        ContextOverride(override_id="b", texts=(("system_prompt", "low"), ("architecture_guide", "guide"))),
    )
    prompt = told(section("Be brief.", role="system"), overrides=overrides)
    assert prompt.system == "Be brief.\n\nhigh\n\nguide"


NAMES = st.sampled_from(["task", "seed", "card_name", "x"])


@given(st.text(), st.dictionaries(NAMES, st.text()))
def test_text_without_braces_is_never_touched(text: str, values: dict[str, str]) -> None:
    plain = text.replace("{", "(")
    assert fill(plain, values) == plain


@given(
    st.lists(st.tuples(st.text(st.characters(exclude_characters="{}")), NAMES)),
    st.dictionaries(NAMES, st.text()),
)
def test_each_placeholder_is_replaced_by_its_value_whatever_that_holds(
    parts: list[tuple[str, str]], values: dict[str, str]
) -> None:
    pattern = "".join(f"{text}{{{name}}}" for text, name in parts)
    expected = "".join(text + values.get(name, f"{{{name}}}") for text, name in parts)
    assert fill(pattern, values) == expected
