"""Any command line as an agent: `params.command`, told by stdin, file or terminal what to do."""

import json
import re
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from agents.base import Agent, AgentRun, Assignment
from agents.program import run_program
from agents.start import PROMPT, SYSTEM, furnish
from runner.dialects import complaints
from runner.errors import AgentUnavailable, RequestInvalid
from runner.model import CONFIG
from runner.variables import is_valid

_SPEC = "terminal.json"


class Params(BaseModel):
    """The keys of `params` that this agent reads."""

    model_config = CONFIG

    command: list[str] = Field(min_length=1)
    """The program and its arguments, with placeholders such as `{prompt_file}` and `{model}`."""
    env: dict[str, str] = {}
    """Variables for it, with placeholders; they win over all others."""
    terminal: bool = False
    """Whether it gets a terminal instead of the prompt on its stdin."""
    answers: list[tuple[str, str] | tuple[str, str, int]] = []
    """On a terminal: regex, reply (typed as it stands, so `\\r` for Enter) and how often, else every time."""


class CommandAgent(Agent):
    """Runs a command of the request's; its exit code says whether it completed.

    Placeholders: `{prompt_file}`, `{system_prompt_file}`, `{model}`, `{openai_base}`, `{anthropic_base}`,
    `{token}`, `{workspace}`, `{home}`, and in replies and variables `{prompt}`.
    """

    name = "command"
    dialect = "chat"
    needs_model = False
    option_names = frozenset(Params.model_fields)

    def check(self, options: Mapping[str, Any]) -> None:
        """Read the parameters."""
        _params(options)

    def run(self, assignment: Assignment) -> AgentRun:
        """Run the command to its end."""
        params, values = _params(assignment.options), _placeholders(assignment)
        argv = [_fill(argument, values) for argument in params.command]
        values["prompt"] = assignment.prompt
        variables = {name: _fill(value, values) for name, value in params.env.items()}
        if params.terminal:
            answers = [(pattern, _fill(reply, values), *times) for pattern, reply, *times in params.answers]
            argv = _on_terminal(assignment, argv, answers)
        return run_program(assignment, argv, _routing(assignment) | variables)


def _on_terminal(assignment: Assignment, argv: list[str], answers: list[Any]) -> list[str]:
    """Return the command that gives `argv` a terminal."""
    program = assignment.workspace / argv[0] if "/" in argv[0] else argv[0]
    if shutil.which(program, path=assignment.env.get("PATH")) is None:
        raise AgentUnavailable(f"there is no program {argv[0]}", hint="params.command names it")
    furnish(assignment, {_SPEC: json.dumps({"argv": argv, "answers": answers})})
    return [sys.executable, "-I", "-m", "agents.terminal", str(assignment.home / _SPEC)]


def _params(options: Mapping[str, Any]) -> Params:
    try:
        params = Params.model_validate(dict(options))
    except ValidationError as error:
        hint = 'the command agent wants for example {"command": ["my-agent", "{prompt_file}"]}'
        raise RequestInvalid(f"params.{next(complaints(error))}", hint=hint) from error
    for index, argument in enumerate(params.command):
        if "\0" in argument:
            raise RequestInvalid(f"params.command[{index}]: no argument can hold a NUL character")
    for name, value in params.env.items():
        if not is_valid(name, value):
            raise RequestInvalid(f"params.env.{name}: no name or value of a variable")
    for pattern, *_ in params.answers:
        try:
            re.compile(pattern)
        except re.error as error:
            raise RequestInvalid(f"params.answers: {pattern!r} is no regular expression: {error}") from error
    return params


def _placeholders(assignment: Assignment) -> dict[str, str]:
    values = {
        "prompt_file": str(assignment.home / PROMPT),
        "system_prompt_file": str(assignment.home / SYSTEM),
        "workspace": str(assignment.workspace),
        "home": str(assignment.home),
        "model": assignment.model,
    }
    if endpoint := assignment.endpoint:
        values["openai_base"] = endpoint.openai_base
        values["anthropic_base"] = endpoint.anthropic_base
        values["token"] = endpoint.token
    return values


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Replace each placeholder once; other braces stay as they are."""
    return re.sub(r"\{(\w+)\}", lambda found: values.get(found[1], found[0]), text)


def _routing(assignment: Assignment) -> dict[str, str]:
    """Return the variables that the common clients read."""
    if not (endpoint := assignment.endpoint):
        return {}
    return {
        "OPENAI_BASE_URL": endpoint.openai_base,
        "OPENAI_API_BASE": endpoint.openai_base,
        "OPENAI_API_KEY": endpoint.token,
        "ANTHROPIC_BASE_URL": endpoint.anthropic_base,
        "ANTHROPIC_API_KEY": endpoint.token,
    }
