"""What a rollout costs beyond the bare CLI and the bare tests, side by side in one run.

`make bench` measures all three CLIs, five runs each; this file takes their names and `--runs`. Plain scoring
runs the same tests as they are; what strict scoring does beyond them has a table of its own.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from agents.base import Assignment, Endpoint
from agents.cli import CliAgent, find
from agents.start import environment, furnish
from runner.deadline import Deadline
from runner.interceptor.replay import replay
from runner.plugins import load_agent

DEMO = Path(__file__).parent.parent / "examples" / "demo"
COMMAND = Path(sys.prefix) / "bin" / "run_rollout"
PROMPT = (DEMO / "task" / "instruction.md").read_text()
PROJECT_PYTHON = Path(__file__).parent.parent / "build" / "demo" / "venv" / "bin" / "python"
"""The demo project's own environment: pytest and no plug-ins."""
MODELS = {"claude_code": "claude-sonnet-4-20250514"}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("agents", nargs="*", default=["codex", "claude_code", "opencode"])
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print(f"medians of {arguments.runs} runs, {os.cpu_count()} cores\n")
    print(f"{'':<12} {'bare s':>8} {'plain s':>8} {'ratio':>6} {'own ms':>7} {'strict s':>9} {'peak MB':>8}")
    for agent in arguments.agents:
        row(agent, arguments.runs)
    print(f"\n--help: {1000 * median(helped, arguments.runs):.0f} ms")


def row(agent: str, runs: int) -> None:
    """Measure one agent, bare and whole by turns, so that noise meets all."""
    bare_s: list[float] = []
    whole_s: dict[str, list[float]] = {"plain": [], "strict": []}
    peaks = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            bare_s.append(bare(agent, Path(folder)))
        for trust, seconds in whole_s.items():
            with tempfile.TemporaryDirectory() as folder:
                took, peak = whole(agent, trust, Path(folder))
            seconds.append(took)
            peaks.append(peak)
    alone, plain, strict = (statistics.median(each) for each in (bare_s, *whole_s.values()))
    ratios = f"{plain / alone:>6.2f} {1000 * (plain - alone):>7.0f}"
    print(f"{agent:<12} {alone:>8.2f} {plain:>8.2f} {ratios} {strict:>9.2f} {max(peaks):>8.0f}")


def bare(name: str, folder: Path) -> float:
    """Return the seconds of the bare CLI against the replay model, then of the bare tests."""
    agent = load_agent(name)()
    if not isinstance(agent, CliAgent):
        raise SystemExit(f"{name} is no command-line agent")
    workspace = shutil.copytree(DEMO / "workspace", folder / "workspace")
    for each in ("home/tmp", "logs"):
        (folder / each).mkdir(parents=True)
    (folder / "prompt").write_text(PROMPT)
    with replay(DEMO / "replay.toml") as model:
        endpoint = Endpoint(f"{model.base_url}/v1", model.base_url, "token")
        assignment = Assignment(
            prompt=PROMPT,
            system_prompt="",
            workspace=workspace,
            home=folder / "home",
            logs=folder / "logs",
            model=MODELS.get(name, "gpt-4.1-mini"),
            endpoint=endpoint,
            deadline=Deadline.after(120),
            stall_s=60,
            env=user_environment(),
        )
        furnish(assignment, {"system.md": "", **agent.files(assignment, endpoint)})
        env = environment(assignment, agent.variables(assignment, endpoint))
        started = time.monotonic()
        with (folder / "prompt").open() as prompt, (folder / "out").open("w") as out:
            argv = [str(find(agent.program)), *agent.argv(assignment)]
            subprocess.run(argv, cwd=workspace, env=env, stdin=prompt, stdout=out, stderr=out, check=True)
        tests = [str(PROJECT_PYTHON), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        subprocess.run(tests, cwd=workspace, env=user_environment(), stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - started


def whole(name: str, trust: str, folder: Path) -> tuple[float, float]:
    """Return the seconds of a whole rollout, and the runner's own peak memory in MB."""
    workspace = shutil.copytree(DEMO / "workspace", folder / "workspace")
    request = json.loads((DEMO / "rollout.json").read_text())
    request["inference_url"] = f"replay:{DEMO / 'replay.toml'}"
    request["params"] = {"agent": name, "model": MODELS.get(name, "gpt-4.1-mini")}
    request["params"]["scorer"] = {"name": "pytest", "trust": trust}
    request["messages"] = [{"role": "user", "content": PROMPT, "order": 0}]
    (folder / "rollout.json").write_text(json.dumps(request))
    argv = [str(COMMAND), "--quiet", "-i", f"{folder}/rollout.json", "-o", f"{folder}/result.json"]
    started = time.monotonic()
    with subprocess.Popen([*argv, "--workspace", str(workspace)], env=user_environment()) as child:
        peak = Peak(child.pid)
        code = child.wait()
    seconds = time.monotonic() - started
    result = json.loads((folder / "result.json").read_text())
    if code or result["metrics"]["reward_mean"] != 1.0:
        raise SystemExit(f"{name}: exit {code}, {result['error']}, {result['metrics']}")
    return seconds, peak.megabytes


class Peak(threading.Thread):
    """Follows the peak memory of one process until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.megabytes = 0.0
        self._status = Path(f"/proc/{pid}/status")
        self.start()

    def run(self) -> None:
        """Read the kernel's own high-water mark again and again."""
        while True:
            try:
                lines = self._status.read_text().splitlines()
                marks = [line.split()[1] for line in lines if line.startswith("VmHWM")]
            except OSError:
                return
            if not marks:
                return
            self.megabytes = int(marks[0]) / 1024
            time.sleep(0.01)


def helped() -> None:
    """Ask for help."""
    subprocess.run([COMMAND, "--help"], stdout=subprocess.DEVNULL, check=True)


def median(function: Callable[[], object], runs: int) -> float:
    """Return the median seconds of a call."""
    seconds = []
    for _ in range(runs):
        started = time.monotonic()
        function()
        seconds.append(time.monotonic() - started)
    return statistics.median(seconds)


def user_environment() -> dict[str, str]:
    """Return the environment of a user whose project has its own virtual environment."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ["HOME"],
        "VIRTUAL_ENV": str(PROJECT_PYTHON.parents[1]),
    }


if __name__ == "__main__":
    main()
