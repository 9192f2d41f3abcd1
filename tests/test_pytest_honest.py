"""Honest projects score exactly as the bare tool does, whatever plug-ins and layout they have."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scorers.pytest import Pytest
from tests.judging import ENV, submit, write

SOURCE = "import asyncio\n\n\nasync def double(n):\n    await asyncio.sleep(0)\n    return 2 * n\n"

CONFTEST = """
import pytest

@pytest.fixture(scope="session")
def numbers(tmp_path_factory):
    path = tmp_path_factory.mktemp("numbers") / "n.txt"
    path.write_text("1 2 3")
    return [int(n) for n in path.read_text().split()]

def pytest_addoption(parser):
    parser.addini("factor", "a project's own option")

@pytest.fixture
def factor(request):
    return int(request.config.getini("factor"))
"""

TESTS = {
    "tests/test_async.py": """
import pytest
from doubling import double

async def test_auto_mode():
    assert await double(2) == 4

@pytest.mark.parametrize("n", [0, 1])
async def test_each(n):
    assert await double(n) == 2 * n

async def test_fails():
    assert await double(2) == 5
""",
    "tests/test_property.py": """
import asyncio
from hypothesis import given, settings, strategies as st
from doubling import double

@settings(max_examples=20, database=None)
@given(st.integers())
def test_doubles(n):
    assert asyncio.run(double(n)) == n + n
""",
    "tests/test_odd.py": """
import sys
import pytest

@pytest.mark.parametrize("text", ["a::b", "[x]", "ä", "", " ", "a/b", "a-b", "new\\nline"])
def test_odd_ids(text, numbers): assert len(numbers) == 3

@pytest.mark.parametrize("n", [1, 2], ids=["same", "same"])
def test_same_ids(n, factor): assert factor == 7

@pytest.mark.skip(reason="not today")
def test_skipped(): pass

@pytest.mark.xfail
def test_xfails(): assert 0

class TestGroup:
    def test_in_a_class(self, tmp_path, monkeypatch, capsys):
        print("hello")
        assert capsys.readouterr().out == "hello\\n"
""",
}

PYPROJECT = """
[project]
name = "doubling"
version = "1"

[tool.pytest.ini_options]
pythonpath = ["src"]
testpaths = ["tests"]
asyncio_mode = "auto"
factor = 7
"""


def project(folder: Path) -> Path:
    write(folder, {"src/doubling/__init__.py": SOURCE, "tests/conftest.py": CONFTEST, **TESTS})
    write(folder, {"pyproject.toml": PYPROJECT})
    return folder


def bare(folder: Path, *arguments: str) -> dict[str, int]:
    """Return the tool's own counts."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    ran = subprocess.run(argv, cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    return {
        word: int(count) for count, word in re.findall(r"(\d+) (passed|failed|skipped|xfailed)", ran.stdout)
    }


@pytest.mark.parametrize("arguments", [[], ["-n", "2"]], ids=["one process", "two workers"])
@pytest.mark.parametrize("trust", ["plain", "strict"])
def test_an_honest_project_with_plug_ins_scores_as_the_bare_tool_does(
    tmp_path: Path, trust: str, arguments: list[str]
) -> None:
    origin = project(tmp_path / "origin")
    counts = bare(origin, *arguments)
    score = Pytest({"trust": trust, "args": arguments}).score(submit(tmp_path / "place", origin))
    by_status = {status: sum(check.status == status for check in score.checks) for status in counts}
    assert (counts["passed"], counts["failed"]) == (15, 1)
    assert by_status["passed"] == counts["passed"]
    assert by_status["failed"] == counts["failed"]
    assert sum(check.status == "skipped" for check in score.checks) == counts["skipped"] + counts["xfailed"]
    assert score.tampering == ()


FLAKY = """
from pathlib import Path

def test_passes_the_second_time(tmp_path_factory):
    mark = tmp_path_factory.getbasetemp().parent / "tried"
    tried = mark.exists()
    mark.touch()
    assert tried

def test_fails_every_time(): assert 0
def test_passes(): pass
"""


@pytest.mark.slow
def test_a_test_that_passes_when_it_is_repeated_has_passed(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = str(tmp_path / "venv" / "bin" / "python")
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "pytest", "pytest-rerunfailures"], check=True)
    for trust in ("plain", "strict"):
        made = submit(tmp_path / trust, {"test_flaky.py": FLAKY})
        score = Pytest({"trust": trust, "python": python, "args": ["--reruns", "2"]}).score(made)
        assert {check.id.partition("::")[2]: check.status for check in score.checks} == {
            "test_passes_the_second_time": "passed",
            "test_fails_every_time": "failed",
            "test_passes": "passed",
        }
        assert score.tampering == ()
