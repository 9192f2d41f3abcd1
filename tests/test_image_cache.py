"""What is kept of a project is what was known of it, of no other project, and never an agent's word."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner import proc
from runner.process import Account
from scorers.base import Score, Scorer
from scorers.cargo import Cargo
from scorers.image_cache import Entry, entry_of, installed
from scorers.junit import Junit
from scorers.pytest import Pytest
from tests.judging import write
from tests.rust import crate, strict
from tests.submissions import submission

NODE = ["node", "--test", "--test-reporter=junit", "--test-reporter-destination={report}"]
OTHER_USER = Account("agent", 60_000, 60_000, Path("/nonexistent"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "rollout-runner"


def entry(place: Path, files: dict[str, str], *about: str) -> Entry:
    tree = write(place / "tree", files)
    made = replace(submission(place / "submission"), account=OTHER_USER)
    return entry_of(made, tree, "pytest", about, anew=True)


def test_what_was_kept_is_recalled_in_another_tree_and_nobody_else_can_read_it(
    tmp_path: Path, cache: Path
) -> None:
    files = {"tests/test_a.py": "1", "data.bin": "x"}
    first = entry(tmp_path / "a", files)
    assert first.keep({"ids": [f"a[{first.tree}/x]", "b"]})
    second = entry(tmp_path / "b", {**files, "__pycache__/a.pyc": "x"})
    assert second.recall() == {"ids": [f"a[{second.tree}/x]", "b"]}
    assert (cache / "pytest").stat().st_mode & 0o077 == 0


def test_another_project_interpreter_or_argument_has_an_entry_of_its_own(tmp_path: Path) -> None:
    files = {"tests/test_a.py": "1"}
    others = (
        entry(tmp_path / "a", files, "python", "-x"),
        entry(tmp_path / "b", {"tests/test_a.py": "2"}, "python"),
        entry(tmp_path / "c", {**files, "b.py": ""}, "python"),
        entry(tmp_path / "d", files, "python"),
    )
    assert len({other.path for other in others}) == len(others)


def test_other_variables_of_the_tests_may_mean_other_tests(tmp_path: Path, cache: Path) -> None:
    for name in ("a", "b"):
        Pytest({"env": {"DATABASE": name}}).collect(submission(tmp_path / name, "sums"))
    Pytest({"env": {"DATABASE": "a"}}).collect(submission(tmp_path / "c", "sums"))
    assert len(list(cache.rglob("*.json"))) == 2


def test_a_user_without_a_home_and_a_relative_cache_folder_cost_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")  # as for a user id without a name

    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setattr(Path, "home", no_home)
    assert entry(tmp_path, {"a.py": ""}).path.parent == Path("/.cache/rollout-runner/pytest")


def test_a_broken_entry_is_none(tmp_path: Path) -> None:
    broken = entry(tmp_path, {"a.py": ""})
    for text in ("{", "[]", ""):
        broken.path.parent.mkdir(parents=True, exist_ok=True)
        broken.path.write_text(text)
        assert broken.recall() is None


def test_a_folder_that_cannot_be_written_is_no_failure(tmp_path: Path, cache: Path) -> None:
    write(cache.parent, {"rollout-runner": "in the way"})
    assert not entry(tmp_path, {"a.py": ""}).keep({"ids": []})


def test_where_the_agent_is_the_same_user_only_what_is_older_than_the_container_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = replace(entry(tmp_path, {"a.py": ""}), apart=False)
    assert alone.keep({"ids": ["a"]})
    assert alone.recall() is None
    changed = alone.path.stat().st_ctime
    monkeypatch.setattr(proc, "began", lambda: changed + 60)
    assert alone.recall() == {"ids": ["a"]}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder another user's")
def test_a_cache_folder_that_the_agent_could_have_filled_is_believed_no_more_than_its_own_user(
    tmp_path: Path, cache: Path
) -> None:
    assert entry(tmp_path / "a", {"a.py": ""}).apart
    cache.parent.mkdir(exist_ok=True)
    os.chown(cache.parent, OTHER_USER.uid, OTHER_USER.gid)
    planted = entry(tmp_path / "b", {"a.py": ""})
    assert planted.keep({"ids": ["a"]})
    assert planted.recall() is None


def test_an_entry_behind_a_link_is_not_read(tmp_path: Path) -> None:
    made = entry(tmp_path, {"a.py": ""})
    assert made.keep({"ids": ["a"]})
    made.path.rename(tmp_path / "moved.json")
    made.path.symlink_to(tmp_path / "moved.json")
    assert made.recall() is None


def test_an_installation_changes_what_is_installed(tmp_path: Path) -> None:
    packages = write(tmp_path, {"lib/python3.12/site-packages/a.py": ""}) / "lib/python3.12/site-packages"
    debian = (
        write(tmp_path, {"local/lib/python3.12/dist-packages/a.py": ""})
        / "local/lib/python3.12/dist-packages"
    )
    found = [f"{folder} {int(folder.stat().st_mtime)}" for folder in (packages, debian)]
    assert installed(tmp_path) == found


@pytest.mark.parametrize(
    ("scorer", "project", "name"),
    [(Pytest(), "sums", "test_add"), (Junit({"command": NODE}), "node_sum", "adds two")],
    ids=["pytest", "junit"],
)
def test_a_list_that_the_image_holds_is_used_and_scores_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scorer: Scorer, project: str, name: str
) -> None:
    fresh = scorer.score(submission(tmp_path / "fresh", project))
    ids = scorer.collect(submission(tmp_path / "image", project))
    assert ids == tuple(check.id for check in fresh.checks)
    monkeypatch.setattr(proc, "began", lambda: time.time() + 60)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    recalled = scorer.score(submission(tmp_path / "recalled", project))
    assert verdicts(recalled) == verdicts(fresh)
    assert (fresh.details["expected"], recalled.details["expected"]) == ("collected", "kept")
    kept.write_text(kept.read_text().replace(name, "renamed"))
    assert verdicts(scorer.score(submission(tmp_path / "proof", project))) != verdicts(fresh)


MADE = """
#[cfg(test)] macro_rules! made { ($name:ident) => { #[test] fn $name() { assert_eq!(super::two(), 2); } } }
pub fn two() -> i32 { 2 }
#[cfg(test)] mod tests { made!(adds); #[test] fn subtracts() { assert_eq!(super::two(), 2); } }
"""


def test_a_cargo_project_whose_tests_only_a_build_shows_is_listed_from_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"src/lib.rs": MADE}
    fresh = strict(crate(tmp_path / "fresh", files))
    assert verdicts(fresh) == [("demo lib tests::adds", "passed"), ("demo lib tests::subtracts", "passed")]
    ids = Cargo().collect(crate(tmp_path / "image", files))
    assert ids == tuple(check.id for check in fresh.checks)
    monkeypatch.setattr(proc, "began", lambda: time.time() + 60)
    (kept,) = (tmp_path / "cache").rglob("*.json")
    made = crate(tmp_path / "recalled", files)
    recalled = strict(made)
    assert verdicts(recalled) == verdicts(fresh)
    assert (fresh.details["expected"], recalled.details["expected"]) == ("collected", "kept")
    assert not (made.scratch / "pristine" / "build.out").exists()
    kept.write_text(kept.read_text().replace("tests::adds", "tests::renamed"))
    assert verdicts(strict(crate(tmp_path / "proof", files))) != verdicts(fresh)


def verdicts(score: Score) -> list[tuple[str, str]]:
    return [(check.id, check.status) for check in score.checks]
