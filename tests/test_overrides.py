import os
from pathlib import Path
from typing import Any

import pytest

from runner.context import ContextOverride
from runner.deadline import Deadline
from runner.overrides import Applied, Ground, landing, lay


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    path = tmp_path / "app"
    path.mkdir()
    return path


def laid(workspace: Path, *overrides: dict[str, Any], seconds: float = 30, **env: str) -> Applied:
    models = [ContextOverride(**{"override_id": f"o{n}", **fields}) for n, fields in enumerate(overrides)]
    logs = workspace.parent / "logs"
    logs.mkdir(exist_ok=True)
    environ = {"PATH": os.defpath, **env}
    return lay(models, Ground(workspace, ".agents/skills", environ, Deadline.after(seconds), logs))


def status(workspace: Path, **fields: Any) -> dict[str, Any]:
    return laid(workspace, fields).statuses[0]


def files(**contents: str) -> tuple[tuple[str, str], ...]:
    return tuple(contents.items())


def test_files_land_in_the_workspace(workspace: Path) -> None:
    applied = laid(workspace, {"files": (("AGENTS.md", "be brief\n"), ("docs/a/b.md", "ü"))})
    assert (workspace / "AGENTS.md").read_text() == "be brief\n"
    assert (workspace / "docs/a/b.md").read_text() == "ü"
    assert applied.statuses[0]["overall_status"] == "applied"
    assert applied.statuses[0]["files_applied"] == ("AGENTS.md", "docs/a/b.md")
    assert applied.failed == ""


@pytest.mark.parametrize("prefix", ["", "./", ".claude/", ".codex/", ".opencode/", ".agents/"])
def test_skills_land_where_the_agent_reads_them(workspace: Path, prefix: str) -> None:
    status(workspace, files=((f"{prefix}skills/mend/SKILL.md", "how"),))
    assert (workspace / ".agents/skills/mend/SKILL.md").read_text() == "how"


@pytest.mark.parametrize(
    "path", ["src/skills/a/SKILL.md", "skills.yaml", "skills/README", ".codex/skills.yaml"]
)
def test_what_is_no_skill_stays_where_it_is(path: str) -> None:
    assert landing(path, ".claude/skills") == path


def test_an_existing_file_is_replaced_and_keeps_its_mode(workspace: Path) -> None:
    script = workspace / "run.sh"
    script.write_text("old")
    script.chmod(0o750)
    status(workspace, files=(("run.sh", "new"),))
    assert (script.read_text(), script.stat().st_mode & 0o777) == ("new", 0o750)


@pytest.mark.parametrize("path", ["../app2/x", "/etc/x", "a/../../x", "..", "~/x", "a/b/../../../app-evil/x"])
def test_a_path_that_leads_out_is_refused(workspace: Path, path: str) -> None:
    found = status(workspace, files=((path, "x"),))
    assert (found["overall_status"], found["error_type"]) == ("failed", "path_traversal")
    assert found["files_failed"] == (path,)
    assert "leads out of the workspace" in found["error_message"]


@pytest.mark.parametrize("path", ["", ".", "a\0b"])
def test_a_path_without_a_name_is_refused(workspace: Path, path: str) -> None:
    assert status(workspace, files=((path, "x"),))["error_type"] == "path_traversal"


@pytest.mark.parametrize("path", ["link/x", "link/sub/x", "deep/link/x"])
def test_a_file_never_lands_through_a_link(workspace: Path, tmp_path: Path, path: str) -> None:
    outside = tmp_path / "app-outside"
    outside.mkdir()
    (workspace / "deep").mkdir()
    (workspace / "link").symlink_to(outside)
    (workspace / "deep/link").symlink_to("../../app-outside")
    assert status(workspace, files=((path, "x"),))["error_type"] == "path_traversal"
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
def test_a_link_in_the_place_of_a_file_is_replaced_not_followed(
    workspace: Path, tmp_path: Path, link: str
) -> None:
    outside = tmp_path / "secret"
    outside.write_text("mine")
    getattr(workspace / "AGENTS.md", link)(outside)
    assert status(workspace, files=(("AGENTS.md", "x"),))["overall_status"] == "applied"
    assert (workspace / "AGENTS.md").read_text() == "x"
    assert outside.read_text() == "mine"


def test_a_pipe_in_the_place_of_a_file_does_not_hang(workspace: Path) -> None:
    os.mkfifo(workspace / "AGENTS.md")
    assert status(workspace, files=(("AGENTS.md", "x"),))["overall_status"] == "applied"


def test_a_folder_in_the_place_of_a_file_is_told(workspace: Path) -> None:
    (workspace / "AGENTS.md").mkdir()
    found = status(workspace, files=(("AGENTS.md", "x"),))
    assert (found["error_type"], found["error_message"]) == ("validation", "AGENTS.md: Is a directory")
    assert list(workspace.iterdir()) == [workspace / "AGENTS.md"]


def test_a_file_in_the_place_of_a_folder_is_told(workspace: Path) -> None:
    (workspace / "docs").write_text("")
    assert status(workspace, files=(("docs/a.md", "x"),))["error_type"] == "validation"


def test_one_bad_file_makes_an_override_partial_and_names_it(workspace: Path) -> None:
    applied = laid(workspace, {"files": (("a", "x"), ("../b", "y")), "env_vars": {"A": "1"}})
    assert applied.statuses[0]["overall_status"] == "partial"
    assert applied.statuses[0]["files_applied"] == ("a",)
    assert applied.env == {}
    assert applied.failed.startswith("context override o0 (partial): ../b: ")


