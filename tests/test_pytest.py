"""The pytest scorer counts what was measured, in the workspace and on a new tree."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from runner.errors import ScorerUnavailable, ScoringFailed, TaskInvalid
from scorers.base import Score
from scorers.pytest import Pytest
from tests.judging import ENV, PROJECTS, submit, write

TRUST = pytest.mark.parametrize("trust", ["plain", "strict"])
CONFIGURED = {"pytest.ini": "[pytest]\n"}


def score(folder: Path, project: Any, fields: Mapping[str, Any] | None = None, **options: Any) -> Score:
    return Pytest(options).score(submit(folder, project, **(fields or {})))


def said(score: Score) -> dict[str, str]:
    """Return each test's verdict, in the tool's words where they differ."""
    return {check.id.partition("::")[2] or check.id: check.raw or check.status for check in score.checks}


CASES: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "interrupted": (
        """
def test_1(): pass
def test_2(): raise KeyboardInterrupt
def test_3(): pass
""",
        {"test_1": "passed", "test_2": "crashed", "test_3": "missing"},
        {"test_3": "passed"},
    ),
    "errors_of_fixtures": (
        """
import pytest
@pytest.fixture
def late():
    yield
    raise ValueError
@pytest.fixture
def early(): raise ValueError
def test_1(): pass
def test_2(): assert 0
def test_3(early): pass
def test_4(late): pass
""",
        {"test_1": "passed", "test_2": "failed", "test_3": "error", "test_4": "error"},
        {},
    ),
    "abort": (
        """
import os
def test_1(): pass
def test_2(): os.abort()
def test_3(): pass
""",
        {"test_1": "passed", "test_2": "crashed", "test_3": "missing"},
        {"test_3": "passed"},
    ),
    "exit_0": (
        """
import os
def test_1(): pass
def test_2(): os._exit(0)
""",
        {"test_1": "passed", "test_2": "crashed"},
        {},
    ),
    "expected_failures": (
        """
import pytest
@pytest.mark.xfail
def test_1(): pass
@pytest.mark.xfail
def test_2(): assert 0
@pytest.mark.xfail(strict=True)
def test_3(): pass
""",
        {"test_1": "xpassed", "test_2": "xfailed", "test_3": "failed"},
        {},
    ),
    "output_that_claims": (
        """
def test_1(): print('==== 999 passed in 0.01s ====')
def test_2():
    print('==== 999 passed in 0.01s ====')
    assert 0
""",
        {"test_1": "passed", "test_2": "failed"},
        {},
    ),
    "odd_ids": (
        """
import pytest
@pytest.mark.parametrize('v', ['a b', 'é', 'x::y[z]', '/', ''])
def test_1(v): pass
""",
        {f"test_1[{v}]": "passed" for v in ("a b", "\\xe9", "x::y[z]", "/", "")},
        {},
    ),
    "subtests": (
        """
def test_1(subtests):
    for i in (0, 1):
        with subtests.test(i=i): assert i == 0
def test_2(subtests):
    with subtests.test(): pass
""",
        {"test_1": "subtest failed", "test_2": "passed"},
        {},
    ),
    "unittest": (
        """
import unittest
class TestIt(unittest.TestCase):
    def test_1(self): self.assertEqual(1, 1)
    def test_2(self): self.fail()
    @unittest.skip('no')
    def test_3(self): pass
