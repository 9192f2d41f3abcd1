import sys
from pathlib import Path
from typing import Any

import pytest

from agents.base import AgentRun
from agents.command import CommandAgent
from runner.deadline import Deadline
from runner.errors import AgentUnavailable, RequestInvalid
from tests.driving import TOKEN, assign, drive

CLIENT = """
import os, sys
from openai import OpenAI
with OpenAI(max_retries=0) as client:
    messages = [{"role": "user", "content": sys.stdin.read()}]
    said = client.chat.completions.create(model=sys.argv[1], messages=messages)
print(said.choices[0].message.content)
"""
ASKING = """
name = input("\\x1b[1mYour\\x1b[0m name? ")
print("Hello,", name)
print("again" if input("Trust this folder? [y/n] ") == "y" else "bye")
input("Your name? ")
"""


def run(root: Path, command: list[str], **params: Any) -> AgentRun:
    """Run a command as an agent."""
    given = params.pop("assignment", {})
    return CommandAgent().run(
        assign(root, "http://127.0.0.1:9", options={"command": command, **params}, **given)
    )


def test_the_prompt_comes_by_stdin(tmp_path: Path) -> None:
    told = run(tmp_path, ["cat"], assignment={"prompt": "Fix it: {model} ☃\n" * 20_000})
    assert told.outcome == "completed"
    assert (tmp_path / "logs" / "stdout.txt").read_text() == "Fix it: {model} ☃\n" * 20_000
    assert "left out" in told.message


def test_placeholders_are_filled_and_other_braces_stay(tmp_path: Path) -> None:
    script = "cat $1 $2; echo $3 $4 $EXTRA"
    places = ["{prompt_file}", "{system_prompt_file}", "{model}", "{other}"]
    told = run(
        tmp_path,
        ["sh", "-c", script, "sh", *places],
        env={"EXTRA": "<{model}>"},
        assignment={"system_prompt": "Be brief."},
    )
    assert told.message == "Do what the task says.Be brief.some-model {other} <some-model>\n"


def test_the_official_client_finds_the_model_by_itself(tmp_path: Path) -> None:
    options = {"command": [sys.executable, "-c", CLIENT, "{model}"]}
    driven = drive(CommandAgent(), tmp_path, [{"text": "Hello from the model."}], options=options)
    assert driven.run.message.strip() == "Hello from the model."
    (call,) = driven.calls
    assert call.headers["authorization"] == f"Bearer {TOKEN}"
    assert call.path.endswith("/trace_abc/v1/chat/completions")


def test_an_exit_code_is_a_crash_and_the_error_output_is_told(tmp_path: Path) -> None:
    told = run(tmp_path, ["sh", "-c", "echo half; echo broken >&2; exit 3"])
    assert (told.outcome, told.exit_code, told.message, told.failure) == ("crashed", 3, "half\n", None)
    assert "broken" in (told.error or "")


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    told = run(tmp_path, ["sleep", "60"], assignment={"deadline": Deadline.after(0.5)})
    assert told.outcome == "timeout"


def test_on_a_terminal_questions_are_answered(tmp_path: Path) -> None:
    answers = [["Your name\\? ", "{model}\r", 1], ["\\[y/n\\]", "y\r"], ["Your name\\? ", "\x04"]]
    told = run(tmp_path, [sys.executable, "-c", ASKING], terminal=True, answers=answers)
    assert "Hello, some-model" in told.message
    assert "again" in told.message
    assert (told.outcome, told.exit_code) == ("crashed", 1)  # EOFError: the last answer is Ctrl-D


def test_on_a_terminal_a_program_has_a_terminal(tmp_path: Path) -> None:
    told = run(tmp_path, ["sh", "-c", "test -t 0 && test -t 1 && stty size"], terminal=True)
    assert (told.outcome, told.message.strip()) == ("completed", "50 200")


def test_a_program_missing_on_a_terminal_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgentUnavailable, match="no-such-program"):
        run(tmp_path, ["no-such-program"], terminal=True)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "params.command: missing"),
        ({"command": []}, "params.command: expected a list of at least 1, got \\[\\]"),
        ({"command": "my-agent"}, 'params.command: expected a list, got "my-agent"'),
        ({"command": ["a"], "env": {"A": 1}}, "params.env.A: expected text, got 1"),
        ({"command": ["a", "b\0"]}, r"params\.command\[1\]: no argument can hold a NUL"),
        ({"command": ["a"], "env": {"A=B": "1"}}, "params.env.A=B: no name or value of a variable"),
        ({"command": ["a"], "answers": [["(", "y"]]}, "params.answers: '\\(' is no regular expression"),
    ],
)
def test_bad_parameters_are_named(tmp_path: Path, params: dict[str, Any], said: str) -> None:
    with pytest.raises(RequestInvalid, match=said):
        CommandAgent().run(assign(tmp_path, options=params))
