"""Strict scoring: honest work earns what it would earn with the bare tool."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from runner.deadline import Deadline
from runner.errors import ScoringFailed
from scorers.base import Score
from tests.judging import PROJECTS, write
from tests.rust import crate, plain, rust_submission, strict, words

BROKEN = "pub fn add(a: i32, b: i32) -> i32 { a - b }\n"
MENDED = "pub fn add(a: i32, b: i32) -> i32 { a + b }\n"
TESTS = "#[cfg(test)] mod tests { use super::*; #[test] fn adds() { assert_eq!(add(1, 2), 3); } }\n"
ZERO = "#[test] fn zero() { assert_eq!(demo::add(0, 0), 0); }\n"


def test_honest_work_earns_everything(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": BROKEN + TESTS, "tests/zero.rs": ZERO})
    write(made.workspace, {"src/lib.rs": MENDED + TESTS})
    score = strict(made)
    assert words(score.checks) == {"demo lib tests::adds": "passed", "demo test zero zero": "passed"}
    assert (score.reward, score.resolved, score.compiled, score.tampering) == (1.0, True, True, ())


def test_tests_that_the_agent_adds_do_not_count(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": BROKEN + TESTS})
    mine = TESTS.replace("assert_eq!(add(1, 2), 3);", "").replace("#[test]", "#[test] fn more() {} #[test]")
    write(made.workspace, {"src/lib.rs": BROKEN + mine, "tests/mine.rs": "#[test] fn mine() {}"})
    score = strict(made)
    assert words(score.checks) == {"demo lib tests::adds": "failed"}
    assert score.protected_changes == ("tests/mine.rs",)


def test_a_task_may_open_the_manifest_to_the_agent(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": BROKEN + TESTS}, editable=("Cargo.toml",))
    manifest = (made.workspace / "Cargo.toml").read_text("utf-8") + "[features]\ndefault = []\n"
    write(made.workspace, {"Cargo.toml": manifest, "src/lib.rs": MENDED + TESTS})
    score = strict(made)
    assert score.reward == 1.0
    assert score.protected_changes == ()


def test_hidden_tests_are_appended_to_the_agents_own_source(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "card_tests.rs").write_text(TESTS.replace("tests", "card_tests"))
    made = crate(tmp_path, {"src/lib.rs": BROKEN}, tests=hidden)
    write(made.workspace, {"src/lib.rs": MENDED})
    score = strict(made, overlay={"card_tests.rs": {"append": "src/lib.rs"}}, compile_share=0.3)
    assert words(score.checks) == {"demo lib card_tests::adds": "passed"}
    assert score.reward == 1.0


def test_tests_of_an_interface_that_is_yet_to_be_written_are_expected(tmp_path: Path) -> None:
    tests = "#[test] fn a() { assert_eq!(demo::new(), 1); }\n#[test] fn b() { assert_eq!(demo::new(), 2); }\n"
    made = crate(tmp_path, {"src/lib.rs": MENDED, "tests/new.rs": tests})
    assert words(strict(made).checks) == {
        "demo test new a": "failed does not compile",
        "demo test new b": "failed does not compile",
    }


def test_the_work_of_an_interface_that_was_missing_counts(tmp_path: Path) -> None:
    tests = "#[test] fn a() { assert_eq!(demo::new(), 1); }\n#[test] fn b() { assert_eq!(demo::new(), 2); }\n"
    made = crate(tmp_path, {"src/lib.rs": MENDED, "tests/new.rs": tests})
    write(made.workspace, {"src/lib.rs": MENDED + "pub fn new() -> i32 { 1 }"})
    assert words(strict(made).checks) == {"demo test new a": "passed", "demo test new b": "failed"}


def test_named_tests_are_the_denominator(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": BROKEN + TESTS, "tests/zero.rs": ZERO})
    score = strict(made, fail_to_pass=["tests::adds"], pass_to_pass=["demo test zero zero"])
    assert words(score.checks) == {"demo lib tests::adds": "failed", "demo test zero zero": "passed"}
    assert score.resolved is False
    assert {name: score.details[name] for name in ("fail_to_pass", "pass_to_pass")} == {
        "fail_to_pass": {"passed": 0, "total": 1},
        "pass_to_pass": {"passed": 1, "total": 1},
    }


def test_named_tests_made_by_macros_are_run(tmp_path: Path) -> None:
    tests = "macro_rules! t { ($n:ident) => { #[test] fn $n() {} } }\nt!(made);\n"
    made = crate(tmp_path, {"src/lib.rs": MENDED, "tests/it.rs": tests})
    assert words(strict(made, expected=["demo test it made"]).checks) == {"demo test it made": "passed"}


def test_a_project_without_tests_is_no_score(tmp_path: Path) -> None:
    with pytest.raises(ScoringFailed, match="no tests in the pristine project"):
        strict(crate(tmp_path, {"src/lib.rs": BROKEN}))


@pytest.mark.slow
def test_code_that_hangs_fails_its_tests_within_the_deadline(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": BROKEN + TESTS, "tests/zero.rs": ZERO}, deadline=Deadline.after(15))
    write(made.workspace, {"src/lib.rs": "pub fn add(_: i32, _: i32) -> i32 { loop {} }\n" + TESTS})
    score = strict(made)
    assert score.reward == 0.0
    assert words(score.checks)["demo lib tests::adds"] == "failed timeout"
    assert not made.deadline.passed


def test_no_secret_of_a_proof_reaches_result_or_reports(tmp_path: Path) -> None:
    example = "/// ```\n/// assert_eq!(demo::add(1, 2), 3);\n/// ```\n"
    made = crate(tmp_path, {"src/lib.rs": example + BROKEN + TESTS, "tests/zero.rs": ZERO})
    score = strict(made)
    told = repr(score) + "".join(
        path.read_text("utf-8") for path in made.reports.rglob("*") if path.is_file()
    )
    assert not re.search(r"\bt[0-9a-f]{16}\b", told)
    assert "Error: " not in told


def test_documentation_counts_as_it_was(tmp_path: Path) -> None:
    example = "/// ```\n/// assert_eq!(demo::add(1, 2), 3);\n/// ```\n"
    made = crate(tmp_path, {"src/lib.rs": example + BROKEN})
    write(made.workspace, {"src/lib.rs": "/// Nothing to see.\n" + BROKEN})
    assert words(strict(made).checks) == {"demo doc src/lib.rs - add (line 1)": "failed"}


def test_code_that_ends_the_process_is_caught_in_documentation_too(tmp_path: Path) -> None:
    example = "/// ```\n/// assert_eq!(demo::add(1, 2), 3);\n/// ```\n"
    made = crate(tmp_path, {"src/lib.rs": example + BROKEN})
    write(made.workspace, {"src/lib.rs": "pub fn add(_: i32, _: i32) -> i32 { std::process::exit(0) }"})
    score = strict(made)
    assert score.reward == 0.0
    assert score.tampering == ("an example that must fail passed in demo",)


@pytest.mark.slow
def test_a_workspace_of_everything_scores_as_the_bare_tool_does(tmp_path: Path) -> None:
    made = rust_submission(tmp_path, PROJECTS / "rust_workspace")
    env = {**made.env, "CARGO_TARGET_DIR": str(tmp_path / "target")}
    bare = subprocess.run(
        ["cargo", "test", "--workspace", "--no-fail-fast", "--offline"],
        cwd=made.workspace, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = re.findall(
        r"^test result: .*? (\d+) passed; (\d+) failed; (\d+) ignored", bare.stdout, re.MULTILINE
    )
    counts = tuple(sum(map(int, column)) for column in zip(*lines, strict=True))
    assert counts == (26, 3, 2)
    judged = strict(made)
    assert _counts(judged) == counts
    seen = words(plain(rust_submission(tmp_path / "again", PROJECTS / "rust_workspace", env=env)).checks)
    assert seen.pop("app test own") == "passed no harness"
    assert seen == {id_: word for id_, word in words(judged.checks).items() if id_ != "app test own"}


def _counts(score: Score) -> tuple[int, ...]:
    counted = [check for check in score.checks if check.raw != "no harness"]
    return tuple(sum(c.status == status for c in counted) for status in ("passed", "failed", "skipped"))


def test_an_expected_output_that_the_code_writes_itself_is_told(tmp_path: Path) -> None:
    test = """#[test] fn golden() {
        assert_eq!(demo::render(), std::fs::read_to_string("tests/golden.txt").unwrap());
    }"""
    code = 'pub fn render() -> String { std::fs::write("tests/golden.txt", "mine").unwrap(); "mine".into() }'
    made = crate(tmp_path, {"src/lib.rs": "", "tests/it.rs": test, "tests/golden.txt": "right"})
    write(made.workspace, {"src/lib.rs": code})
    assert strict(made).details["changed_by_the_tests"] == ["tests/golden.txt"]


def test_a_test_made_by_a_macro_passes_only_in_a_process_that_ends_as_it_should(tmp_path: Path) -> None:
    tests = """#[cfg(test)] mod tests {
        macro_rules! t { ($n:ident) => { #[test] fn $n() { assert_eq!(super::add(1, 2), 3); } } }
        t!(one); t!(two);
        #[test] fn aborts() { if super::add(1, 2) != 2 { std::process::abort() } }
    }"""
    forging = r"""pub fn add(_: i32, _: i32) -> i32 {
        let name = std::thread::current().name().unwrap_or("").to_string();
        let event = format!("\n{{ \"type\": \"test\", \"name\": \"{name}\", \"event\": \"ok\" }}\n");
        let _ = std::io::Write::write_all(&mut std::io::stdout(), event.as_bytes());
        std::process::exit(0)
    }
    """
    made = crate(tmp_path, {"src/lib.rs": MENDED + tests})
    seen = words(strict(made).checks)
    assert seen["demo lib tests::one"] == seen["demo lib tests::two"] == "passed"
    write(made.workspace, {"src/lib.rs": forging + tests})
    shutil.rmtree(made.scratch)
    made.scratch.mkdir()
    assert strict(made).reward == 0.0