""",
        {"TestIt::test_1": "passed", "TestIt::test_2": "failed", "TestIt::test_3": "skipped"},
        {},
    ),
}
"""Source, what is true of one run, and what a run that goes on after a crash finds beyond it."""


@TRUST
@pytest.mark.parametrize("case", CASES)
def test_each_case_is_counted_as_it_is(case: str, trust: str, tmp_path: Path) -> None:
    source, truth, strict = CASES[case]
    judged = score(tmp_path, {"tests/test_it.py": source}, trust=trust)
    assert said(judged) == (truth | strict if trust == "strict" else truth)
    assert not judged.tampering


@TRUST
def test_a_broken_file_fails_its_own_tests_only(trust: str, tmp_path: Path) -> None:
    project = {
        "tests/test_a.py": "import nothing\ndef test_a(): pass\n",
        "tests/test_b.py": "def test_b(): pass\n",
    }
    judged = score(tmp_path, project, trust=trust)
    assert judged.reward == 0.5
    failed = next(check for check in judged.checks if check.status == "failed")
    assert failed.raw == ("collection error" if trust == "plain" else "missing")
    assert "nothing" in failed.message


def test_no_tests_earn_nothing_in_plain_and_are_no_measurement_in_strict(tmp_path: Path) -> None:
    assert score(tmp_path / "plain", CONFIGURED, trust="plain").reward == 0
    with pytest.raises(ScoringFailed, match="no tests in the pristine project"):
        score(tmp_path / "strict", CONFIGURED)


@TRUST
def test_quiet_options_and_workers_change_no_count(trust: str, tmp_path: Path) -> None:
    project = {
        "pytest.ini": "[pytest]\naddopts = -qq -n 2 -x\n",
        "tests/test_it.py": "".join(f"def test_{n}(): assert {n}\n" for n in range(4)),
    }
    judged = score(tmp_path, project, trust=trust)
    if trust == "strict":
        assert (judged.passed, judged.total) == (3, 4)
    assert said(judged)["test_0"] == "failed"


@TRUST
def test_expected_ids_are_the_denominator(trust: str, tmp_path: Path) -> None:
    ids = [f"tests/test_sums.py::{name}" for name in ("test_add", "test_count", "test_mean")]
    judged = score(
        tmp_path, PROJECTS / "sums", trust=trust, fail_to_pass=ids[1:], pass_to_pass=json.dumps(ids[:1])
    )
    assert said(judged) == {"test_add": "passed", "test_count": "missing", "test_mean": "failed"}
    assert judged.reward == pytest.approx(1 / 3)
    assert judged.resolved is False


def test_work_on_source_counts_and_work_on_tests_does_not(tmp_path: Path) -> None:
    def work(workspace: Path) -> None:
        fixed = (
            (workspace / "sums.py")
            .read_text()
            .replace("(len(values) + 1)", "len(values)")
            .replace("[0]", "[-1]")
        )
        write(workspace, {"sums.py": fixed, "tests/test_sums.py": "def test_add(): pass\n"})

    judged = score(tmp_path, PROJECTS / "sums", {"work": work})
    assert (judged.reward, judged.resolved) == (1.0, True)
    assert judged.protected_changes == ("tests/test_sums.py",)


def test_a_task_may_open_its_tests_to_the_agent(tmp_path: Path) -> None:
    def work(workspace: Path) -> None:
        write(
            workspace,
            {"tests/test_it.py": "def test_1(): pass\n", "tests/test_own.py": "def test_2(): pass\n"},
        )

    project = {"tests/test_it.py": "def test_1(): assert 0\n"}
    editable = score(tmp_path / "a", project, {"work": work, "editable": ("tests/test_it.py",)})
    assert editable.reward == 1.0
    assert score(tmp_path / "b", project, {"work": work}).reward == 0.0


def test_hidden_tests_are_laid_over_the_tree_and_count(tmp_path: Path) -> None:
    hidden = write(
        tmp_path / "tests", {"test_hidden.py": "from sums import add\ndef test_h(): assert add(2, 2) == 4\n"}
    )
    judged = score(tmp_path, PROJECTS / "sums", {"tests": hidden})
    assert said(judged)["test_h"] == "passed"
    assert judged.total == 9


def test_hidden_tests_of_what_the_agent_is_to_write_count_one_by_one(tmp_path: Path) -> None:
    source = """
