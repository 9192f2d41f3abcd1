from agents.base import AgentRun, Step, ToolCall, Usage
from runner.trajectory import trajectory


def test_prompts_and_steps_are_numbered_without_gaps_and_nulls_are_left_out() -> None:
    call = ToolCall(id="c1", name="Bash", arguments={"command": "ls", "timeout": None}, observation="a.py")
    run = AgentRun(
        "completed",
        steps=(Step(reasoning="look first", tool_calls=(call,)), Step(message="done")),
        usage=Usage(input_tokens=10, output_tokens=2),
        session_id="s",
        version="1.2.3",
    )
    document = trajectory(run, agent="claude_code", model="m", prompt="Mend it.", system_prompt="Be brief.")
    assert [(step["step_id"], step["source"]) for step in document["steps"]] == [
        (1, "system"),
        (2, "user"),
        (3, "agent"),
        (4, "agent"),
    ]
    assert document["steps"][2]["tool_calls"] == [
        {"tool_call_id": "c1", "function_name": "Bash", "arguments": {"command": "ls", "timeout": None}}
    ]
    assert document["steps"][2]["observation"] == {"results": [{"source_call_id": "c1", "content": "a.py"}]}
    assert "reasoning_content" not in document["steps"][3]
    assert document["final_metrics"]["total_prompt_tokens"] == 10
