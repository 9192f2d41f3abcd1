from pathlib import Path
from typing import Any

import pytest

from runner.deadline import Deadline
from runner.errors import ScorerUnavailable, ScoringFailed, TaskInvalid
from scorers.base import Score
from scorers.command import CommandScorer
from tests.judging import submit, write
from tests.submissions import submission


def scored(place: Path, script: str, **options: Any) -> Score:
    made = submission(place)
    return CommandScorer({"command": ["sh", "-c", script], **options}).score(made)


def test_the_exit_code_decides(tmp_path: Path) -> None:
    assert scored(tmp_path / "a", "exit 0").reward == 1
    failed = scored(tmp_path / "b", "echo no luck >&2; exit 3")
    assert (failed.reward, failed.checks[0].message, failed.details["exit_code"]) == (0, "no luck", 3)


@pytest.mark.parametrize(
    ("script", "options", "reward"),
    [
        ("echo score 0.25; echo score 0.75", {"pattern": r"score ([\d.]+)"}, 0.75),
        ("echo '3 of 4 passed' >&2; exit 1", {"pattern": r"(\d+) of (\d+) passed"}, 0.75),
        ("""echo noise; echo '{"score": {"mean": 0.5}}'; echo more""", {"json": "score.mean"}, 0.5),
        ("""echo '{"a": 1}'; exit 1""", {"json": "b"}, 0),
        ("exit 1", {"pattern": "([0-9]+)"}, 0),
    ],
)
def test_a_fraction_is_read_from_the_output(
    tmp_path: Path, script: str, options: dict[str, Any], reward: float
) -> None:
    assert scored(tmp_path, script, **options).reward == reward


@pytest.mark.parametrize(
    ("script", "options", "message"),
    [
        ("echo nothing", {"pattern": r"score (\d+)"}, "printed no fraction: nothing"),
        ("echo '{'", {"json": "score"}, "printed no fraction"),
        ("""echo '{"score": true}'""", {"json": "score"}, "printed no fraction"),
        ("echo score 1.5", {"pattern": r"score ([\d.]+)"}, "1.5, not from 0 to 1"),
        ("""echo '{"score": NaN}'""", {"json": "score"}, "nan, not from 0 to 1"),
        (f"""echo '{{"score": 1{"0" * 400}}}'""", {"json": "score"}, "inf, not from 0 to 1"),
        ("echo 0 of 0", {"pattern": r"(\d+) of (\d+)"}, "nan, not from 0 to 1"),
        ("echo score x", {"pattern": r"score (\w+)"}, "holds no number"),
    ],
)
def test_silence_and_nonsense_are_no_score(
    tmp_path: Path, script: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ScoringFailed, match=message):
        scored(tmp_path, script, **options)


def test_a_whole_fraction_of_a_command_that_failed_is_reported_and_earns_nothing(tmp_path: Path) -> None:
    score = scored(tmp_path, "echo 1.0; exit 2", pattern=r"([\d.]+)")
    assert score.reward == 0
    assert score.details["disagreement"] == "it printed 1.0, yet ended with exit code 2"


def test_the_command_runs_on_a_new_tree_without_the_agents_changes_to_tests(tmp_path: Path) -> None:
    made = submit(tmp_path, {"Makefile": "check:\n\tgrep -q right answer.txt\n", "answer.txt": "wrong\n"})
    scorer = CommandScorer({"command": ["make", "check"]})
    write(made.workspace, {"Makefile": "check:\n\ttrue\n"})
    cheated = scorer.score(made)
    assert (cheated.reward, cheated.protected_changes) == (0, ("Makefile",))
    write(made.workspace, {"answer.txt": "right\n"})
    assert scorer.score(made).reward == 1


def test_the_environment_is_clean(tmp_path: Path) -> None:
    made = submission(tmp_path, env={"PATH": "/usr/bin:/bin", "BASH_ENV": "/evil", "SECRET": "x"})
    scorer = CommandScorer({"command": ["sh", "-c", "env; exit 1"], "env": {"MINE": "1"}})
    said = scorer.score(made).checks[0].message
    assert "MINE=1" in said
    assert "SECRET" not in said
    assert "BASH_ENV" not in said


def test_a_hang_earns_nothing(tmp_path: Path) -> None:
    made = submission(tmp_path, deadline=Deadline.after(0.5))
    score = CommandScorer({"command": ["sleep", "60"]}).score(made)
    assert (score.reward, score.checks[0].raw) == (0, "deadline")


def test_a_missing_program_is_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(ScorerUnavailable, match="cannot run no-such-program"):
        CommandScorer({"command": ["no-such-program"]}).score(submission(tmp_path))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pattern": "("}, "no regular expression"),
        ({"pattern": 3}, "no regular expression"),
        ({"pattern": "x"}, "needs one group"),
        ({"pattern": "(x)", "json": "y"}, "both pattern and json"),
        ({"json": True}, "write the key"),
        ({"trust": "blind"}, "trust is 'blind'"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TaskInvalid, match=message):
        scored(tmp_path, "true", **options)
