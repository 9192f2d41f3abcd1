"""Files that tests include."""

from pathlib import Path

from scorers.rust_included import included
from scorers.rust_tests import Source
from tests.judging import write

CODE = """
const SHARED: &str = include_str!("../data/shared.txt");
#[cfg(test)] mod tests {
    #[test] fn a() { assert_eq!(SHARED, include_str!("../data/expected.txt")); }
    const B: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/data/b.bin"));
}
"""


def test_what_tests_include_is_told_from_what_the_code_includes(tmp_path: Path) -> None:
    file = write(tmp_path, {"src/lib.rs": CODE}) / "src" / "lib.rs"
    mine, others = included(Source(file, file.parent, (), for_tests=False), tmp_path)
    assert {path.name for path in mine} == {"expected.txt", "b.bin"}
    assert others == {tmp_path / "data" / "shared.txt"}


def test_all_that_a_file_of_tests_includes_is_theirs(tmp_path: Path) -> None:
    file = write(tmp_path, {"tests/it.rs": 'include!("cases.in");'}) / "tests" / "it.rs"
    mine, others = included(Source(file, file.parent, (), for_tests=True), tmp_path)
    assert (mine, others) == ({tmp_path / "tests" / "cases.in"}, set())
