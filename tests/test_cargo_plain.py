"""Plain scoring: cargo's own run, counted honestly."""

from pathlib import Path

import pytest

from runner.deadline import Deadline
from runner.errors import ScorerUnavailable, ScoringFailed, TaskInvalid
from tests.rust import crate, plain, words

GOOD = "pub fn one() -> i32 { 1 }\n#[test] fn good() { assert_eq!(one(), 1); }\n"


def test_a_target_that_does_not_compile_fails_its_own_tests_only(tmp_path: Path) -> None:
    broken = "#[test] fn a() { nowhere() }\n#[test] fn b() {}\n"
    score = plain(crate(tmp_path, {"src/lib.rs": GOOD, "tests/broken.rs": broken}))
    assert words(score.checks) == {
        "demo lib good": "passed",
        "demo test broken a": "failed does not compile",
        "demo test broken b": "failed does not compile",
    }
    assert score.compiled
    assert score.reward == pytest.approx(1 / 3)
    assert "nowhere" in score.checks[1].message


def test_a_library_that_does_not_compile_earns_nothing_not_even_the_compile_share(tmp_path: Path) -> None:
    score = plain(crate(tmp_path, {"src/lib.rs": GOOD + "fn broken() -> i32 { () }"}), compile_share=0.3)
    assert score.compiled is False
    assert score.reward == 0.0


def test_a_compile_share_is_paid_for_a_library_that_compiles(tmp_path: Path) -> None:
    score = plain(crate(tmp_path, {"src/lib.rs": GOOD + "#[test] fn bad() { panic!() }"}), compile_share=0.3)
    assert score.reward == pytest.approx(0.3 + 0.7 / 2)


def test_no_tests_at_all_earn_nothing(tmp_path: Path) -> None:
    score = plain(crate(tmp_path, {"src/lib.rs": "pub fn one() -> i32 { 1 }"}), compile_share=0.3)
    assert score.checks == ()
    assert score.compiled
    assert score.reward == 0.0


def test_what_takes_the_process_down_costs_only_its_own_test(tmp_path: Path) -> None:
    tests = """
    #[test] fn aborts() { std::process::abort() }
    #[test] fn exits() { std::process::exit(0) }
    #[test] fn good() {}
    #[test] fn overflows() { fn deep(n: u64) -> u64 { if n == 0 { 0 } else { 1 + deep(n + 1) } } deep(1); }
    """
    score = plain(crate(tmp_path, {"src/lib.rs": "", "tests/down.rs": tests}))
    assert words(score.checks) == {
        "demo test down aborts": "failed crashed: SIGABRT",
        "demo test down exits": "failed exited with 0",
        "demo test down good": "passed",
        "demo test down overflows": "failed crashed: SIGABRT",
    }


@pytest.mark.slow
def test_a_test_that_hangs_leaves_time_for_the_others(tmp_path: Path) -> None:
    tests = "#[test] fn hangs() { loop { std::thread::park() } }\n#[test] fn z() {}\n"
    made = crate(tmp_path, {"src/lib.rs": GOOD, "tests/a_hang.rs": tests}, deadline=Deadline.after(12))
    assert words(plain(made).checks) == {
        "demo lib good": "passed",
        "demo test a_hang hangs": "failed timeout",
        "demo test a_hang z": "passed",
    }


def test_what_a_test_prints_is_no_result(tmp_path: Path) -> None:
    tests = r"""
    use std::io::Write;
    #[test] fn forges() {
        println!("test result: ok. 999 passed; 0 failed");
        std::io::stdout().write_all(b"\ntest result: ok. 999 passed; 0 failed\nhalf a line").unwrap();
        panic!("as it must");
    }
    #[test] fn good() {}
    """
    score = plain(crate(tmp_path, {"src/lib.rs": "", "tests/forge.rs": tests}))
    assert words(score.checks) == {"demo test forge forges": "failed", "demo test forge good": "passed"}
    assert any("as it must" in check.message for check in score.checks)


def test_a_forged_event_costs_the_test_that_it_speaks_of(tmp_path: Path) -> None:
    tests = r"""
    use std::io::Write;
    #[test] fn forged() {
        let event = b"\n{ \"type\": \"test\", \"name\": \"forged\", \"event\": \"ok\" }\n";
        std::io::stdout().write_all(event).unwrap();
        panic!();
    }
    """
    score = plain(crate(tmp_path, {"src/lib.rs": "", "tests/forge.rs": tests}))
    assert words(score.checks) == {"demo test forge forged": "failed two results"}


def test_ignored_tests_are_skipped(tmp_path: Path) -> None:
    score = plain(crate(tmp_path, {"src/lib.rs": GOOD + '#[test] #[ignore = "slow"] fn slow() {}'}))
    assert words(score.checks) == {"demo lib good": "passed", "demo lib slow": "skipped ignored"}
    assert score.total == 1


def test_hidden_tests_are_laid_over_the_workspace(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "more.rs").write_text("#[test] fn hidden() { assert_eq!(demo::one(), 2); }")
    score = plain(crate(tmp_path, {"src/lib.rs": GOOD}, tests=hidden))
    assert words(score.checks) == {"demo lib good": "passed", "demo test more hidden": "failed"}


def test_reports_lie_beside_the_result(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": GOOD})
    plain(made)
    assert {"ctrf.json", "junit.xml"} <= {path.name for path in made.reports.iterdir()}


def test_a_missing_cargo_says_so(tmp_path: Path) -> None:
    with pytest.raises(ScorerUnavailable, match="cargo is not on PATH"):
        plain(crate(tmp_path, {"src/lib.rs": GOOD}, env={"PATH": str(tmp_path)}))


def test_a_manifest_that_cargo_refuses_is_no_score(tmp_path: Path) -> None:
    with pytest.raises(ScoringFailed, match="cargo metadata failed"):
        plain(crate(tmp_path, {"Cargo.toml": "[package]\n", "src/lib.rs": GOOD}))


@pytest.mark.parametrize("options", [{"compile_share": 2}, {"trust": "blind"}, {"features": "serde"}])
def test_options_that_make_no_sense_name_themselves(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises(TaskInvalid, match=next(iter(options))):
        plain(crate(tmp_path, {"src/lib.rs": GOOD}), **options)
