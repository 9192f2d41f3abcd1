"""What is wrong with a request's agent and scorer is said before either runs."""

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from runner.errors import AgentFailed, RequestInvalid, ScoringFailed, TaskInvalid
from runner.setting import Options, Setting, read_request, understand

DEMO = Path(__file__).parent.parent / "examples" / "demo"


def setting(*, scorer: Any = None, agent: str = "nop", limits: Any = None, **params: Any) -> Setting:
    """Return a request on the demo's task, understood."""
    request = {
        "trace_correlation_id": "t",
        "limits": limits or {},
        "params": {"agent": agent, "scorer": scorer, **params},
    }
    options = Options(tasks=DEMO / "task", workspace=DEMO / "workspace")
    return understand(read_request(json.dumps(request).encode(), options), options, {})


def plugin(folder: Path, kind: str, body: str) -> str:
    """Return the path of a plug-in whose class has this body."""
    path = folder / f"{kind}_of_mine.py"
    names = {"agent": "agents.base import Agent as Base", "scorer": "scorers.base import Scorer as Base"}
    method = {"agent": "run", "scorer": "score"}[kind]
    path.write_text(
        f"from {names[kind]}\n\nclass Mine(Base):\n    name = 'mine'\n{textwrap.indent(body, '    ')}\n"
        f"    def {method}(self, given):\n        return None\n"
    )
    return str(path)


@pytest.mark.parametrize(
    ("scorer", "said"),
    [
        ({"name": "pytest", "trust": "bogus"}, "trust is 'bogus'"),
        ({"name": "pytest", "args": "-q"}, "args is '-q'"),
        ({"name": "pytest", "expected": 3}, "expected is no list"),
        ({"name": "cargo", "compile_share": 2}, "compile_share is 2"),
        ({"name": "cargo", "features": "all"}, "features is no list"),
        ({"name": "cargo", "network": "yes"}, "network is 'yes'"),
        ({"name": "command"}, "command is None"),
        ({"name": "command", "command": ["a"], "pattern": "("}, "no regular expression"),
        ({"name": "junit", "command": ["a"], "canaries": 1}, "canaries is no list"),
        ({"name": "harbor", "user": "root"}, "user is 'root'"),
        ({"name": "harbor", "tests_path": "here"}, "tests_path is 'here'"),
        ({"name": "rubric", "criteria": []}, "criteria is no list"),
        ({"name": "rubric", "criteria": ["a"], "api": "smoke"}, "api is 'smoke'"),
        ({"name": "rubric", "criteria": ["a"], "temperature": "hot"}, "temperature is 'hot'"),
        ([{"name": "nop"}], "no scorer is called 'nop'"),
        ([{"name": "pytest", "trust": "bogus"}], "trust is 'bogus'"),
    ],
)
def test_a_wrong_option_of_a_scorer_is_refused_before_the_agent_works(scorer: Any, said: str) -> None:
    with pytest.raises((TaskInvalid, RequestInvalid), match=said):
        setting(scorer=scorer)


@pytest.mark.parametrize("name", ["pytest", "cargo", "command", "junit", "harbor", "rubric"])
def test_an_option_that_no_scorer_knows_is_warned_of(name: str) -> None:
    needed = {"rubric": {"criteria": ["a"], "model": "m"}}.get(
        name, {"command": ["a"]} if name in {"command", "junit"} else {}
    )
    table = {"name": name, "trsut": "plain", **needed}
    expected = f"[scorer] trsut: the scorer {name} has no such option; ignored"
    assert setting(scorer=table).warnings == (expected,)
    assert setting(scorer=[table, {**table, "weight": 2}]).warnings == (expected, expected)


def test_the_options_that_a_scorer_documents_are_known() -> None:
    groups = {"FAIL_TO_PASS": "[]", "pass_to_pass": [], "expected": ["a"], "overlay": {}}
    clean = {
        "env": {},
        "pass_env": [],
        "network": True,
        "timeout_s": 1.5,
        "max_file_mb": 1,
        "max_processes": 9,
    }
    assert setting(scorer={"name": "pytest", "test_timeout_s": 3, **groups, **clean}).warnings == ()
    assert (
        setting(scorer={"name": "cargo", "release": True, "features": [], **groups, **clean}).warnings == ()
    )


def test_a_scorer_that_states_no_options_is_warned_of_none(tmp_path: Path) -> None:
    assert setting(scorer={"name": plugin(tmp_path, "scorer", "pass"), "any": 1}).warnings == ()
    path = tmp_path / "heir.py"
    path.write_text("from scorers import pytest\n\nclass Heir(pytest.Pytest):\n    name = 'heir'\n")
    assert setting(scorer={"name": str(path), "mine": 1}).warnings == ()


def test_an_option_that_the_command_agent_does_not_know_is_warned_of() -> None:
    with_typo = setting(agent="command", command=["true"], anwsers=[], prices={}, provider="openai")
    assert with_typo.warnings == ("params.anwsers: the agent command has no such option; ignored",)
    assert setting(anything=1).warnings == ()


def test_a_command_that_is_no_list_is_refused_before_it_runs() -> None:
    with pytest.raises(RequestInvalid, match=r"params\.command: expected a list, got \"ls\""):
        setting(agent="command", command="ls")


@pytest.mark.parametrize("body", ["def __init__(self, *_):\n    1 / 0", "def check(self, *_):\n    1 / 0"])
def test_a_plug_in_that_raises_when_it_is_made_answers_for_it(tmp_path: Path, body: str) -> None:
    with pytest.raises(AgentFailed, match="ZeroDivisionError"):
        setting(agent=plugin(tmp_path, "agent", body))
    with pytest.raises(ScoringFailed, match="ZeroDivisionError"):
        setting(scorer=plugin(tmp_path, "scorer", body))


def test_a_small_time_limit_leaves_most_of_it_to_the_agent() -> None:
    small = setting(limits={"timeout_s": 2, "scoring_s": 0.5})
    assert small.agent_s == pytest.approx(2 - 0.5 - 0.1)
    assert 0 < small.agent_deadline.remaining <= small.agent_s
    assert setting(limits={"timeout_s": 300, "scoring_s": 100}).agent_s == 300 - 100 - 3


@pytest.mark.parametrize("limits", [{"timeout_s": 0.5}, {"timeout_s": 1, "scoring_s": 1}])
def test_a_time_limit_that_no_agent_can_work_in_is_refused(limits: dict[str, float]) -> None:
    with pytest.raises(RequestInvalid, match=r"limits\.timeout_s: of .* s the agent gets 0\.\d+"):
        setting(limits=limits)
