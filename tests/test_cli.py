"""End to end through the installed command, with agents that call no model."""

import json
import os
import shlex
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
    assert "result  result.json\nfiles   result.json.d/" in ended.stdout


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


def plug_in(sandbox: Sandbox, kind: str, body: str) -> str:
    """Write a scorer or an agent whose only method has this body; return its path."""
    lines = {
        "scorer": ("from scorers.base import Check, Score, Scorer", "Scorer", "score(self, submission)"),
        "agent": ("from agents.base import Agent, AgentRun", "Agent", "run(self, assignment)"),
    }
    imported, base, method = lines[kind]
    text = f"import sys, time\n{imported}\nclass Mine({base}):\n    name = 'mine'\n"
    text += f"    def {method}:\n        {body}\n"
    path = sandbox.folder / f"my_{kind}.py"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("kind", "given", "answer"),
    [
        ("agent", "assignment", "return AgentRun('completed')"),
        ("scorer", "submission", "return Score(reward=1.0)"),
    ],
)
def test_a_child_that_a_plug_in_never_waited_for_is_dead_afterwards(
    sandbox: Sandbox, kind: str, given: str, answer: str
) -> None:
    start = f"import subprocess; subprocess.Popen(['sleep', '300'], cwd={given}.workspace)"
    sandbox.request(params={"agent": "nop", kind: plug_in(sandbox, kind, f"{start}; {answer}")})
    ended = sandbox.run()
    assert ended.returncode == 0, ended.stderr
    assert living_in(sandbox.workspace) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise ValueError('no idea')", "ValueError: no idea"),
        ("return 0.5", "returned float, not a Score"),
        ("return Score(reward=float('nan'))", "gave the reward nan"),
        ("return Score(reward=2.0)", "gave the reward 2.0"),
        ("return Score(reward='1')", "gave the reward '1'"),
        ("return Score(reward=1.0, details={'x': object()})", "no JSON"),
    ],
)
def test_a_scorer_that_gives_no_usable_verdict_is_a_failure_of_scoring(
    sandbox: Sandbox, body: str, complaint: str
) -> None:
    sandbox.request(params={"agent": "nop", "scorer": plug_in(sandbox, "scorer", body)})
    ended = sandbox.run()
    assert ended.returncode == 1
    assert complaint in ended.stderr
    assert sandbox.result["failure"]["kind"] == "ScoringFailed"
    assert sandbox.result["metrics"]["reward_mean"] == 0.0


def test_a_scorer_that_caught_tampering_cannot_give_a_reward(sandbox: Sandbox) -> None:
    body = "return Score(reward=1.0, tampering=('a canary passed',))"
    sandbox.request(params={"agent": "nop", "scorer": plug_in(sandbox, "scorer", body)})
    assert sandbox.run().returncode == 0
    assert sandbox.result["metrics"]["reward_mean"] == 0.0


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("sys.exit(3)", "SystemExit: 3"),
        ("return 'done'", "returned str, not an AgentRun"),
        ("return AgentRun('weird')", "gave the outcome 'weird'"),
    ],
)
def test_an_agent_that_gives_no_usable_run_is_a_failure_of_the_agent(
    sandbox: Sandbox, body: str, complaint: str
) -> None:
    sandbox.request(params={"agent": plug_in(sandbox, "agent", body)})
    ended = sandbox.run()
    assert ended.returncode == 1
    assert complaint in ended.stderr
    assert sandbox.result["failure"]["cause"] == "agent"


def test_a_plug_in_that_hangs_does_not_outlive_the_deadline(sandbox: Sandbox) -> None:
    sleeping = plug_in(sandbox, "agent", "time.sleep(60)")
    hanging = plug_in(sandbox, "scorer", "time.sleep(60)")
    sandbox.request(params={"agent": sleeping, "scorer": hanging}, limits={"timeout_s": 8, "scoring_s": 3})
    ended = sandbox.run()
    assert ended.returncode == 1
    assert sandbox.result["agent"]["outcome"] == "timeout"
    assert "gave no verdict by its deadline" in ended.stderr
    assert sandbox.result["timings"]["total_s"] < 9


