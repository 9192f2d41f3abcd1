"""Reading a request the same way in all three dialects."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.base import Dialect
from runner.interceptor.replay.received import Received

RESULTS: dict[Dialect, dict[str, Any]] = {
    "responses": {
        "instructions": "be brief",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "old"}]},
            {"type": "reasoning", "summary": []},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "one"},
            {"type": "function_call_output", "call_id": "c2", "output": [{"type": "text", "text": "two"}]},
        ],
    },
    "chat": {
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "old"},
            {"role": "assistant", "content": None, "tool_calls": []},
            {"role": "tool", "tool_call_id": "c1", "content": "one"},
            {"role": "tool", "tool_call_id": "c2", "content": "two"},
        ]
    },
    "messages": {
        "system": [{"type": "text", "text": "be brief"}],
        "messages": [
            {"role": "user", "content": "old"},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "f", "input": {}}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "one"},
                    {
                        "type": "tool_result",
                        "tool_use_id": "c2",
                        "content": [{"type": "text", "text": "two"}],
                    },
                ],
            },
        ],
    },
}


@pytest.mark.parametrize("dialect", RESULTS)
def test_tool_results_their_calls_and_the_system_prompt_are_found(dialect: Dialect) -> None:
    request = Received("POST", "/", {}, RESULTS[dialect], 0, dialect)
    assert request.newest.split() == ["one", "two"]
    assert list(request.call_ids) == ["c1", "c2"]
    assert request.system == "be brief"


def test_an_input_that_is_plain_text_is_the_newest_text() -> None:
    assert Received("POST", "/", {}, {"input": "hello"}, 0, "responses").newest == "hello"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["role", "content", "type", "text", "function", "name"]), inner)
    ),
    max_leaves=8,
)


@given(body=st.fixed_dictionaries({}, optional=dict.fromkeys(("input", "messages", "tools", "system"), ANY)))
def test_no_shape_of_a_body_is_an_error(body: dict[str, Any]) -> None:
    for dialect in RESULTS:
        request = Received("POST", "/", {}, body, 0, dialect)
        assert isinstance(request.newest + request.system + request.model, str)
        assert list(request.call_ids) is not None
        assert request.tools is not None
