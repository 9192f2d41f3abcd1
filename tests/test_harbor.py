import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from runner.deadline import Deadline
from runner.errors import ScorerUnavailable, ScoringFailed, TaskInvalid
from runner.process import Account
from scorers.base import Score
from scorers.harbor import Harbor
from tests.submissions import submission, write


def options(place: Path, **more: Any) -> dict[str, Any]:
    return {"tests_path": str(place / "tests"), "logs_path": str(place / "logs" / "verifier"), **more}


def scored(place: Path, script: str, files: dict[str, str] | None = None, **changes: Any) -> Score:
    task = write(place / "task" / "tests", {"test.sh": script, **(files or {})})
    made = submission(place, tests=task, **changes)
    return Harbor(options(place)).score(made)


def rewarding(text: str, name: str = "reward.txt") -> str:
    return f"#!/bin/sh\nprintf '%s' '{text}' > \"$LOGS_DIR/{name}\"\n"


def test_the_reward_file_decides(tmp_path: Path) -> None:
    score = scored(tmp_path, rewarding("0.75\n"))
    assert score.reward == 0.75
    assert score.details == {"exit_code": 0, "user": "runner"}
    assert (tmp_path / "reports/verifier/reward.txt").read_text() == "0.75\n"


@pytest.mark.parametrize(
    ("text", "reward"), [('{"reward": 0.5, "speed": 3}', 0.5), ('{"tests": 1}', 1.0), ('{"reward": 0}', 0.0)]
)
def test_a_json_reward_is_read(tmp_path: Path, text: str, reward: float) -> None:
    assert scored(tmp_path, rewarding(text, "reward.json")).reward == reward


def test_the_script_runs_in_the_workspace_with_its_tests_and_variables(tmp_path: Path) -> None:
    script = rewarding("1") + 'cat "$TESTS_DIR/sub/expected" answer "$LOGS_DIR/reward.txt"; echo " $MODE"\n'
    task = write(tmp_path / "task" / "tests", {"test.sh": script, "sub/expected": "x"})
    made = submission(tmp_path, tests=task, verifier_env={"MODE": "fast"})
    write(made.workspace, {"answer": "42"})
    assert Harbor(options(tmp_path)).score(made).reward == 1
    assert (tmp_path / "reports/harbor.log").read_text() == "x421 fast\n"


def test_a_script_without_a_first_line_runs_by_sh(tmp_path: Path) -> None:
    assert scored(tmp_path, 'echo 1 > "$LOGS_DIR/reward.txt"').reward == 1


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\necho all well", r"exit code 0 and wrote neither reward.txt nor reward.json: all well"),
        ("#!/bin/sh\necho broken >&2; exit 2", r"exit code 2 and wrote neither .*: broken"),
        (rewarding("nan"), r"reward.txt: nan in reward.txt is not from 0 to 1"),
        (rewarding("1.5"), r"1.5 in reward.txt is not from 0 to 1"),
        (rewarding("-1"), r"-1.0 in reward.txt is not from 0 to 1"),
        (rewarding(""), r"reward.txt: '' is no number"),
        (rewarding("good"), r"reward.txt: 'good' is no number"),
        (rewarding("[1]", "reward.json"), r"reward.json: it is no object of numbers"),
        (rewarding("{", "reward.json"), r"reward.json: Expecting"),
        (rewarding('{"a": 1, "b": 0}', "reward.json"), r"which number is the reward\? There are 'a', 'b'"),
        (rewarding('{"reward": NaN}', "reward.json"), r"nan in reward.json"),
        (rewarding('{"reward": 1' + "0" * 400 + "}", "reward.json"), r"reward.json: int too large"),
        (rewarding("1") + "kill $$", r"it was killed by SIGTERM"),
        (rewarding("1") + "kill -40 $$", r"it was killed by signal 40"),
        ('#!/bin/sh\nln -s /etc/hostname "$LOGS_DIR/reward.txt"', "reward.txt cannot be read"),
        ('#!/bin/sh\nmkfifo "$LOGS_DIR/reward.txt"', "reward.txt is no regular file"),
        ('#!/bin/sh\nyes 1 | head -c 200000 > "$LOGS_DIR/reward.txt"', "reward.txt has more than"),
    ],
)
def test_silence_and_nonsense_are_no_score(tmp_path: Path, script: str, message: str) -> None:
    with pytest.raises(ScoringFailed, match=message):
        scored(tmp_path, script)


