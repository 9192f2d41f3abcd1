import json
import time
from pathlib import Path

import pytest

from tests.image.conftest import KEY, MENDED_SHOP, SHOP, Container, Image, asking, docker

HUNGRY = """
def test_a_lot_of_memory():
    assert len(bytearray(3 << 30))
"""


def wait_for(container: Container, text: str, limit_s: float = 60) -> None:
    """Wait until a process of the container shows the text in its command line."""
    end = time.monotonic() + limit_s
    while text not in docker("top", container.name, "-eo", "pid,args").stdout:
        assert time.monotonic() < end, f"no process showed {text}"
        time.sleep(0.2)


def test_an_agent_that_runs_out_of_time_is_scored(container: Container) -> None:
    request = asking(limits={"timeout_s": 45, "scoring_s": 25})
    # Codex goes on when a command has taken ten seconds, so there are several.
    result = container.run(SHOP, request, [MENDED_SHOP, *["sleep 600"] * 4])
    assert container.code == 0, container.stderr
    assert result["agent"]["outcome"] == "timeout"
    assert result["metrics"]["reward_mean"] == 1.0
    assert result["timings"]["total_s"] < 45


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["pid-1", "init"])
def test_docker_stop_leaves_a_result_that_says_interrupted(
    container: Container, options: tuple[str, ...]
) -> None:
    container.start(SHOP, asking(), ["sleep 611"], *options)
    wait_for(container, "sleep 611")
    began = time.monotonic()
    docker("stop", "--time", "30", container.name)
    assert time.monotonic() - began < 20
    container.wait()
    assert container.code == 143, container.stderr
    assert not container.result["success"]
    assert container.result["failure"]["kind"] == "Interrupted"
    assert container.result["trace_correlation_id"] == "trace_image"


@pytest.mark.parametrize("options", [(), ("--init",)], ids=["pid-1", "init"])
def test_orphans_of_the_agent_are_reaped(container: Container, options: tuple[str, ...]) -> None:
    orphans = "for i in $(seq 40); do (setsid true &) ; done; sleep 2"
    count = "echo zombies: $(cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z ')."
    container.run(SHOP, asking(), [f"{orphans}; {count}"], *options)
    assert "zombies: 0." in container.read("/tmp/result.json.d/agent/events.jsonl")


def test_tests_killed_for_memory_are_the_sandboxs_failure(container: Container, tmp_path: Path) -> None:
    task = tmp_path / "task"
    (task / "tests").mkdir(parents=True)
    (task / "instruction.md").write_text("Do nothing.")
    (task / "tests" / "test_hungry.py").write_text(HUNGRY)
    options = ["--memory-swap", "2g", f"--volume={task}:/rollout/tasks:ro"]
    result = container.run(SHOP, asking(), ["true"], *options)
    assert container.code == 1
    assert not result["success"]
    assert result["failure"]["cause"] == "sandbox"
    assert "memory" in result["failure"]["message"]


def test_an_agent_killed_for_memory_is_the_sandboxs_failure(container: Container) -> None:
    hungry = "echo 1000 > /proc/$PPID/oom_score_adj; python3 -c 'b = bytearray(3 << 30)'"
    result = container.run(SHOP, asking(), [hungry], "--memory-swap", "2g")
    assert result["failure"]["cause"] == "sandbox"
    assert "memory" in result["failure"]["message"]


def test_a_full_tmp_still_ends_in_a_result(container: Container) -> None:
    show = ["sh", "-c", "run_rollout --quiet; echo code $? >&2; cat /tmp/result.json"]
    filling = ["dd if=/dev/zero of=/tmp/fill bs=1M count=200; true"]
    container.start(SHOP, asking(), filling, "--tmpfs", "/tmp:size=64m", command=show)
    container.wait()
    result = json.loads(container.stdout)
    assert result["trace_correlation_id"] == "trace_image"
    assert result["success"] or result["failure"]["cause"] == "sandbox", container.stderr


@pytest.mark.parametrize("agent", ["codex", "claude_code", "opencode"])
def test_a_read_only_root_with_a_writable_tmp_will_do(container: Container, agent: str) -> None:
    show = ["sh", "-c", "run_rollout --quiet; cat /tmp/result.json"]
    options = ["--read-only", "--tmpfs", "/tmp:exec", "--mount", "type=volume,dst=/workspace"]
    container.start(SHOP, asking(agent), [MENDED_SHOP], *options, command=show)
    container.wait()
    result = json.loads(container.stdout)
    assert result["success"], container.stderr
    assert result["metrics"]["reward_mean"] == 1.0


@pytest.mark.parametrize("agent", ["codex", "claude_code", "opencode"])
def test_any_user_will_do_where_the_workspace_is_theirs(
    container: Container, image: Image, agent: str
) -> None:
    image.build(f"FROM {SHOP}\nRUN chown -R 4242:0 /workspace\nUSER 4242:0\n")
    result = container.run(image.tags[0], asking(agent), [f"id -u; {MENDED_SHOP}"])
    assert result["success"], container.stderr
    assert result["metrics"]["reward_mean"] == 1.0


UPSTREAM = """
import json, time
from pathlib import Path
from runner.interceptor.replay import replay

with replay("/tmp/replay.json") as model:
    request = json.loads(Path("/tmp/rollout.json").read_text())
    request["inference_url"] = f"{model.base_url}/api/interceptor/v1/trial/responses?cid=trace_image"
    Path("/tmp/new.json").write_text(json.dumps(request))
    Path("/tmp/new.json").rename("/tmp/request.json")
    time.sleep(120)
"""


def test_the_interceptors_address_is_all_the_network_it_needs(container: Container) -> None:
    waiting = "until [ -f /tmp/request.json ]; do sleep 0.1; done; exec run_rollout --input /tmp/request.json"
    container.start(SHOP, asking(), [MENDED_SHOP], command=["sh", "-c", waiting])
    docker("exec", "--detach", container.name, "/opt/rollout/venv/bin/python", "-I", "-c", UPSTREAM)
    container.wait()
    assert container.result["success"], container.stderr
    assert container.result["metrics"]["reward_mean"] == 1.0
    assert KEY not in container.read("/tmp/result.json")


def test_the_base_image_runs_a_rollout_by_itself(container: Container, tmp_path: Path) -> None:
    workspace = tmp_path / "workspace"
    workspace.mkdir(mode=0o777)
    (workspace / "test_it.sh").write_text("test -f hello.txt\n")
    params = {"agent": "codex", "model": "m", "scorer": {"name": "command", "command": ["sh", "test_it.sh"]}}
    result = container.run(
        "rollout-base", asking(params=params), ["echo hi > hello.txt"], f"--volume={workspace}:/workspace"
    )
    assert result["success"], container.stderr
    assert result["metrics"]["reward_mean"] == 1.0
