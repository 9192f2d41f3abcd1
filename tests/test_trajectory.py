import json
import subprocess
from pathlib import Path

import pytest

from agents.base import AgentRun, Step, ToolCall, Usage
from runner.trajectory import trajectory
from tests.interpreters import interpreters


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


@pytest.fixture(scope="session")
def public_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter that has the format's own models: they need 3.12, so they live apart."""
    newer = interpreters(floor=(3, 12))
    if not newer:
        pytest.skip("no Python from 3.12 on for the public models")
    folder = tmp_path_factory.mktemp("atif")
    subprocess.run([next(iter(newer.values())), "-m", "venv", folder], check=True)
    pip = [str(folder / "bin" / "pip"), "install", "--quiet"]
    subprocess.run([*pip, "--no-deps", "harbor==0.24.0"], check=True)
    subprocess.run([*pip, "pydantic"], check=True)
    return folder / "bin" / "python"


VALIDATE = """
import sys
from harbor.models.trajectories import Trajectory
print(len(Trajectory.model_validate_json(sys.stdin.read()).steps))
"""


@pytest.mark.slow
def test_the_public_models_accept_a_trajectory(public_models: Path) -> None:
    failing = ToolCall(id="c1", name="exec_command", arguments={"cmd": "false"}, observation="", ok=False)
    silent = ToolCall(id="c2", name="odd", arguments={"raw": "no json"})
    run = AgentRun(
        "crashed",
        steps=(Step(message="both", tool_calls=(failing, silent), at="2026-11-21T10:00:00Z"), Step()),
        usage=Usage(input_tokens=10, output_tokens=2, cached_tokens=0),
        cost_usd=0.5,
        error="it crashed",
    )
    for document in (
        trajectory(run, agent="codex", model="m", prompt="p", system_prompt="s"),
        trajectory(AgentRun("completed"), agent="nop", model="", prompt="p", system_prompt=""),
    ):
        checked = subprocess.run(
            [public_models, "-c", VALIDATE],
            input=json.dumps(document),
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stderr
        assert int(checked.stdout) == len(document["steps"])
