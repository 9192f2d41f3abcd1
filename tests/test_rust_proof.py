"""Wrappers with secrets: what they look like, and that a compiler takes them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from scorers.rust_items import items, walk
from scorers.rust_proof import with_proofs

SOURCE = """
#[test] fn top() { assert_eq!(1 + 1, 2); }
mod tests {
    #[test]
    fn plain() {
        assert!(true);
    }
    #[test] fn result() -> Result<(), String> { Ok(()) }
    #[test] fn error() -> Result<(), String> { Err("no".into()) }
    #[test] #[should_panic(expected = "boom")] fn panics() { panic!("boom!") }
    #[test] #[should_panic(expected = "boom")] fn panics_otherwise() { panic!("bang!") }
    #[test] #[should_panic] fn never_panics() {}
    #[test] #[ignore] fn ignored() {}
    #[test] #[cfg(windows)] fn windows() {}
}
"""


def test_tests_of_an_unknown_kind_are_left_alone() -> None:
    source = "#[rstest] fn a() {}\n#[test_case(1)] fn b(_: u8) {}\n#[test] #[odd] fn c() {}\n"
    proven, proofs = with_proofs(source, root=False)
    assert (proven, proofs.tests) == (source, {})


def test_no_line_of_code_moves() -> None:
    proven, _ = with_proofs(SOURCE, root=True)
    lines = {item.name: proven.count("\n", 0, item.start) for item in walk(items(proven))}
    assert {name: line for name, line in lines.items() if name in {"top", "plain", "windows"}} == {
        item.name: SOURCE.count("\n", 0, item.start)
        for item in walk(items(SOURCE))
        if item.name in {"top", "plain", "windows"}
    }


@pytest.mark.parametrize("edition", ["2015", "2021"])
def test_only_a_test_that_ran_to_its_end_tells_its_secret(tmp_path: Path, edition: str) -> None:
    proven, proofs = with_proofs(SOURCE, root=True, edition=edition)
    (tmp_path / "lib.rs").write_text(proven)
    argv = ["rustc", "--test", "--edition", edition, "lib.rs", "-o", "tests"]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    ran = subprocess.run(
        ["./tests"], cwd=tmp_path, capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    told = set(re.findall(r"^Error: (\d+)$", ran.stdout, re.MULTILINE))
    names = {name for name, secret in proofs.tests.values() if str(secret) in told}
    assert names == {"top", "tests::plain", "tests::result", "tests::panics"}
    passed = set(re.findall(r"^test (\S+) \.\.\. ok", ran.stdout, re.MULTILINE))
    assert passed == set()
    assert len(proofs.canaries) == 6
    assert {test for test, _ in proofs.mutants.values()} == {"top", "tests::plain"}