def test_a_reward_planted_by_the_agent_does_not_count(tmp_path: Path) -> None:
    write(tmp_path / "logs" / "verifier", {"reward.txt": "1", "reward.json": '{"reward": 1}', "a/b": ""})
    with pytest.raises(ScoringFailed, match=r"neither reward.txt nor reward.json"):
        scored(tmp_path, "#!/bin/sh\nexit 1\n")


def test_tests_planted_by_the_agent_are_not_met(tmp_path: Path) -> None:
    write(tmp_path / "tests", {"conftest.py": "planted", "test.sh": rewarding("1")})
    score = scored(
        tmp_path, '#!/bin/sh\ntest -e "$TESTS_DIR/conftest.py"; echo "0.$?" > "$LOGS_DIR/reward.txt"'
    )
    assert score.reward == 0.1
    assert (tmp_path / "tests" / "conftest.py").read_text() == "planted"


def test_hidden_tests_are_gone_afterwards(tmp_path: Path) -> None:
    scored(tmp_path, rewarding("1"))
    assert not (tmp_path / "tests").exists()


def test_a_link_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "logs").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ScorerUnavailable, match="a link is in the way"):
        scored(tmp_path, rewarding("1"))


def test_of_two_rewards_that_differ_the_lower_counts_and_the_result_says_so(tmp_path: Path) -> None:
    script = rewarding("1") + 'echo \'{"reward": 0.25}\' > "$LOGS_DIR/reward.json"\nexit 3\n'
    score = scored(tmp_path, script)
    assert score.reward == 0.25
    assert score.details["disagreements"] == ["reward.txt 1, reward.json 0.25: the lower one counts"]


def test_a_full_reward_beside_a_failure_is_reported(tmp_path: Path) -> None:
    report = {"results": {"tests": [{"name": "a", "status": "failed"}]}}
    script = rewarding("1") + f"printf '%s' '{json.dumps(report)}' > \"$LOGS_DIR/ctrf.json\"\nexit 1\n"
    assert scored(tmp_path, script).details["disagreements"] == [
        "the reward is 1, yet test.sh ended with exit code 1",
        "the reward is 1, yet ctrf.json names 1 failed, a for one",
    ]


def test_checks_come_from_ctrf(tmp_path: Path) -> None:
    tests = [
        {"name": "a", "status": "passed", "duration": 1500, "suite": "s"},
        {"name": "b", "status": "failed", "message": "why"},
        {"name": "c", "status": "pending"},
        {"name": "d", "status": "other"},
    ]
    report = json.dumps({"results": {"tests": tests}})
    script = rewarding("0.5") + 'cp "$TESTS_DIR/r.json" "$LOGS_DIR/ctrf.json"\n'
    score = scored(tmp_path, script, {"r.json": report})
    assert [(check.id, check.status) for check in score.checks] == [
        ("s > a", "passed"),
        ("b", "failed"),
        ("c", "skipped"),
        ("d", "failed"),
    ]
    assert (score.checks[0].duration_s, score.checks[1].message) == (1.5, "why")


@pytest.mark.parametrize(
    "report",
    [
        "{",
        "[]",
        "{}",
        '{"results": {"tests": [3]}}',
        '{"results": {"tests": 3}}',
        '{"results": {"tests": [{"name": "a", "status": "passed", "duration": 1%s}]}}' % ("0" * 400),
    ],
)
def test_a_broken_ctrf_is_told_and_changes_nothing(tmp_path: Path, report: str) -> None:
    script = rewarding("0.5") + 'cp "$TESTS_DIR/r.json" "$LOGS_DIR/ctrf.json"\n'
    score = scored(tmp_path, script, {"r.json": report})
    assert (score.reward, score.checks) == (0.5, ())
    assert "ctrf.json" in score.details["troubles"][0]


