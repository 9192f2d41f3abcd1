from pathlib import Path

import pytest

from runner.account import NAME
from runner.doctor import examine
from runner.finding import Finding
from runner.setting import Options

PATH = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a Python project."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (workspace / "test_it.py").write_text("def test_it(): pass\n")
    return workspace


def of(findings: list[Finding], what: str) -> Finding:
    return next(finding for finding in findings if finding.what == what)


def test_a_missing_workspace_is_named(tmp_path: Path) -> None:
    task = of(examine(Options(workspace=tmp_path / "none"), PATH), "task")
    assert task.state == "missing"
    assert str(tmp_path / "none") in task.text


def test_everything_that_a_rollout_needs_is_looked_at(workspace: Path) -> None:
    findings = examine(Options(workspace=workspace), PATH)
    looked_at = {finding.what for finding in findings}
    assert looked_at >= {"program", "codex", "claude_code", "opencode", "workspace", "tasks"}
    assert looked_at >= {"git", "rg", "user", "disk", "memory", "certificates", "keys"}


def test_an_agent_that_is_asked_for_and_not_there_is_missing(workspace: Path, tmp_path: Path) -> None:
    absent = tmp_path / "absent.py"
    absent.write_text(
        "from agents.base import Agent\nfrom runner.errors import AgentUnavailable\n"
        "class Absent(Agent):\n"
        "    name = 'absent'\n"
        "    def run(self, assignment): ...\n"
        "    @classmethod\n"
        "    def tool(cls): raise AgentUnavailable('there is no absent', hint='install it')\n",
    )
    options = Options(workspace=workspace, changes={"agent": str(absent)})
    finding = of(examine(options, PATH), str(absent))
    assert (finding.state, finding.text, finding.hint) == ("missing", "there is no absent", "install it")


def test_a_scorer_without_its_tool_is_missing_only_where_it_is_the_tasks_own(workspace: Path) -> None:
    findings = examine(Options(workspace=workspace), {"PATH": "/nonexistent"})
    assert of(findings, "pytest").state == "missing"
    assert of(findings, "cargo").state == "absent"


def test_a_key_in_a_file_is_baked_in_and_a_key_in_the_environment_may_be(workspace: Path) -> None:
    environ = {**PATH, "SYNTH_API_KEY": "dummy-key"}
    in_environment = of(examine(Options(workspace=workspace), environ), "keys")
    assert in_environment.state == "warning"
    assert "SYNTH_API_KEY" in in_environment.text
    (workspace / ".env").write_text("DEBUG=1\nexport OPENAI_API_KEY='dummy-key'\n")
    in_file = of(examine(Options(workspace=workspace), PATH), "keys")
    assert in_file.state == "missing"
    assert in_file.text == f"{workspace / '.env'} sets OPENAI_API_KEY"
    assert "dummy-key" not in str(in_file)


def test_without_the_unprivileged_user_the_finding_says_what_that_means(workspace: Path) -> None:
    finding = of(examine(Options(workspace=workspace), PATH), "user")
    assert finding.state == "ok" or finding.hint
    assert NAME in finding.text or "uid" in finding.text
