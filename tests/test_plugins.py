import sys
from pathlib import Path

import pytest

from agents.base import Agent
from runner.errors import PluginNotFound
from runner.plugins import known, load_agent, load_scorer

SCORER = """
from scorers.base import Score, Scorer

class Mine(Scorer):
    name = "mine"
    def score(self, submission):
        return Score(1.0)
"""

AGENT = """
from agents.base import Agent, AgentRun

class Mine(Agent):
    name = "mine"
    def run(self, assignment):
        return AgentRun("completed")
"""


def written(folder: Path, text: str, name: str = "mine.py") -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def refused(name: str) -> str:
    with pytest.raises(PluginNotFound) as caught:
        load_scorer(name)
    return str(caught.value)


def test_every_scorer_with_an_entry_point_is_known() -> None:
    assert {"pytest", "cargo", "harbor", "command"} <= set(known("scorer"))
    assert {"codex", "claude_code", "opencode"} <= set(known("agent"))


def test_a_module_and_class_is_loaded() -> None:
    assert load_scorer("scorers.command:CommandScorer").name == "command"


def test_a_file_with_one_scorer_is_loaded(tmp_path: Path) -> None:
    assert load_scorer(written(tmp_path, SCORER)).name == "mine"


def test_a_class_of_a_file_is_loaded(tmp_path: Path) -> None:
    path = written(tmp_path, SCORER + "\nclass Other(Mine): name = 'other'\n")
    assert load_scorer(f"{path}:Other").name == "other"
    assert "the file defines several (Mine, Other)" in refused(path)


def test_a_relative_path_is_below_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path, SCORER)
    monkeypatch.chdir(tmp_path)
    assert load_scorer("mine.py").name == "mine"


def test_only_the_one_asked_for_is_imported(tmp_path: Path) -> None:
    sys.modules.pop("scorers.rubric", None)
    load_scorer(written(tmp_path, SCORER))
    assert "scorers.rubric" not in sys.modules


def test_an_unknown_name_lists_the_known_and_suggests_the_closest() -> None:
    with pytest.raises(PluginNotFound) as caught:
        load_agent("codexx")
    assert "no agent is called 'codexx'; there are claude_code, codex, " in str(caught.value)
    assert "did you mean codex?" in str(caught.value)
    assert "the path of a .py file" in refused("zzz")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_module:X", "no module 'no_such_module' is installed"),
        ("json.no_such:X", "no module 'json.no_such' is installed"),
        ("json:Nothing", "json has no 'Nothing'"),
        ("json:JSONDecoder", "is no subclass of scorers.base.Scorer"),
        ("json:dumps", "is no subclass of scorers.base.Scorer"),
        ("agents.base:Agent", "is no subclass of scorers.base.Scorer"),
        ("scorers.base:Scorer", "lacks the method score"),
        ("nowhere/mine.py", "there is no file"),
        ("", "no scorer is called ''"),
        (":", "scorer ':' names no module and class (write module:Class)"),
        ("json:", "names no module and class"),
        (":Class", "names no module and class"),
        (".json:Class", "names no module and class"),
    ],
)
def test_each_way_to_fail_has_its_own_sentence(name: str, message: str) -> None:
    assert message in refused(name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "the file defines no subclass of scorers.base.Scorer"),
        ("x = 1\nraise ValueError('my own trouble')", "raised at import: ValueError: my own trouble"),
        (
            "import nothing_like_it",
            "raised at import: ModuleNotFoundError: No module named 'nothing_like_it'",
        ),
        ("def broken(:", "raised at import: SyntaxError"),
        ("raise SystemExit(3)", "ends the program at import (exit 3)"),
    ],
)
def test_a_plugin_that_fails_at_import_says_why(tmp_path: Path, text: str, message: str) -> None:
    assert message in refused(written(tmp_path, text))


def test_the_line_that_raised_is_named(tmp_path: Path) -> None:
    assert "mine.py, line 2" in refused(written(tmp_path, "\n1 / 0"))


def test_what_cannot_be_compiled_is_named_by_its_own_file_and_line(tmp_path: Path) -> None:
    path = written(tmp_path, "import os\n\ndef broken(:\n")
    assert f"({path}, line 3)" in refused(path)


def test_where_a_relative_path_was_looked_for_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = f"there is no file {tmp_path / 'judge.py'} (a relative path is below the current folder)"
    assert said in refused("judge.py")


def test_an_agent_is_no_scorer(tmp_path: Path) -> None:
    path = written(tmp_path, AGENT)
    assert issubclass(load_agent(path), Agent)
    assert "is no subclass of scorers.base.Scorer" in refused(f"{path}:Mine")
