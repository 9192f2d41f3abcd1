"""What the pristine project's tests are, also where a file cannot be collected yet."""

from pathlib import Path

from runner.process import Exit
from scorers.base import Check
from scorers.pytest_expected import excused_of, explained, known_of, without_surprise_passes
from scorers.pytest_session import Session
from tests.judging import write

SOURCE = """
import pytest, made
@pytest.mark.parametrize("n", [1])
def test_a(n): pass
async def test_b(): pass
def helper(): pass
class TestC:
    @pytest.mark.skipif(True, reason="no")
    def test_d(self): pass
class Helper:
    def test_e(self): pass
class Suite(unittest.TestCase):
    def test_f(self): pass
"""
OPEN = ("test_x.py::test_a", "test_x.py::test_b", "test_x.py::TestC::test_d", "test_x.py::Suite::test_f")


def _session(tmp_path: Path, *ids: str, **fields: object) -> Session:
    errors = {"test_x.py": Check(id="test_x.py", status="failed", message="no made")}
    made = Session(Exit(2, "exited", 0), tmp_path, tmp_path, ids=list(ids), errors=errors)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_file_that_cannot_be_collected_is_read(tmp_path: Path) -> None:
    known = known_of(_session(tmp_path, "test_y.py::test_1"), write(tmp_path, {"test_x.py": SOURCE}))
    assert known.open_ids == OPEN
    assert known.files == ("test_y.py", "test_x.py")
    assert excused_of(["test_x.py::TestC::test_d", "test_x.py::test_b"], known) == {
        "test_x.py::TestC::test_d"
    }


def test_an_open_id_stands_for_its_parameters_or_for_itself(tmp_path: Path) -> None:
    known = known_of(_session(tmp_path), write(tmp_path, {"test_x.py": SOURCE}))
    ids = known.expected(["test_x.py::test_a[1]", "test_x.py::test_a[2]", "test_x.py::test_abc"]).ids
    assert ids == ("test_x.py::test_a[1]", "test_x.py::test_a[2]", *OPEN[1:])


def test_a_file_of_no_readable_test_is_expected_as_a_whole(tmp_path: Path) -> None:
    known = known_of(_session(tmp_path), write(tmp_path, {"test_x.py": "def ("}))
    assert known.expected([]).ids == ("test_x.py",)


def test_doctests_are_no_test_files(tmp_path: Path) -> None:
    session = _session(tmp_path, "src/a.py::a.f", errors={}, marks={"src/a.py::a.f": ["doctest"]})
    known = known_of(session, tmp_path)
    assert (known.ids, known.files) == (("src/a.py::a.f",), ())


def test_an_unexpected_pass_counts_where_the_project_marks_it(tmp_path: Path) -> None:
    known = known_of(_session(tmp_path, "a", "b", errors={}, marks={"a": ["xfail"]}), tmp_path)
    checks = {id_: Check(id=id_, status="passed", raw="xpassed") for id_ in ("a", "b")}
    judged = without_surprise_passes(checks, known)
    assert [judged[id_].status for id_ in ("a", "b")] == ["passed", "failed"]


def test_what_is_missing_says_why_its_file_does_not_load(tmp_path: Path) -> None:
    missing = Check(id="test_x.py::test_a", status="failed", raw="missing", message="never ran")
    (check,) = explained([missing], _session(tmp_path).errors)
    assert check.message == "no made"
