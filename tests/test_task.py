import os
from pathlib import Path

import pytest

from runner.errors import Failure, RequestInvalid, TaskInvalid
from runner.request import Rollout
from runner.task import Task, find_task

HARBOR_1_0 = """
version = "1.0"
[metadata]
author_name = "A"
difficulty = "easy"
tags = ["x"]
[verifier]
timeout_sec = 120.0
[agent]
timeout_sec = 90
[environment]
build_timeout_sec = 600.0
docker_image = "x/y:1"
cpus = 1
memory = "2G"
"""
HARBOR_1_4 = """
schema_version = "1.4"
artifacts = ["/app/out"]
[task]
name = "org/card"
description = "Implement a card"
authors = [{ name = "A", email = "a@x.invalid" }]
[metadata]
card_name = "Mew"
level = 3
holo = true
[agent]
network_mode = "public"
[verifier]
env = { MODE = "${MODE:-fast}", HOST = "${HOST_NAME}" }
[environment]
env = { LANG = "C", LEVEL = 3 }
[[environment.mcp_servers]]
name = "x"
transport = "stdio"
[scorer]
name = "cargo"
compile_share = 0.3
[workspace]
protected = ["a/**"]
editable = ["Cargo.toml"]
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "app"
    path.mkdir()
    return path


def task_folder(parent: Path, name: str = "t1", toml: str = "", instruction: str = "Do it.\n") -> Path:
    folder = parent / name
    (folder / "tests").mkdir(parents=True)
    (folder / "solution").mkdir()
    (folder / "tests" / "test.sh").write_text("exit 0\n")
    (folder / "instruction.md").write_text(instruction)
    (folder / "task.toml").write_text(toml)
    return folder


def found(tasks: Path | None, workspace: Path | None, **rollout: object) -> Task:
    request = Rollout.model_validate({"trace_correlation_id": "t", **rollout})
    return find_task(request, tasks, {"HOST_NAME": "h"}, workspace=workspace)


def refused(tasks: Path | None, workspace: Path | None, **rollout: object) -> str:
    with pytest.raises(Failure) as caught:
        found(tasks, workspace, **rollout)
    assert isinstance(caught.value, TaskInvalid | RequestInvalid)
    return str(caught.value)


def test_a_harbor_folder_of_schema_1_0_is_read(tmp_path: Path, workspace: Path) -> None:
    task = found(task_folder(tmp_path, toml=HARBOR_1_0), workspace)
    assert (task.id, task.instruction, task.agent_s, task.verifier_s) == ("t1", "Do it.", 90, 120)
    assert task.tests == tmp_path / "t1" / "tests"
    assert task.solution == tmp_path / "t1" / "solution"
    assert task.placeholders["difficulty"] == "easy"


def test_a_harbor_folder_of_schema_1_4_is_read(tmp_path: Path, workspace: Path) -> None:
    task = found(task_folder(tmp_path, toml=HARBOR_1_4), workspace)
    assert task.scorer == {"name": "cargo", "compile_share": 0.3}
    assert (task.protected, task.editable) == (("a/**",), ("Cargo.toml",))
    assert task.env == {"LANG": "C", "LEVEL": "3"}
    assert task.verifier_env == {"MODE": "fast", "HOST": "h"}
    shown = {name: task.placeholders[name] for name in ("card_name", "level", "holo", "task_id", "seed")}
    assert shown == {"card_name": "Mew", "level": "3", "holo": "true", "task_id": "t1", "seed": "0"}


def test_several_scorers_stand_in_an_array(tmp_path: Path, workspace: Path) -> None:
    text = '[[scorer]]\nname = "pytest"\nweight = 0.7\n[[scorer]]\nname = "rubric"\nweight = 0.3\n'
    task = found(task_folder(tmp_path, toml=text), workspace)
    assert task.scorer == ({"name": "pytest", "weight": 0.7}, {"name": "rubric", "weight": 0.3})


def test_the_seed_picks_from_the_sorted_tasks_and_wraps(tmp_path: Path, workspace: Path) -> None:
    for name in ("b", "a", "c"):
        task_folder(tmp_path / "tasks", name)
    picked = [found(tmp_path / "tasks", workspace, seed=seed) for seed in (0, 2, 3, -1)]
    assert [task.id for task in picked] == ["a", "c", "a", "c"]
    assert [task.wrapped for task in picked] == [False, False, True, True]


def test_an_id_wins_over_the_seed(tmp_path: Path, workspace: Path) -> None:
    task_folder(tmp_path / "tasks", "a")
    task_folder(tmp_path / "tasks", "b", toml='[task]\nname = "org/card"')
    for name in ("b", "org/card", "card"):
        assert found(tmp_path / "tasks", workspace, seed=0, task_id=name).id == "b"


def test_an_unknown_id_suggests_the_closest(tmp_path: Path, workspace: Path) -> None:
    task_folder(tmp_path / "tasks", "charizard")
    message = refused(tmp_path / "tasks", workspace, task_id="charizrd")
    assert "task_id: no task 'charizrd'" in message
    assert "did you mean charizard?" in message
    assert "is asked for" in refused(tmp_path / "tasks" / "charizard", workspace, task_id="x")


def test_tasks_are_looked_for_in_order(tmp_path: Path, workspace: Path) -> None:
    folders = [task_folder(tmp_path, name) for name in ("first", "second", "third")]
    request = Rollout(trace_correlation_id="t", task_dir=folders[1])
    environ = {"ROLLOUT_TASKS": str(folders[2])}
    assert find_task(request, folders[0], environ, workspace=workspace).id == "first"
    assert find_task(request, None, environ, workspace=workspace).id == "second"
    alone = Rollout(trace_correlation_id="t")
    assert find_task(alone, None, environ, workspace=workspace).id == "third"


def test_without_a_task_folder_the_workspace_is_the_task(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    task = found(None, None)
    assert (task.id, task.workspace, task.instruction, task.folder) == ("app", workspace, "", None)
    assert found(None, None, task_id="mine").id == "mine"


def test_the_workspace_is_named_by_the_task_or_the_command_line(tmp_path: Path, workspace: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    absolute = task_folder(tmp_path, "a", toml=f'[environment]\nworkdir = "{workspace}"')
    relative = task_folder(tmp_path, "b", toml='[workspace]\npath = "../app"')
    assert found(absolute, None).workspace == workspace
    assert found(relative, None).workspace == workspace
    assert found(absolute, other).workspace == other


def test_a_missing_workspace_is_named(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, toml='[environment]\nworkdir = "/no/such/place"')
    assert "the workspace /no/such/place does not exist" in refused(folder, None)
    assert "the workspace is the root folder" in refused(folder, Path("/"))


def test_tests_in_the_workspace_are_refused(tmp_path: Path, workspace: Path) -> None:
    folder = task_folder(workspace / "task")
    message = refused(folder, workspace)
    assert f"{folder}/tests lies in the workspace {workspace}, where the agent would read it" in message


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("x = ", "t1/task.toml: Invalid value (at end of document)"),
        ('[agent]\ntimeout_sec = "10"', 't1/task.toml: agent.timeout_sec: expected a number, got "10"'),
        ("[verifier]\ntimeout_sec = 0", "verifier.timeout_sec: expected more than 0, got 0"),
        ("[verifier]\ntimeout_sec = inf", "verifier.timeout_sec: expected a finite number, got Infinity"),
        ('scorer = "pytest"', "scorer: expected a table or an array of tables"),
        ("[workspace]\nprotected = 3", "workspace.protected: expected a list, got 3"),
        ('schema_version = "2.0"', "schema_version: 2.0 is not known"),
        ("[[steps]]\nname = 'a'", "steps: tasks of several steps are not supported"),
        ('[verifier]\nenvironment_mode = "separate"', "a separate verifier needs a sandbox of its own"),
        ('[verifier]\nenv = { A = "${NOT_SET}" }', "needs the variable NOT_SET, which is not set"),
    ],
)
def test_a_broken_task_file_is_named_with_its_key(
    tmp_path: Path, workspace: Path, toml: str, message: str
) -> None:
    assert message in refused(task_folder(tmp_path, toml=toml), workspace)


def test_a_key_of_the_user_never_reaches_the_agent_by_the_task_file(tmp_path: Path, workspace: Path) -> None:
    folder = task_folder(tmp_path, toml='[environment]\nenv = { K = "${OPENAI_API_KEY}" }')
    request = Rollout(trace_correlation_id="t")
    with pytest.raises(TaskInvalid, match="needs the variable OPENAI_API_KEY"):
        find_task(request, folder, {"OPENAI_API_KEY": "sk-dummy"}, workspace=workspace)


def test_variables_of_the_solution_are_asked_for_only_by_the_oracle(tmp_path: Path, workspace: Path) -> None:
    folder = task_folder(tmp_path, toml='[solution]\nenv = { K = "${NOT_SET}" }')
    assert found(folder, workspace).solution_env == {}
    assert "NOT_SET" in refused(folder, workspace, agent="oracle")


def test_several_steps_without_an_instruction_are_refused(tmp_path: Path, workspace: Path) -> None:
    folder = task_folder(tmp_path)
    (folder / "instruction.md").unlink()
    (folder / "steps" / "one").mkdir(parents=True)
    assert "several steps" in refused(folder, workspace)


def test_canary_lines_are_not_for_the_agent(tmp_path: Path, workspace: Path) -> None:
    text = "<!-- benchmark canary GUID 1 -->\n# canary 2\n\n# Title\nWhat is a canary?\n"
    assert found(task_folder(tmp_path, instruction=text), workspace).instruction.startswith("# Title")


@pytest.mark.parametrize("content", [b"\xff", None])
def test_an_unreadable_instruction_is_named(tmp_path: Path, workspace: Path, content: bytes | None) -> None:
    path = task_folder(tmp_path) / "instruction.md"
    path.unlink()
    path.write_bytes(content) if content else os.mkdir(path)  # noqa: PTH102
    assert "instruction.md: " in refused(path.parent, workspace)


def test_a_place_without_tasks_is_named(tmp_path: Path, workspace: Path) -> None:
    assert f"{workspace} holds no task" in refused(workspace, workspace)
    assert "--tasks: there is no folder" in refused(tmp_path / "nowhere", workspace)
    assert "params.task_dir: there is no folder" in refused(None, workspace, task_dir=tmp_path / "nowhere")
