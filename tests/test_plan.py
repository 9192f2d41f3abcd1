"""What `validate` says is what the rollout would do, or end in."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Failure, OverrideFailed, RequestInvalid
from runner.plan import plan
from runner.setting import Options

DEMO = Path(__file__).parent.parent / "examples" / "demo"
REPLAY = f"replay:{DEMO / 'replay.toml'}"


def planned(*, agent: str = "codex", params: Any = None, **keys: Any) -> dict[str, Any]:
    """Return the plan of a request on the demo's task."""
    request = {
        "trace_correlation_id": "t",
        "inference_url": REPLAY,
        "params": {"agent": agent, **(params or {})},
        **keys,
    }
    options = Options(tasks=DEMO / "task", workspace=DEMO / "workspace")
    return plan(json.dumps(request).encode(), options, {})


def refused(kind: type[Failure], **keys: Any) -> str:
    with pytest.raises(kind) as caught:
        planned(**keys)
    return str(caught.value)


def test_the_model_that_the_rollout_would_ask_for_is_named() -> None:
    assert planned()["model"] == "gpt-4.1-mini"
    assert planned(agent="claude_code")["model"].startswith("claude-")
    assert planned(agent="nop")["model"] == ""


def test_seed_and_time_are_said() -> None:
    said = planned(seed=7, limits={"timeout_s": 100, "scoring_s": 30, "stall_s": 20})
    assert (said["seed"], said["seed_wrapped"]) == (7, False)
    assert (said["timeout_s"], said["agent_s"], said["scoring_s"], said["stall_s"]) == (100, 67, 30, 20)


@pytest.mark.parametrize("text", [None, "", "[[turns]]\nshel = 1\n"])
def test_a_replay_script_that_is_missing_or_broken_is_refused(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "bad.toml"
    if text is not None:
        path.write_text(text)
    assert str(path) in refused(RequestInvalid, inference_url=f"replay:{path}")


def test_parameters_of_the_command_agent_are_read() -> None:
    said = refused(RequestInvalid, agent="command", params={"command": "ls"})
    assert 'params.command: expected a list, got "ls"' in said


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"file_artifacts": {"../x": ""}}, "'../x' leads out of the workspace"),
        ({"file_artifacts": {"/etc/passwd": ""}}, "'/etc/passwd' leads out of the workspace"),
        ({"env_vars": {"LD_PRELOAD": "x"}}, "env_vars.LD_PRELOAD: decides what runs"),
        ({"env_vars": {"A": "x" * 20_000}}, "env_vars.A: more than 10240 bytes"),
    ],
)
def test_an_override_that_cannot_be_applied_is_refused(override: dict[str, Any], said: str) -> None:
    assert said in refused(OverrideFailed, context_overrides=[{"override_id": "o", **override}])


def test_overrides_are_neither_written_nor_run(tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    override = {
        "override_id": "o",
        "file_artifacts": {"tests/new.md": "x"},
        "system_prompt": "Be brief.",
        "preflight_script": f"#!/bin/sh\ntouch {mark}",
        "env_vars": {"A": "b"},
    }
    assert planned(context_overrides=[override])["overrides"] == ["o"]
    assert not mark.exists()
    assert not (DEMO / "workspace" / "tests" / "new.md").exists()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"params": {"upstream_attempts": 0}}, "params.upstream_attempts"),
        ({"limits": {"max_cost_usd": 1}, "params": {"model": "unheard-of"}}, "the price of 'unheard-of'"),
        ({"inference_url": "https://user:word@host.invalid/v1"}, "inference_url holds a user or password"),
    ],
)
def test_what_the_interceptor_would_refuse_is_refused(keys: dict[str, Any], said: str) -> None:
    assert said in refused(RequestInvalid, **keys)


def test_all_warnings_of_the_rollout_are_said() -> None:
    url = "https://host.invalid/v1?cid=trace_other"
    said = planned(new=1, inference_url=url, params={"scorer": {"name": "pytest", "trsut": "plain"}})
    unknown, option, disagreement = said["warnings"]
    assert unknown == "unknown keys, ignored: new"
    assert "trsut" in option
    assert "trace_other" in disagreement
