import os
from pathlib import Path

import pytest

from agents.codex import Codex
from agents.command import CommandAgent
from agents.launch import environment
from runner.errors import AgentUnavailable, RequestInvalid
from runner.process import Account
from tests.driving import assign, drive

NOBODY = Account("nobody", 65534, 65534, Path("/nonexistent"))


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CODEX_HOME",
        "OPENCODE_CONFIG",
        "XDG_CONFIG_HOME",
        "npm_config_registry",
        "BASH_ENV",
        "MAX_THINKING_TOKENS",
    ],
)
def test_what_steers_a_cli_is_not_passed_on(tmp_path: Path, name: str) -> None:
    env = environment(assign(tmp_path, env={name: "theirs", "MINE": "kept"}), {})
    assert name not in env
    assert env["MINE"] == "kept"


def test_a_proxy_is_kept_for_packages_and_never_sees_loopback(tmp_path: Path) -> None:
    env = environment(
        assign(tmp_path, env={"HTTPS_PROXY": "http://proxy.invalid", "NO_PROXY": "a.invalid"}), {}
    )
    assert env["HTTPS_PROXY"] == "http://proxy.invalid"
    assert env["NO_PROXY"] == env["no_proxy"] == "a.invalid,127.0.0.1,localhost"


def test_home_and_temporary_folder_are_the_agents_own(tmp_path: Path) -> None:
    assignment = assign(tmp_path, env={"HOME": "/root", "TMPDIR": "/var/tmp"})
    env = environment(assignment, {})
    assert env["HOME"] == str(assignment.home)
    assert Path(env["TMPDIR"]).parent == assignment.home


def test_the_users_rust_toolchains_are_still_found(tmp_path: Path) -> None:
    (tmp_path / "user" / ".rustup").mkdir(parents=True)
    user = {"HOME": str(tmp_path / "user")}
    assert environment(assign(tmp_path, env=user), {})["RUSTUP_HOME"] == str(tmp_path / "user" / ".rustup")
    other = environment(assign(tmp_path, env=user, account=NOBODY), {})
    assert "RUSTUP_HOME" not in other
    assert other["USER"] == "nobody"


def test_a_program_that_does_not_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgentUnavailable, match="no-such-program does not start: No such file"):
        CommandAgent().run(assign(tmp_path, options={"command": ["no-such-program"]}))


def test_a_cli_that_is_missing_is_named_with_both_places(tmp_path: Path) -> None:
    class Absent(Codex):
        program = "no-such-cli"

    with pytest.raises(AgentUnavailable, match=r"no no-such-cli at .*/clis/no-such-cli or on PATH"):
        Absent().run(assign(tmp_path, "http://127.0.0.1:9"))


def test_a_cli_without_a_model_to_call_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match="inference_url is missing: codex needs a model"):
        Codex().run(assign(tmp_path))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs an agent as another user")
def test_an_agent_with_an_account_works_as_it_in_a_home_of_its_own(tmp_path: Path) -> None:
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace").chmod(0o777)
    turns = [{"shell": "id -u; touch ~/mine $TMPDIR/mine; cat ~/.codex/config.toml"}, {"text": "Done."}]
    run = drive(Codex(), tmp_path, turns, account=NOBODY).run
    assert run.outcome == "completed"
    (call,) = run.steps[0].tool_calls
    assert (call.ok, (call.observation or "").split("\n")[0]) == (True, "65534")
    assert (tmp_path / "home" / "tmp" / "mine").stat().st_uid == NOBODY.uid
    assert (tmp_path / "logs" / "events.jsonl").stat().st_uid == 0