def test_what_cannot_be_written_never_reaches_a_result(tmp_path: Path) -> None:
    test = (
        '{"name": "\\ud800", "status": "\\udfff", "message": "\\ud800", "suite": "\\ud800", "duration": NaN}'
    )
    script = rewarding("0.5") + 'cp "$TESTS_DIR/r.json" "$LOGS_DIR/ctrf.json"\n'
    check = scored(tmp_path, script, {"r.json": f'{{"results": {{"tests": [{test}]}}}}'}).checks[0]
    assert check.model_dump() == {
        "id": "? > ?",
        "status": "failed",
        "raw": "?",
        "duration_s": None,
        "message": "?",
    }


def test_the_verifiers_own_time_limit_holds(tmp_path: Path) -> None:
    script = rewarding("1") + "sleep 60\n"
    with pytest.raises(ScoringFailed, match=r"it was ended after \d s \(deadline\)"):
        scored(tmp_path, script, verifier_s=0.5)
    assert not (tmp_path / "tests").exists()


def test_the_deadline_holds_where_it_comes_first(tmp_path: Path) -> None:
    with pytest.raises(ScoringFailed, match="deadline"):
        scored(tmp_path, "#!/bin/sh\nsleep 60\n", deadline=Deadline.after(0.5), verifier_s=50)


def test_a_daemon_of_the_tests_is_dead_before_the_reward_is_read(tmp_path: Path) -> None:
    late = '(sleep 2; echo 1 > "$LOGS_DIR/reward.txt")'
    script = f"#!/bin/sh\necho 0 > \"$LOGS_DIR/reward.txt\"\nsetsid sh -c '{late}' &\n"
    assert scored(tmp_path, script).reward == 0


def test_git_works_in_a_workspace_of_another_user(tmp_path: Path) -> None:
    script = (
        '#!/bin/sh\ngit init -q . && chown 12345 . .git && git status && echo 1 > "$LOGS_DIR/reward.txt"\n'
    )
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    assert scored(tmp_path, script).reward == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_the_script_may_run_as_the_unprivileged_user() -> None:
    someone = Account("unused", 61183, 61183, Path("/nonexistent"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        script = '#!/bin/sh\nid -u; ls -A "$HOME"; touch "$HOME/x"; echo 1 > "$LOGS_DIR/reward.txt"\n'
        made = submission(place, tests=write(place / "task", {"test.sh": script}), account=someone)
        score = Harbor(options(place, user="agent")).score(made)
        assert (score.reward, score.details["user"]) == (1.0, "unused")
        assert (place / "reports/harbor.log").read_text() == "61183\n"


def test_a_missing_interpreter_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScorerUnavailable, match="No such file"):
        scored(tmp_path, "#!/no/such/bash\n")


def test_places_that_cannot_be_made_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    made = submission(tmp_path, tests=write(tmp_path / "t", {"test.sh": rewarding("1")}))
    for name in ("tests_path", "logs_path"):
        table = options(tmp_path, **{name: str(tmp_path / "file" / "x")})
        with pytest.raises(
            ScorerUnavailable, match=r"cannot make .*/file/x ready: (File exists|Not a directory)"
        ):
            Harbor(table).score(made)


@pytest.mark.parametrize("table", [{"tests_path": "tests"}, {"logs_path": 3}, {"user": "nobody"}])
def test_wrong_options_are_named(tmp_path: Path, table: dict[str, Any]) -> None:
    made = submission(tmp_path, tests=write(tmp_path / "t", {"test.sh": ""}))
    with pytest.raises(TaskInvalid, match=next(iter(table))):
        Harbor(table).score(made)


def test_a_task_without_the_script_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match=r"needs tests/test.sh"):
        Harbor(options(tmp_path)).score(submission(tmp_path))


def test_the_doctor_hears_whether_the_places_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    scorer = Harbor(options(tmp_path))
    assert scorer.tool(tmp_path, {}) == f"{tmp_path}/tests and {tmp_path}/logs/verifier can be written"
    with pytest.raises(ScorerUnavailable, match=r"cannot make .*/file/x ready: Permission denied"):
        Harbor(options(tmp_path, tests_path=f"{tmp_path}/file/x")).tool(tmp_path, {})