def test_a_plug_in_cannot_swallow_the_end_of_the_rollout(sandbox: Sandbox) -> None:
    body = "exec('try:\\n time.sleep(60)\\nexcept BaseException:\\n pass'); return Score(reward=1.0)"
    sandbox.request(params={"agent": "nop", "scorer": plug_in(sandbox, "scorer", body)})
    with subprocess.Popen(sandbox.arguments("--quiet"), env=sandbox.env, cwd=sandbox.folder) as child:
        wait_for(lambda: sandbox.output.exists() and sandbox.result["phase"] == "scoring")
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 143
    assert sandbox.result["failure"]["kind"] == "Interrupted"
    assert sandbox.result["success"] is False


@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3])
def test_a_signal_while_the_runner_loads_leaves_a_result_that_says_so(sandbox: Sandbox, delay: float) -> None:
    sandbox.output.write_text('{"success": true, "metrics": {"reward_mean": 1.0}}')
    sandbox.request(params={"agent": "command", "command": ["sleep", "60"]})
    with subprocess.Popen(sandbox.arguments("--quiet"), env=sandbox.env, cwd=sandbox.folder) as child:
        wait_for(lambda: not sandbox.result["success"])
        time.sleep(delay)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) == 143
    assert sandbox.result["success"] is False
    assert sandbox.result["failure"]["kind"] == "Interrupted"


def test_a_second_rollout_on_the_same_output_is_refused(sandbox: Sandbox) -> None:
    sandbox.request(params={"agent": "command", "command": ["sleep", "60"]})
    with subprocess.Popen(sandbox.arguments("--quiet"), env=sandbox.env, cwd=sandbox.folder) as child:
        wait_for(lambda: sandbox.output.exists() and sandbox.result["phase"] == "agent")
        second = sandbox.run()
        assert second.returncode == 2
        assert "another rollout is writing" in second.stderr
        assert sandbox.result["phase"] == "agent"
        child.terminate()


def test_an_output_that_is_no_regular_file_is_left_alone(sandbox: Sandbox) -> None:
    fifo = sandbox.folder / "fifo"
    os.mkfifo(fifo)
    ended = sandbox.run("--output", str(fifo))
    assert ended.returncode == 2
    assert "no regular file" in ended.stderr
    assert fifo.is_fifo()


def test_a_linked_output_is_written_where_the_link_leads(sandbox: Sandbox) -> None:
    (sandbox.folder / "link.json").symlink_to(sandbox.folder / "target.json")
    assert sandbox.run("--output", str(sandbox.folder / "link.json")).returncode == 0
    assert json.loads((sandbox.folder / "target.json").read_text())["success"] is True
    assert (sandbox.folder / "link.json").is_symlink()


@pytest.mark.parametrize(
    "redirection", ["2>&-", ">&-", "2>&1 | head -n 1", ">/dev/full", "</dev/null >&- 2>&-"]
)
def test_a_reader_that_is_gone_costs_neither_result_nor_reward(sandbox: Sandbox, redirection: str) -> None:
    command = f"{shlex.join(sandbox.arguments())} {redirection}"
    subprocess.run(["bash", "-c", command], env=sandbox.env, cwd=sandbox.folder, timeout=60, check=False)
    assert sandbox.result["success"] is True
    assert sandbox.result["metrics"]["reward_mean"] == pytest.approx(2 / 5)


def test_what_a_plug_in_prints_stays_out_of_the_result_on_stdout(sandbox: Sandbox) -> None:
    body = "print('noise'); __import__('os').system('echo child noise'); return AgentRun('completed')"
    sandbox.request(params={"agent": plug_in(sandbox, "agent", body)})
    ended = sandbox.run("--json")
    assert json.loads(ended.stdout)["success"] is True
    assert "noise" in ended.stderr


def test_options_before_validate_count_too(sandbox: Sandbox) -> None:
    before = ["--tasks", str(DEMO / "task"), "--workspace", str(sandbox.workspace), "--json"]
    argv = [str(COMMAND), *before, "validate", str(sandbox.input)]
    ended = subprocess.run(argv, env=sandbox.env, capture_output=True, text=True, timeout=60, check=False)
    assert json.loads(ended.stdout)["task"] == "task", ended.stderr


def test_the_command_needs_no_path(sandbox: Sandbox) -> None:
    ended = subprocess.run(
        [COMMAND, "--version"], env={"PATH": "/nonexistent"}, capture_output=True, check=True
    )
    assert ended.stdout.startswith(b"run_rollout ")