def test_size_limits_hold_at_their_edge(workspace: Path) -> None:
    most = 1024**2
    assert status(workspace, files=(("a", "x" * most),))["overall_status"] == "applied"
    assert status(workspace, files=(("a", "ü" * (most // 2) + "x"),))["error_type"] == "size_limit"
    twenty = tuple((str(n), "") for n in range(20))
    assert status(workspace, files=twenty)["overall_status"] == "applied"
    assert status(workspace, files=(*twenty, ("x", "")))["error_type"] == "size_limit"
    half = (("a", "x" * (most // 2)),)
    sizes = laid(workspace, {"files": half}, {"files": half}, {"files": (("b", "x"),)}).statuses
    assert [one["overall_status"] for one in sizes] == ["applied", "applied", "failed"]
    many = laid(workspace, *[{"files": twenty}] * 3).statuses
    assert [len(one["files_applied"]) for one in many] == [20, 20, 10]


def test_the_twenty_first_override_is_refused(workspace: Path) -> None:
    found = laid(workspace, *[{"files": (("a", ""),)}] * 21).statuses
    assert [one["overall_status"] for one in found] == ["applied"] * 20 + ["failed"]
    assert found[-1]["error_type"] == "size_limit"


def test_the_highest_priority_comes_last(workspace: Path) -> None:
    high = {"files": (("AGENTS.md", "high"),), "priority": 5, "env_vars": {"A": "high"}}
    low = {"files": (("AGENTS.md", "low"),), "env_vars": {"A": "low"}}
    applied = laid(workspace, high, low)
    assert ((workspace / "AGENTS.md").read_text(), applied.env) == ("high", {"A": "high"})


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "HOME",
        "LD_PRELOAD",
        "LD_AUDIT",
        "BASH_ENV",
        "PYTHONPATH",
        "NODE_OPTIONS",
        "GIT_SSH_COMMAND",
        "https_proxy",
        "HTTPS_PROXY",
        "OPENAI_BASE_URL",
        "ANTHROPIC_API_KEY",
        "CLAUDE_CONFIG_DIR",
        "CODEX_HOME",
    ],
)
def test_variables_that_decide_what_runs_are_refused(workspace: Path, name: str) -> None:
    applied = laid(workspace, {"env_vars": {name: "x", "GOOD": "y"}})
    assert (applied.statuses[0]["error_type"], applied.env) == ("permission", {})


@pytest.mark.parametrize(("name", "value"), [("A B", ""), ("", ""), ("1A", ""), ("A=B", ""), ("A", "x\0y")])
def test_what_is_no_variable_is_refused(workspace: Path, name: str, value: str) -> None:
    assert status(workspace, env_vars={name: value})["error_type"] == "validation"


def test_limits_of_variables_hold_at_their_edge(workspace: Path) -> None:
    assert status(workspace, env_vars={"A": "x" * 10240})["env_vars_applied"] == ("A",)
    assert status(workspace, env_vars={"A": "x" * 10241})["error_type"] == "size_limit"
    assert status(workspace, env_vars={f"A{n}": "" for n in range(50)})["overall_status"] == "applied"
    assert status(workspace, env_vars={f"A{n}": "" for n in range(51)})["error_type"] == "size_limit"


def test_a_preflight_script_sees_the_files_but_not_yet_the_variables(workspace: Path) -> None:
    script = 'cp AGENTS.md seen; echo "${LATER-unset} $BASE" >> seen'
    first = {"files": (("AGENTS.md", "x\n"),), "preflight_script": script, "env_vars": {"LATER": "1"}}
    applied = laid(workspace, first, BASE="base")
    assert (workspace / "seen").read_text() == "x\nunset base\n"
    assert applied.statuses[0]["preflight_succeeded"] is True
    assert applied.env == {"LATER": "1"}


def test_a_preflight_script_runs_by_its_first_line(workspace: Path) -> None:
    script = "#!/usr/bin/env python3\nopen('seen', 'w').write('python')"
    assert status(workspace, preflight_script=script)["overall_status"] == "applied"
    assert (workspace / "seen").read_text() == "python"


def test_a_failing_preflight_script_is_told_with_its_output(workspace: Path) -> None:
    applied = laid(workspace, {"preflight_script": "echo no luck >&2; exit 3", "env_vars": {"A": "1"}})
    found = applied.statuses[0]
    assert (found["overall_status"], found["error_type"], found["preflight_succeeded"]) == (
        "failed",
        "runtime",
        False,
    )
    assert found["error_message"] == "the pre-flight script ended with exit code 3: no luck"
    assert applied.env == {}


def test_a_preflight_script_that_hangs_is_ended_with_all_it_started(workspace: Path) -> None:
    script = """sh -c 'trap "" TERM; echo $$ > pid; sleep 60' & sleep 60"""
    found = laid(workspace, {"preflight_script": script}, seconds=0.5).statuses[0]
    assert not Path("/proc", (workspace / "pid").read_text().strip()).exists()
    assert (found["error_type"], found["preflight_succeeded"]) == ("timeout", False)
    assert "still running after" in found["error_message"]


def test_a_missing_interpreter_is_told(workspace: Path) -> None:
    assert status(workspace, preflight_script="#!/no/such\n")["error_type"] == "not_found"


def test_nothing_to_apply_is_skipped(workspace: Path) -> None:
    found = status(workspace)
    assert (found["overall_status"], found["error_type"]) == ("skipped", None)


def test_texts_count_as_applied_though_they_are_no_files(workspace: Path) -> None:
    found = status(workspace, texts=(("system_prompt", "x"),))
    assert (found["overall_status"], found["files_applied"]) == ("applied", ("system_prompt",))
    assert list(workspace.iterdir()) == []
