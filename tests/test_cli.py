"""End to end through the installed command, with agents that call no model."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

COMMAND = Path(sys.prefix) / "bin" / "run_rollout"
DEMO = Path(__file__).parent.parent / "examples" / "demo"

Ended = subprocess.CompletedProcess[str]


class Sandbox:
    """A workspace, a request and a place for the result."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workspace = folder / "workspace"
        self.input = folder / "rollout.json"
        self.output = folder / "result.json"
        self.env = {"PATH": os.environ["PATH"], "HOME": str(folder), "VIRTUAL_ENV": sys.prefix}

    def request(self, **keys: Any) -> None:
        self.input.write_text(json.dumps({"trace_correlation_id": "trace_t", **keys}))

    def arguments(self, *more: str) -> list[str]:
        places = ["--input", self.input, "--output", self.output, "--workspace", self.workspace]
        return [str(part) for part in (COMMAND, *places, "--tasks", DEMO / "task", *more)]

    def run(self, *more: str, **options: Any) -> Ended:
        options = {"env": self.env, "cwd": self.folder, **options}
        return subprocess.run(
            self.arguments(*more), capture_output=True, text=True, timeout=60, check=False, **options
        )

    @property
    def result(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.output.read_text())
        return document


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    sandbox = Sandbox(tmp_path)
    subprocess.run(["cp", "-r", str(DEMO / "workspace"), str(sandbox.workspace)], check=True)
    sandbox.request(params={"agent": "nop"})
    return sandbox


def test_doing_nothing_earns_what_the_untouched_workspace_is_worth(sandbox: Sandbox) -> None:
    ended = sandbox.run()
    assert ended.returncode == 0, ended.stderr
    assert sandbox.result["success"] is True
    assert sandbox.result["failure"] is None
    assert sandbox.result["metrics"]["reward_mean"] == pytest.approx(2 / 5)
    assert sandbox.result["agent"]["outcome"] == "completed"
    assert "reward  0.400  (2/5 passed)" in ended.stdout
    assert str(sandbox.output) in ended.stdout


def test_the_whole_work_of_a_command_is_scored_and_kept(sandbox: Sandbox) -> None:
    touching, containing = "s/start < m/start <= m/", r"s/\[0\], end)/[0], max(end, merged[-1][1]))/"
    mend = f"sed -i '{touching}; {containing}' intervals/__init__.py"
    sandbox.request(params={"agent": "command", "command": ["sh", "-c", mend]})
    ended = sandbox.run()
    assert ended.returncode == 0, ended.stderr
    assert sandbox.result["metrics"]["reward_mean"] == 1.0
    assert "max(end, merged[-1][1])" in (sandbox.output.with_name("result.json.d") / "agent.diff").read_text()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "the request is empty"),
        ("{'single': 1}", "line 1, column 2"),
        ("[1, 2]", "no JSON object"),
        ('{"trace_correlation_id": "t", "limits": {"timeout_s": "ten"}}', "limits.timeout_s"),
        ('{"trace_correlation_id": "t", "params": {"agent": "nobody"}}', "nobody"),
        ('{"trace_correlation_id": "t", "params": {"agent": "nop", "scorer": "nothing"}}', "nothing"),
        ('{"trace_correlation_id": "t", "params": {"agent": "codex"}}', "inference_url"),
        ('{"trace_correlation_id": " "}', "trace_correlation_id"),
    ],
)
def test_a_bad_request_is_named_exits_2_and_leaves_a_result(
    sandbox: Sandbox, content: str, complaint: str
) -> None:
    sandbox.input.write_text(content)
    ended = sandbox.run()
    assert ended.returncode == 2
    assert complaint in ended.stderr
    assert "Traceback" not in ended.stderr
    assert complaint in sandbox.result["error"]
    assert sandbox.result["failure"]["phase"] == "request"
    assert sandbox.result["success_status"] == "failure"


def test_a_bad_request_still_echoes_the_id_it_carries(sandbox: Sandbox) -> None:
    sandbox.request(seed="no number")
    sandbox.run()
    assert sandbox.result["trace_correlation_id"] == "trace_t"


