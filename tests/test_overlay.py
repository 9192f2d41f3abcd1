"""Hidden tests land where the task says, and nowhere else."""

from pathlib import Path
from typing import Any

import pytest

from runner.errors import TaskInvalid
from scorers.overlay import lay_tests
from tests.judging import write


def _lay(folder: Path, overlay: Any = None, tree: dict[str, str] | None = None) -> tuple[str, ...]:
    tests = write(folder / "hidden", {"test_a.py": "a", "unit/test_b.py": "b", "test.sh": "harbor's"})
    write(folder / "tree", tree or {"tests/test_a.py": "old", "src/card.rs": "code"})
    return lay_tests(tests, folder / "tree", {"overlay": overlay} if overlay is not None else {})


def test_by_default_they_land_on_tests_without_what_is_harbors(tmp_path: Path) -> None:
    assert _lay(tmp_path) == ("tests/test_a.py", "tests/unit/test_b.py")
    assert (tmp_path / "tree/tests/test_a.py").read_text() == "a"
    assert not (tmp_path / "tree/tests/test.sh").exists()


def test_an_overlay_maps_files_and_folders(tmp_path: Path) -> None:
    assert _lay(tmp_path, {"unit": "src/t", "test_a.py": "b.py"}) == ("src/t/test_b.py", "b.py")


def test_an_overlay_appends_to_a_source_file(tmp_path: Path) -> None:
    _lay(tmp_path, {"test_a.py": {"append": "src/card.rs"}})
    assert (tmp_path / "tree/src/card.rs").read_text() == "code\na"


@pytest.mark.parametrize("target", ["../out.py", "/out.py", "link/out.py"])
def test_no_target_leads_out_of_the_tree(target: str, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/link").symlink_to(tmp_path)
    with pytest.raises(TaskInvalid, match="leads out"):
        _lay(tmp_path, {"test_a.py": target})


def test_a_link_in_the_way_of_a_hidden_test_is_replaced(tmp_path: Path) -> None:
    write(tmp_path / "tree", {"other.py": "kept", "tests/x": ""})
    (tmp_path / "tree/tests/test_a.py").symlink_to("../other.py")
    _lay(tmp_path, tree={"tests/y": ""})
    assert (tmp_path / "tree/other.py").read_text() == "kept"
    assert (tmp_path / "tree/tests/test_a.py").read_text() == "a"


@pytest.mark.parametrize(
    "overlay", [["a"], {"missing.py": "a.py"}, {"test_a.py": 3}, {"test_a.py": {"to": "a"}}]
)
def test_a_wrong_overlay_is_the_tasks_mistake(overlay: Any, tmp_path: Path) -> None:
    with pytest.raises(TaskInvalid, match="overlay"):
        _lay(tmp_path, overlay)


def test_an_overlay_without_tests_is_the_tasks_mistake(tmp_path: Path) -> None:
    assert lay_tests(None, tmp_path, {}) == ()
    with pytest.raises(TaskInvalid, match="without a tests/ folder"):
        lay_tests(None, tmp_path, {"overlay": {"a": "b"}})