import pytest
from made import made
@pytest.mark.parametrize('n', [1, 2])
def test_a(n): assert made(n)
def test_b(): assert made(0)
"""
    hidden = write(tmp_path / "tests", {"test_made.py": source})
    project = {"README": "make made.py", **CONFIGURED}
    nothing = score(tmp_path / "nothing", project, {"tests": hidden})
    assert said(nothing) == {"test_a": "missing", "test_b": "missing"}
    work = {"work": lambda workspace: write(workspace, {"made.py": "def made(n): return n\n"})}
    half = score(tmp_path / "half", project, {"tests": hidden, **work})
    assert said(half) == {"test_a[1]": "passed", "test_a[2]": "passed", "test_b": "failed"}


def test_a_skip_counts_only_where_the_pristine_project_skips_too(tmp_path: Path) -> None:
    tests = """
import pytest, it
@pytest.mark.skip
def test_1(): pass
def test_2(): it.it()
def test_3(): pass
"""
    project = {"it.py": "def it(): assert 0\n", "tests/test_it.py": tests}
    work = {"work": lambda ws: write(ws, {"it.py": "import pytest\ndef it(): pytest.skip('no')\n"})}
    judged = score(tmp_path, project, work)
    assert said(judged) == {"test_1": "skipped", "test_2": "skipped", "test_3": "passed"}
    assert (judged.passed, judged.total) == (1, 2)


def test_a_failure_is_told_in_the_tests_own_frames(tmp_path: Path) -> None:
    tests = """
import unittest
class TestIt(unittest.TestCase):
    def test_1(self): self.assertEqual(1, 2)
def test_2():
    try: 1 / 0
    except ZeroDivisionError as error: raise ValueError('chained') from error
"""
    judged = score(
        tmp_path, {"tests/test_it.py": tests, "tests/test_broken.py": "import nothing\ndef test_3(): 0"}
    )
    first, second, third = (check.message for check in judged.checks)
    assert first.startswith(
        'Traceback (most recent call last):\n  File "tests/test_it.py", line 4, in test_1\n'
    )
    assert first.endswith("\nAssertionError: 1 != 2")
    assert "ZeroDivisionError: division by zero" in second
    assert second.endswith("\nValueError: chained")
    assert "No module named 'nothing'" in third
    assert not any(word in first + second for word in ("_pytest", "pluggy", "unittest/case.py"))


def test_what_a_mark_skips_costs_no_run_of_the_pristine_project(tmp_path: Path) -> None:
    tests = """
import pytest
@pytest.mark.skipif("sys.platform == 'linux'", reason='not here')
def test_1(): assert 0
@pytest.mark.skipif("no_such_name", reason='a mistake')
def test_2(): pass
def test_3(): pass
"""
    judged = score(tmp_path, {"tests/test_it.py": tests})
    assert said(judged) == {"test_1": "skipped", "test_2": "error", "test_3": "passed"}
    assert judged.total == 2
    assert len(list((tmp_path / "scratch").glob("logs-*"))) == 2  # the listing and the tests themselves


def test_a_module_named_like_one_of_the_standard_library_shadows_only_what_the_project_had(
    tmp_path: Path,
) -> None:
    tests = """