def test_a_missing_workspace_is_the_task_s_fault_and_named(sandbox: Sandbox) -> None:
    ended = sandbox.run("--workspace", str(sandbox.folder / "nowhere"))
    assert ended.returncode == 2
    assert "nowhere" in ended.stderr
    assert sandbox.result["failure"]["cause"] == "task"


def test_a_missing_request_file_is_named(sandbox: Sandbox) -> None:
    sandbox.input.unlink()
    ended = sandbox.run()
    assert ended.returncode == 2
    assert f"cannot read the request {sandbox.input}" in ended.stderr


def test_an_output_that_cannot_be_written_is_named_on_stderr(sandbox: Sandbox) -> None:
    ended = sandbox.run("--output", "/proc/result.json")
    assert ended.returncode == 2
    assert "/proc/result.json" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_stdio_answers_with_the_result_and_nothing_else(sandbox: Sandbox) -> None:
    params = {"agent": "command", "command": ["sh", "-c", "echo done > note"]}
    request = json.dumps({"trace_correlation_id": "trace_io", "params": params})
    places = ["--stdio", "--workspace", str(sandbox.workspace), "--tasks", str(DEMO / "task")]
    ended = subprocess.run(
        [COMMAND, *places],
        input=request,
        env=sandbox.env,
        cwd=sandbox.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    result = json.loads(ended.stdout)
    assert result["trace_correlation_id"] == "trace_io"
    assert result["success"] is True
    assert result["files"] is None
    assert "+done" in result["artifact"][0]["content"]


def test_stdio_answers_a_broken_request_too(sandbox: Sandbox) -> None:
    ended = subprocess.run(
        [COMMAND, "--stdio"], input="{", capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert json.loads(ended.stdout)["failure"]["kind"] == "RequestInvalid"


def test_quiet_prints_nothing(sandbox: Sandbox) -> None:
    ended = sandbox.run("--quiet")
    assert (ended.stdout, ended.stderr) == ("", "")


def test_json_prints_the_result_on_stdout(sandbox: Sandbox) -> None:
    assert json.loads(sandbox.run("--json").stdout) == sandbox.result


def test_a_hostile_folder_and_pythonpath_do_not_reach_the_runner(sandbox: Sandbox) -> None:
    trap = "raise SystemExit('the task got into the runner')"
    for name in ("csv.py", "pydantic.py", "sitecustomize.py", "usercustomize.py", "json.py"):
        (sandbox.workspace / name).write_text(trap)
    for name in ("runner", "agents", "scorers"):
        (sandbox.workspace / name).mkdir()
        (sandbox.workspace / name / "__init__.py").write_text(trap)
    sandbox.env |= {
        "PYTHONPATH": str(sandbox.workspace),
        "PYTHONHOME": "/nonexistent",
        "PYTHONSTARTUP": str(sandbox.workspace / "csv.py"),
    }
    sandbox.request(params={"agent": "command", "command": ["sh", "-c", "echo $PYTHONPATH > seen"]})
    ended = sandbox.run("--workspace", ".", "--json", cwd=sandbox.workspace)
    assert json.loads(ended.stdout)["agent"]["outcome"] == "completed", ended.stderr
    assert (sandbox.workspace / "seen").read_text().strip() == str(sandbox.workspace)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_agent_and_leaves_a_result_that_says_interrupted(
    sandbox: Sandbox, number: signal.Signals, code: int
) -> None:
    stubborn = "trap '' TERM INT; setsid sleep 300 & touch started; sleep 300; sleep 300"
    sandbox.request(params={"agent": "command", "command": ["sh", "-c", stubborn]})
    with subprocess.Popen(sandbox.arguments("--quiet"), env=sandbox.env, cwd=sandbox.folder) as child:
        wait_for((sandbox.workspace / "started").exists)
        assert sandbox.result["phase"] == "agent"
        assert sandbox.result["failure"]["kind"] == "Unfinished"
        child.send_signal(number)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == code
    assert sandbox.result["failure"]["kind"] == "Interrupted"
    assert sandbox.result["failure"]["phase"] == "agent_start"
    assert living_in(sandbox.workspace) == []


def test_an_agent_past_the_deadline_is_ended_and_its_work_scored(sandbox: Sandbox) -> None:
    sandbox.request(
        params={"agent": "command", "command": ["sh", "-c", "trap '' TERM; sleep 300; sleep 300"]},
        limits={"timeout_s": 12, "scoring_s": 6},
    )
    ended = sandbox.run()
    assert ended.returncode == 0, ended.stderr
    assert sandbox.result["agent"]["outcome"] == "timeout"
    assert sandbox.result["metrics"]["reward_mean"] == pytest.approx(2 / 5)
    assert sandbox.result["timings"]["total_s"] < 12


def test_an_agent_that_hangs_is_stalled(sandbox: Sandbox) -> None:
    sandbox.request(
        params={"agent": "command", "command": ["sleep", "300"]}, limits={"stall_s": 1, "timeout_s": 60}
    )
    sandbox.run()
    assert sandbox.result["agent"]["outcome"] == "stalled"


def test_validate_says_what_would_happen_and_runs_nothing(sandbox: Sandbox) -> None:
    ended = subprocess.run(
        [COMMAND, "validate", sandbox.input, "--tasks", DEMO / "task", "--workspace", sandbox.workspace],
        env=sandbox.env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "agent" in ended.stdout
    assert "nop" in ended.stdout
    assert "Do not change the tests." in ended.stdout
    assert not sandbox.output.exists()


def test_validate_names_what_is_wrong(sandbox: Sandbox) -> None:
    sandbox.request(limits={"timeout_s": -1})
    ended = subprocess.run(
        [COMMAND, "validate", sandbox.input], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 2
    assert "limits.timeout_s" in ended.stderr


def test_schema_prints_schemas_that_the_real_documents_satisfy(sandbox: Sandbox) -> None:
    import jsonschema  # noqa: PLC0415

    printed = subprocess.run([COMMAND, "schema"], capture_output=True, text=True, timeout=60, check=True)
    schemas = json.loads(printed.stdout)
    jsonschema.validate(json.loads(sandbox.input.read_text()), schemas["request"])
    sandbox.run()
    jsonschema.validate(sandbox.result, schemas["result"])


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.02)


def living_in(folder: Path) -> list[str]:
    """Return the commands of processes whose current directory lies in the folder."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if (process / "cwd").readlink().is_relative_to(folder):
                    found.append((process / "cmdline").read_text())
            except OSError:
                continue
    return found


def test_a_result_that_would_lie_in_the_workspace_is_refused(sandbox: Sandbox) -> None:
    ended = sandbox.run("--output", str(sandbox.workspace / "result.json"))
    assert ended.returncode == 2
    assert "would lie in the workspace" in ended.stderr
    assert "--output" in ended.stderr


def test_a_task_may_name_the_revision_it_is_scored_from(sandbox: Sandbox) -> None:
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.invalid", "-C", str(sandbox.workspace)]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "pristine"]):
        subprocess.run([*git, *words], check=True)
    (sandbox.workspace / "tests" / "test_merge.py").write_text("def test_nothing(): pass\n")
    task = shutil.copytree(DEMO / "task", sandbox.folder / "task")
    with (task / "task.toml").open("a") as file:
        file.write('\n[workspace]\npristine = "HEAD"\n')
    ended = sandbox.run("--tasks", str(task))
    assert ended.returncode == 0, ended.stderr
    assert sandbox.result["metrics"]["details"]["total"] == 5


def test_what_a_plug_in_leaves_running_is_dead_before_scoring(sandbox: Sandbox) -> None:
    (sandbox.folder / "mine.py").write_text(
        "import subprocess\n"
        "from agents.base import Agent, AgentRun\n"
        "class Mine(Agent):\n"
        "    name = 'mine'\n"
        "    def run(self, assignment):\n"
        "        words = ['setsid', '-f', 'sleep', '300']\n"
        "        subprocess.run(words, cwd=assignment.workspace, check=True)\n"
        "        return AgentRun('completed')\n"
    )
    sandbox.request(params={"agent": str(sandbox.folder / "mine.py")})
    ended = sandbox.run()
    assert ended.returncode == 0, ended.stderr
    assert living_in(sandbox.workspace) == []
