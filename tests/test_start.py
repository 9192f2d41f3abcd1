import os
import stat
from pathlib import Path

import pytest

from agents.codex import Codex
from agents.command import CommandAgent
from agents.start import environment
from runner.errors import AgentUnavailable, RequestInvalid
from runner.process import Account
from tests.driving import CLIS, assign, drive

# An account ends all that runs as its user, so tests that run side by side must not share one.
UID = 50_000 + os.getpid() % 10_000
SOMEONE = Account("someone", UID, UID, Path("/nonexistent"))


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_BASE_URL",
        "ANTHROPIC_AUTH_TOKEN",
        "CLAUDE_CODE_USE_BEDROCK",
        "CODEX_HOME",
        "OPENCODE_CONFIG",
        "XDG_CONFIG_HOME",
        "DISABLE_PROMPT_CACHING",
        "MAX_THINKING_TOKENS",
    ],
)
def test_what_steers_a_cli_is_not_passed_on(tmp_path: Path, name: str) -> None:
    env = environment(assign(tmp_path, env={name: "theirs", "DISABLE_SPRING": "1", "BASH_ENV": "/env"}), {})
    assert name not in env
    assert (env["DISABLE_SPRING"], env["BASH_ENV"]) == ("1", "/env")


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
    other = environment(assign(tmp_path, env=user, account=SOMEONE), {})
    assert "RUSTUP_HOME" not in other
    assert other["USER"] == "someone"


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
@pytest.mark.parametrize("agent", ["codex", "claude_code"])
def test_an_agent_with_an_account_works_as_it_in_a_home_of_its_own(agent: str, tmp_path: Path) -> None:
    for each in (tmp_path, *tmp_path.parents):
        if not each.stat().st_mode & stat.S_IXOTH:
            each.chmod(0o755)
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace").chmod(0o777)
    turns = [{"shell": "id -u; touch ~/mine $TMPDIR/mine"}, {"text": "Done."}]
    run = drive(CLIS[agent](), tmp_path, turns, account=SOMEONE).run
    assert (run.outcome, run.error) == ("completed", None)
    (call,) = run.steps[0].tool_calls
    assert (call.ok, (call.observation or "").split("\n")[0]) == (True, str(UID))
    assert (tmp_path / "home" / "tmp" / "mine").stat().st_uid == SOMEONE.uid
    assert (tmp_path / "logs" / "events.jsonl").stat().st_uid == 0
