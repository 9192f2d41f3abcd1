from typing import Any

import pytest

from runner.interceptor.bridge import Untranslatable, translate_request

PATCH = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Patch.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
}
RUN = {
    "type": "function",
    "name": "run",
    "description": "Run.",
    "strict": False,
    "parameters": {"type": "object"},
}
IMAGE = "data:image/png;base64,AAAA"


def said(role: str, text: str) -> dict[str, Any]:
    kind = "output_text" if role == "assistant" else "input_text"
    return {"type": "message", "role": role, "content": [{"type": kind, "text": text}]}


def codex(**changes: Any) -> dict[str, Any]:
    """A request as Codex makes it, in the middle of its work."""
    return {
        "model": "m",
        "instructions": "INSTRUCTIONS",
        "stream": True,
        "store": False,
        "reasoning": {"effort": "high", "summary": "auto"},
        "tools": [RUN, PATCH],
        "tool_choice": "auto",
        "input": [
            said("developer", "DEVELOPER"),
            said("user", "Do it."),
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Hm."}],
                "encrypted_content": "SIGNED",
            },
            said("assistant", "I will."),
            {"type": "function_call", "call_id": "c1", "name": "run", "arguments": '{"cmd":"ls"}'},
            {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "*** Begin\n"},
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [
                    {"type": "input_text", "text": "a.txt"},
                    {"type": "input_image", "image_url": IMAGE},
                ],
            },
            {"type": "custom_tool_call_output", "call_id": "c2", "output": "Done."},
        ],
    } | changes


def test_a_freeform_tool_travels_as_a_function_with_one_input_string() -> None:
    body, losses, freeform = translate_request(codex(), "responses", "chat")
    function = body["tools"][1]["function"]
    assert function["name"] == "apply_patch"
    assert list(function["parameters"]["properties"]) == ["input"]
    assert "start: x" in function["description"]
    assert freeform == {"apply_patch"}
    assert any("apply_patch" in loss for loss in losses)


def test_a_turn_of_the_assistant_is_one_chat_message() -> None:
    messages = translate_request(codex(), "responses", "chat")[0]["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "tool", "tool"]
    assert messages[0]["content"] == "INSTRUCTIONS\n\nDEVELOPER"
    turn = messages[2]
    assert (turn["content"], turn["reasoning_content"]) == ("I will.", "Hm.")
    assert [call["function"]["arguments"] for call in turn["tool_calls"]] == [
        '{"cmd":"ls"}',
        '{"input": "*** Begin\\n"}',
    ]
    assert messages[3]["content"][1] == {"type": "image_url", "image_url": {"url": IMAGE}}
    assert messages[4] == {"role": "tool", "tool_call_id": "c2", "content": "Done."}


def test_chat_gets_the_effort_where_it_looks_for_it() -> None:
    body = translate_request(codex(), "responses", "chat")[0]
    assert body["reasoning_effort"] == "high"
    assert "reasoning" not in body


def test_instructions_reach_a_messages_upstream() -> None:
    body = translate_request(codex(), "responses", "messages")[0]
    assert [block["text"] for block in body["system"]] == ["INSTRUCTIONS", "DEVELOPER"]
    assert [tool["name"] for tool in body["tools"]] == ["run", "apply_patch"]
    blocks = body["messages"][1]["content"]
    assert [block["type"] for block in blocks] == ["thinking", "text", "tool_use", "tool_use"]
    assert blocks[0]["signature"] == "SIGNED"
    assert blocks[3]["input"] == {"input": "*** Begin\n"}


def test_instructions_with_a_plain_input_reach_a_messages_upstream() -> None:
    body = translate_request({"model": "m", "instructions": "I", "input": "hi"}, "responses", "messages")[0]
    assert body["system"] in ("I", [{"type": "text", "text": "I"}])
    assert "hi" in str(body["messages"])


def test_one_tool_at_a_time_stays_so() -> None:
    body = translate_request(codex(parallel_tool_calls=False), "responses", "messages")[0]
    assert body["tool_choice"]["disable_parallel_tool_use"] is True


def test_ids_that_mean_nothing_elsewhere_are_no_losses() -> None:
    losses = translate_request(codex(), "responses", "chat")[1]
    assert not any(".id:" in loss for loss in losses)
    assert len(set(losses)) == len(losses)


def test_what_claude_code_says_reaches_chat() -> None:
    request = {
        "model": "m",
        "max_tokens": 100,
        "system": [{"type": "text", "text": "SYSTEM", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": "Do it."},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "s"},
                    {"type": "tool_use", "id": "t1", "name": "Bash", "input": {"command": "ls"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": "a"},
                    {"type": "text", "text": "Go on."},
                ],
            },
        ],
        "tools": [{"name": "Bash", "input_schema": {"type": "object"}}],
    }
    body = translate_request(request, "messages", "chat")[0]
    assert [m["role"] for m in body["messages"]] == ["system", "user", "assistant", "tool", "user"]
    assert body["messages"][2]["reasoning_content"] == "Hm."
    assert body["messages"][2]["tool_calls"][0]["function"]["name"] == "Bash"


def test_a_request_that_does_not_fit_its_dialect_is_refused_in_words() -> None:
    with pytest.raises(Untranslatable, match=r"."):
        translate_request({"model": "m", "messages": "no list"}, "chat", "messages")