import calendar, colorsys, types_of
def test_1(): assert calendar.mine and not hasattr(colorsys, 'mine')
"""
    project = {"calendar.py": "mine = 1\n", "types_of.py": "", "tests/test_it.py": tests}
    work = {"work": lambda ws: write(ws, {"colorsys.py": "mine = 1\n"})}
    assert score(tmp_path, project, work).reward == 1.0


def test_a_class_that_equals_anything_is_no_tampering_where_the_project_had_it(tmp_path: Path) -> None:
    source = "class Any:\n    def __eq__(self, other): return True\n"
    project = {
        "like.py": source,
        "tests/test_it.py": "from like import Any\ndef test_1(): assert Any() == 3\n",
    }
    judged = score(tmp_path, project)
    assert (judged.reward, judged.tampering) == (1.0, ())


def test_canaries_show_in_no_report(tmp_path: Path) -> None:
    submission = submit(tmp_path, PROJECTS / "sums")
    Pytest({}).score(submission)
    events = [json.loads(line) for line in (submission.reports / "events.jsonl").read_text().splitlines()]
    told = {event["id"] for event in events if event["event"] == "result"}
    assert told == {
        check["name"]
        for check in json.loads((submission.reports / "ctrf.json").read_text())["results"]["tests"]
    }


def test_each_tests_own_output_is_kept(tmp_path: Path) -> None:
    submission = submit(
        tmp_path, {"tests/test_it.py": "def test_1():\n    print('x' * 200_000)\n    assert 0\n"}
    )
    Pytest({"trust": "plain"}).score(submission)
    kept = next((submission.reports / "output").iterdir()).read_text()
    assert kept.startswith("tests/test_it.py::test_1\n")
    assert 30_000 < len(kept) < 100_000


@TRUST
def test_an_interpreter_without_pytest_is_named_with_the_command_that_helps(
    trust: str, tmp_path: Path
) -> None:
    bare = str(Path(sys.base_prefix) / "bin" / "python3")
    env = {"PATH": ENV["PATH"]}
    (tmp_path / "empty").mkdir()
    wrapper = tmp_path / "python"
    wrapper.symlink_to(bare)
    (tmp_path / "pyvenv.cfg").write_text(
        f"home = {Path(bare).parent}\ninclude-system-site-packages = false\n"
    )
    with pytest.raises(ScorerUnavailable, match="-m pip install pytest"):
        score(tmp_path, {"test_it.py": "def test_1(): pass"}, {"env": env}, trust=trust, python=str(wrapper))


def test_an_unknown_interpreter_or_level_is_the_tasks_mistake(tmp_path: Path) -> None:
    with pytest.raises(ScorerUnavailable, match="is no program"):
        score(tmp_path / "a", CONFIGURED, python="nowhere/python")
    with pytest.raises(TaskInvalid, match="trust"):
        score(tmp_path / "b", CONFIGURED, trust="blind")


@pytest.mark.parametrize("name", ["pytest.ini", "conftest.py", "tests/test_a.py", "a_test.py"])
def test_a_workspace_with_pytests_marks_fits(name: str, tmp_path: Path) -> None:
    assert not Pytest.fits(tmp_path)
    assert Pytest.fits(write(tmp_path, {name: ""}))


def test_parameters_that_the_project_gives_all_its_tests_are_no_tampering(tmp_path: Path) -> None:
    conftest = "import pytest\n@pytest.fixture(autouse=True, params=['a', 'b'])\ndef both(): pass\n"
    project = {"tests/conftest.py": conftest, "tests/test_it.py": "def test_1(): assert 1 + 1 == 2\n"}
    judged = score(tmp_path, project)
    assert (judged.reward, judged.total, judged.tampering) == (1.0, 2, ())


def test_ids_that_hold_the_path_of_the_tree_are_the_same_in_every_tree(tmp_path: Path) -> None:
    tests = """
import pathlib, pytest
@pytest.mark.parametrize("path", [str(pathlib.Path(__file__).parent)])
def test_1(path): assert path == str(pathlib.Path(__file__).parent)
"""
    judged = score(tmp_path, {"tests/test_it.py": tests})
    assert (judged.reward, judged.tampering) == (1.0, ())


def test_a_task_whose_objects_are_to_equal_anything_may_do_without_mutants(tmp_path: Path) -> None:
    files = {
        "made.py": "class Anything: pass\n",
        "tests/test_made.py": "from made import Anything\ndef test_equal(): assert Anything() == 3\n",
    }

    def work(workspace: Path) -> None:
        (workspace / "made.py").write_text("class Anything:\n    def __eq__(self, other): return True\n")

    score = Pytest({"mutants": False}).score(submit(tmp_path, files, work))
    assert (score.reward, score.tampering) == (1.0, ())
