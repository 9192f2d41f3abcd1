"""Whole rollouts: the installed command, the real CLIs, the replay model, real tests."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(sys.prefix) / "bin" / "run_rollout"
DEMO = Path(__file__).parent.parent / "examples" / "demo"
CLIS = ["codex", "claude_code", "opencode"]

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Finished:
    result: dict[str, Any]
    files: Path
    workspace: Path
    exit_code: int
    stderr: str

    def calls(self) -> list[dict[str, Any]]:
        lines = (self.files / "calls.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def rollout(folder: Path, request: dict[str, Any], *more: str) -> Finished:
    """Run a request on a copy of the demo's workspace."""
    shutil.rmtree(folder / "workspace", ignore_errors=True)
    workspace = shutil.copytree(DEMO / "workspace", folder / "workspace")
    folder.mkdir(exist_ok=True)
    (folder / "rollout.json").write_text(json.dumps(request))
    argv = [COMMAND, "-i", folder / "rollout.json", "-o", folder / "result.json", "--workspace", workspace]
    ended = subprocess.run(
        [*map(str, argv), "--tasks", str(DEMO / "task"), *more],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "VIRTUAL_ENV": sys.prefix},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    result = json.loads((folder / "result.json").read_text())
    return Finished(result, folder / "result.json.d", workspace, ended.returncode, ended.stderr)


def flat(agent: str, **keys: Any) -> dict[str, Any]:
    return {
        "trace_correlation_id": "trace_r",
        "inference_url": f"replay:{DEMO / 'replay.toml'}",
        "limits": {"timeout_s": 120},
        "params": {"agent": agent, "model": "some/unknown-model"},
        **keys,
    }


@pytest.fixture(scope="module", params=CLIS)
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return rollout(tmp_path_factory.mktemp(request.param), flat(request.param))


def test_a_real_cli_mends_the_project_and_earns_the_whole_reward(finished: Finished) -> None:
    assert finished.exit_code == 0, finished.stderr
    assert finished.result["success"] is True
    assert finished.result["metrics"]["reward_mean"] == 1.0
    assert finished.result["agent"]["outcome"] == "completed"
    assert finished.result["agent"]["version"]
    assert len(finished.result["checks"]) == 5


def test_every_model_call_is_recorded_and_agrees_with_what_the_cli_counted(finished: Finished) -> None:
    assert finished.result["calls"]["count"] == 3
    assert finished.result["calls"]["input_tokens"] == finished.result["agent"]["usage"]["input_tokens"]
    assert any("trace_r" in json.dumps(call) for call in finished.calls())


def test_the_diff_and_the_trajectory_are_kept_beside_the_result(finished: Finished) -> None:
    assert "max(end, merged[-1][1])" in (finished.files / "agent.diff").read_text()
    steps = json.loads((finished.files / "trajectory.json").read_text())["steps"]
    tools = [call for step in steps for call in step.get("tool_calls", [])]
    assert "cat intervals/__init__.py" in json.dumps(tools)
    assert "def merge" in json.dumps(steps)
    assert {"ctrf.json", "junit.xml"} <= {path.name for path in (finished.files / "scorer").iterdir()}


def test_artifacts_keep_to_the_caps(finished: Finished) -> None:
    artifacts = finished.result["artifact"]
    assert artifacts[0]["name"] == "agent.diff"
    assert len(artifacts) <= 10
    assert sum(artifact["size_bytes"] for artifact in artifacts) <= 256 * 1024


def test_nothing_of_the_cli_is_left_in_the_workspace(finished: Finished) -> None:
    left = {path.name for path in finished.workspace.iterdir()}
    assert left <= {"intervals", "tests", "pyproject.toml", "__pycache__", ".pytest_cache"}


def test_the_container_shape_gets_a_trace_of_its_calls(tmp_path: Path) -> None:
    request = {
        "trace_correlation_id": "trace_c",
        "env": {"seed": 0, "env_name": "harbor", "config": {}},
        "policy": {
            "config": {
                "model": "gpt-4.1-mini",
                "provider": "openai",
                "inference_url": f"replay:{DEMO / 'replay.toml'}",
            }
        },
        "safety": {"max_time_s": 100},
    }
    done = rollout(tmp_path, request)
    assert done.exit_code == 0, done.stderr
    assert done.result["agent"]["name"] == "codex"
    assert done.result["reward_info"]["outcome_reward"] == 1.0
    assert done.result["success_status"] == "success"
    trace = done.result["trace"]
    assert trace["schema_version"] == "4.0"
    assert [event["type"] for event in trace["event_history"]] == ["lm_call"] * 3
    assert trace["metadata"]["correlation_ids"] == {"trace_correlation_id": "trace_c"}


