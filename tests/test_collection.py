"""`run_rollout collect`: the tests of tasks, listed and kept before any agent comes."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runner.collection import Listing, collect
from runner.setting import Options
from tests.judging import ENV, write

COMMAND = Path(sys.prefix) / "bin" / "run_rollout"
SUMS = {"sums.py": "def add(a, b): return a + b\n", "test_sums.py": "def test_adds(): pass\n"}
TASKS = {
    "one/task.toml": '[scorer]\nname = "pytest"\n',
    "one/tests/test_hidden.py": "import pytest\n@pytest.mark.parametrize('n', [1, 2])\ndef test_n(n): pass\n",
    "three/task.toml": '[scorer]\nname = "harbor"\n',
    "twice/task.toml": '[[scorer]]\nname = "pytest"\n[[scorer]]\nname = "harbor"\n',
    "two/task.toml": '[scorer]\nname = "pytest"\nexpected = ["test_sums.py::test_adds"]\n',
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rollout-runner"


def test_every_task_is_listed_with_its_hidden_tests_and_the_lists_are_kept(
    tmp_path: Path, cache: Path
) -> None:
    options = Options(tasks=write(tmp_path / "tasks", TASKS), workspace=write(tmp_path / "workspace", SUMS))
    one, three, twice, two = collect(options, ENV)
    hidden = ("tests/test_hidden.py::test_n[1]", "tests/test_hidden.py::test_n[2]")
    assert one == Listing("one", "pytest", ("test_sums.py::test_adds", *hidden))
    assert two == Listing("two", "pytest", ("test_sums.py::test_adds",))
    assert (three.tests, three.summary) == (None, "harbor lists no tests")
    assert twice == Listing("twice", "combined", ("pytest: test_sums.py::test_adds",))
    assert len(list(cache.rglob("*.json"))) == 2  # with hidden tests, and without
    assert {path.name for path in options.workspace.iterdir()} == SUMS.keys()  # type: ignore[union-attr]


def test_a_task_that_cannot_be_listed_says_why_and_the_others_are_listed(tmp_path: Path) -> None:
    tasks = {**TASKS, "one/task.toml": '[scorer]\nname = "pytest"\npython = "nowhere"\n'}
    options = Options(tasks=write(tmp_path / "tasks", tasks), workspace=write(tmp_path / "workspace", SUMS))
    one, _, _, two = collect(options, ENV)
    assert "nowhere" in one.failure
    assert two.tests


def test_the_command_prints_a_line_a_task_or_all_ids_as_json(tmp_path: Path) -> None:
    workspace = write(tmp_path / "workspace", SUMS)
    argv = [str(COMMAND), "--workspace", str(workspace), "collect"]
    env = {**ENV, "HOME": str(tmp_path)}
    said = subprocess.run(argv, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout == "workspace  pytest, 1 test\n"
    told = subprocess.run([*argv, "--json"], env=env, capture_output=True, text=True, check=True, timeout=60)
    assert [listing["tests"] for listing in json.loads(told.stdout)] == [["test_sums.py::test_adds"]]
    assert list((tmp_path / ".cache" / "rollout-runner" / "pytest").glob("*.json"))


def test_a_project_without_tests_ends_with_code_1(tmp_path: Path) -> None:
    argv = [str(COMMAND), "collect", "--workspace", str(write(tmp_path / "workspace", {"README": ""}))]
    said = subprocess.run(argv, env=ENV, capture_output=True, text=True, check=False, timeout=60)
    assert said.returncode == 1
    assert "nothing says how to score" in said.stdout


OWN = """
import subprocess, sys
from scorers.base import Score, Scorer

class Own(Scorer):
    name = "own"

    def collect(self, submission):
        subprocess.Popen(["sleep", "3334"], stdin=subprocess.DEVNULL)
        print("no JSON")
        return self.options["says"]

    def score(self, submission):
        return Score(1.0)
"""


def test_what_a_scorer_of_ones_own_says_prints_or_leaves_running_spoils_no_listing(tmp_path: Path) -> None:
    scorer = write(tmp_path, {"own.py": OWN}) / "own.py"
    tables = {"five": "5", "half": '["a", "b"]', "text": '"abc"'}
    tasks = {f"{n}/task.toml": f'[scorer]\nname = "{scorer}"\nsays = {says}\n' for n, says in tables.items()}
    workspace = write(tmp_path / "workspace", SUMS)
    argv = [str(COMMAND), "collect", "--json", "--workspace", str(workspace)]
    argv += ["--tasks", str(write(tmp_path / "tasks", tasks))]
    # A child that lives on would hold the pipes open until the time is up.
    said = subprocess.run(argv, env=ENV, capture_output=True, text=True, check=False, timeout=60)
    five, half, text = json.loads(said.stdout)
    assert (five["tests"], half["tests"], text["tests"]) == (None, ["a", "b"], None)
    assert five["failure"] == "the scorer own listed 5, no ids of tests"
    assert said.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_listing_and_all_that_it_started(tmp_path: Path, number: signal.Signals) -> None:
    mark = tmp_path / "mark"
    hang = f"import os, pathlib, time\npathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n"
    workspace = write(tmp_path / "workspace", {"test_hang.py": hang + "time.sleep(600)\n"})
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    argv = [str(COMMAND), "collect", "--workspace", str(workspace)]
    with subprocess.Popen(argv, env={**ENV, "TMPDIR": str(temporary)}, stdout=subprocess.DEVNULL) as command:
        until = time.monotonic() + 30
        while time.monotonic() < until and not (mark.exists() and mark.read_text()):
            time.sleep(0.05)
        command.send_signal(number)
        assert command.wait(30) == 128 + number
    assert not Path("/proc", mark.read_text()).exists()
    assert not list(temporary.iterdir())


def test_a_listing_that_was_ended_by_the_clock_is_a_failure_and_not_kept(tmp_path: Path, cache: Path) -> None:
    files = {
        "test_a.py": "def test_a(): pass\n",
        "test_b.py": "import time\ntime.sleep(600)\ndef test_b(): pass\n",
    }
    task = {"task.toml": '[verifier]\ntimeout_sec = 4\n[scorer]\nname = "pytest"\n'}
    options = Options(tasks=write(tmp_path / "task", task), workspace=write(tmp_path / "workspace", files))
    (listing,) = collect(options, ENV)
    assert listing.failure.startswith("pytest did not list the tests: it was ended after ")
    assert not list(cache.rglob("*.json"))


@pytest.mark.slow
def test_nor_is_one_for_which_cargo_had_no_time_to_build(tmp_path: Path, cache: Path) -> None:
    library = "macro_rules! made { ($name:ident) => { #[test] fn $name() {} } }\nmod tests { made!(a); }\n"
    files = {
        "Cargo.toml": '[package]\nname = "slow"\nversion = "1.0.0"\nedition = "2021"\n',
        "build.rs": "fn main() { std::thread::sleep(std::time::Duration::from_secs(600)); }\n",
        "src/lib.rs": library,
    }
    task = {"task.toml": '[verifier]\ntimeout_sec = 5\n[scorer]\nname = "cargo"\n'}
    options = Options(tasks=write(tmp_path / "task", task), workspace=write(tmp_path / "workspace", files))
    (listing,) = collect(options, {**ENV, "HOME": str(Path.home())})
    assert listing.failure.startswith("cargo did not list the tests: the build was ended (deadline)")
    assert not list(cache.rglob("*.json"))
