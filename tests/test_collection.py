"""`run_rollout collect`: the tests of tasks, listed and kept before any agent comes."""

import json
import subprocess
import sys
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