def test_a_recording_replays_the_rollout(tmp_path: Path) -> None:
    first = rollout(tmp_path / "first", flat("codex"))
    recording = f"replay:{first.files / 'calls.jsonl'}"
    second = rollout(tmp_path / "second", flat("codex", inference_url=recording))
    assert second.exit_code == 0, second.stderr
    assert second.result["metrics"]["reward_mean"] == 1.0
    assert (second.files / "agent.diff").read_text() == (first.files / "agent.diff").read_text()


def test_a_script_that_runs_out_is_a_failure_that_names_the_turn(tmp_path: Path) -> None:
    (tmp_path / "short.toml").write_text('[[turns]]\nshell = "true"\n')
    done = rollout(tmp_path, flat("codex", inference_url=f"replay:{tmp_path / 'short.toml'}"))
    assert done.exit_code == 1
    assert done.result["success"] is False
    assert done.result["failure"]["kind"] == "ReplayFailed"
    assert "turn 2" in done.result["error"]
    assert done.result["agent"]["steps"] >= 1


def test_a_provider_that_says_no_is_never_a_reward_of_zero(tmp_path: Path) -> None:
    script = tmp_path / "no.toml"
    script.write_text(
        '[[turns]]\n[turns.fault]\nstatus = 401\ntimes = "always"\nerror = "Incorrect key provided"\n'
    )
    done = rollout(tmp_path, flat("claude_code", inference_url=f"replay:{script}"))
    assert done.exit_code == 1
    assert done.result["failure"]["kind"] == "ModelRejected"
    assert done.result["failure"]["cause"] == "model_provider"
    assert done.result["success_status"] == "network_error"
    assert "Incorrect key provided" in done.result["error"]


def test_a_request_limit_ends_the_agent_as_budget_and_its_work_is_scored(tmp_path: Path) -> None:
    done = rollout(tmp_path, flat("codex", limits={"timeout_s": 60, "max_requests": 2}))
    assert done.exit_code == 0, done.stderr
    assert done.result["agent"]["outcome"] == "budget"
    assert done.result["calls"]["count"] == 2
    assert done.result["metrics"]["reward_mean"] == 1.0


def test_the_oracle_runs_the_task_s_own_solution(tmp_path: Path) -> None:
    task = shutil.copytree(DEMO / "task", tmp_path / "task")
    (task / "solution").mkdir()
    (task / "solution" / "solve.sh").write_text(
        "#!/bin/bash\nsed -i -e 's/start < m/start <= m/' "
        "-e 's/merged\\[-1\\]\\[0\\], end/merged[-1][0], max(end, merged[-1][1])/' intervals/__init__.py\n"
    )
    done = rollout(tmp_path, flat("oracle"), "--tasks", str(task))
    assert done.exit_code == 0, done.stderr
    assert done.result["metrics"]["reward_mean"] == 1.0


def test_overrides_reach_the_model_and_their_statuses_the_result(tmp_path: Path) -> None:
    override = {
        "override_id": "evolved",
        "file_artifacts": {"AGENTS.md": "Say KINGFISHER first.", "../outside.md": "no"},
        "env_vars": {"EVOLVED": "1"},
    }
    good = {**override, "file_artifacts": {"AGENTS.md": "Say KINGFISHER first."}}
    done = rollout(tmp_path, flat("claude_code", context_overrides=[good]))
    assert done.exit_code == 0, done.stderr
    assert done.result["override_application_results"][0]["overall_status"] == "applied"
    assert "KINGFISHER" in (done.files / "calls.jsonl").read_text()
    assert "AGENTS.md" not in (done.files / "agent.diff").read_text()
    done = rollout(tmp_path, flat("claude_code", context_overrides=[override]))
    assert done.exit_code == 1
    assert done.result["success_status"] == "apply_failed"
    assert done.result["override_application_results"][0]["error_type"] == "path_traversal"
