"""Strict scoring: odd but honest projects and honest work on them earn what the bare tool would give."""

from pathlib import Path

import pytest

from tests.judging import PROJECTS, write
from tests.rust import crate, rust_submission, strict, words

ADD = "pub fn add(a: i32, b: i32) -> i32 { a + b }\n"
TESTS = "#[cfg(test)] mod tests { use super::*; #[test] fn adds() { assert_eq!(add(1, 2), 3); } }\n"

STRICT_LINTS = f"""
#![deny(warnings, unused, unused_qualifications)]
#![forbid(unsafe_code)]
{ADD}
#[cfg(test)] mod tests {{
    #[test] #[should_panic] fn panics() {{ assert_eq!(super::add(1, 1), 3); }}
    #[test] fn unreachable_or_two() {{ if super::add(1, 1) != 2 {{ unreachable!("{{}}", 1) }} }}
    #[test] #[cfg(windows)] fn never() {{}}
}}
"""
OWN_NAMES = f"""
#[cfg(test)] macro_rules! assert_ne {{ ($a:expr, $b:expr) => {{ std::assert!($a != $b, "not {{}}", $a) }} }}
{ADD}
pub mod panic {{ pub fn calm() -> i32 {{ 1 }} }}
#[cfg(test)] mod tests {{
    use super::*;
    #[test] fn calm() {{ assert_ne!(panic::calm(), 2); }}
    #[test] fn caught() {{ assert!(std::panic::catch_unwind(|| panic!("x")).is_err()); }}
    mod deep {{ mod deeper {{ #[test] fn down() {{ assert_eq!(super::super::add(1, 1), 2); }} }} }}
}}
"""


@pytest.mark.parametrize(("source", "passed"), [(STRICT_LINTS, 2), (OWN_NAMES, 3)])
def test_a_project_may_deny_every_warning_and_name_macros_of_its_own(
    tmp_path: Path, source: str, passed: int
) -> None:
    score = strict(crate(tmp_path, {"src/lib.rs": source}))
    assert [check.status for check in score.checks] == ["passed"] * passed


def test_work_beside_a_new_member_counts_and_the_member_does_not(tmp_path: Path) -> None:
    made = rust_submission(tmp_path, PROJECTS / "rust_house")
    source = (made.workspace / "crates/app/src/lib.rs").read_text("utf-8")
    mended = source.replace("    number\n", "    number * extra::two()\n").replace("three() + 1", "three()")
    manifest = '[package]\nname = "new"\nversion = "0.1.0"\nedition = "2021"\n'
    write(
        made.workspace,
        {
            "crates/app/src/lib.rs": f"mod extra;\n{mended}",
            "crates/app/src/extra.rs": "pub fn two() -> i32 { 2 }\n",
            "crates/new/Cargo.toml": manifest,
            "crates/new/src/lib.rs": "#[test] fn fails() { panic!() }\n",
        },
    )
    score = strict(made)
    assert (score.reward, score.tampering) == (1.0, ())
    assert set(words(score.checks)) == {
        "app lib tests::doubles",
        "app lib tests::the_banner_is_as_expected",
        "app test it six",
        "app test it nothing",
        "app doc crates/app/src/lib.rs - double (line 5)",
    }
    assert score.protected_changes == ("crates/new/Cargo.toml",)
    assert score.details["left_out"] == ["crates/new"]


def test_what_runs_in_the_compiler_is_the_agents_where_the_task_says_so(tmp_path: Path) -> None:
    made = rust_submission(tmp_path, PROJECTS / "rust_house", editable=("crates/macros",))
    source = (made.workspace / "crates/macros/src/lib.rs").read_text("utf-8")
    write(made.workspace, {"crates/macros/src/lib.rs": source.replace("{ 3 }", "{ 2 }")})
    score = strict(made)
    assert words(score.checks)["app lib tests::the_banner_is_as_expected"] == "passed"
    assert score.tampering == ()


def test_an_open_manifest_may_change_the_edition_while_the_lock_file_is_stale(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": ADD + TESTS}, editable=("Cargo.toml",))
    manifest = (made.workspace / "Cargo.toml").read_text("utf-8")
    changed = manifest.replace("2021", "2018").replace('"0.1.0"', '"0.2.0"')
    write(made.workspace, {"Cargo.toml": changed})
    assert strict(made).reward == 1.0


def test_a_manifest_that_the_agent_broke_is_measured(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": ADD + TESTS}, editable=("Cargo.toml",))
    write(made.workspace, {"Cargo.toml": "[package"})
    score = strict(made)
    assert words(score.checks) == {"demo lib tests::adds": "failed missing"}
    assert "unclosed table" in score.details["build"]


def test_a_module_that_moves_into_its_folder_keeps_its_tests(tmp_path: Path) -> None:
    made = crate(tmp_path, {"src/lib.rs": "pub mod sums;\n", "src/sums.rs": ADD + TESTS})
    (made.workspace / "src" / "sums").mkdir()
    (made.workspace / "src" / "sums.rs").rename(made.workspace / "src" / "sums" / "mod.rs")
    assert words(strict(made).checks) == {"demo lib sums::tests::adds": "passed"}
