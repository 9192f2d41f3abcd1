"""What the compiler says it read."""

from pathlib import Path

from scorers.cargo_inputs import foreign_inputs
from tests.judging import write


def test_a_source_from_outside_is_found(tmp_path: Path) -> None:
    tree, target = tmp_path / "tree", tmp_path / "target"
    write(tree, {"src/lib.rs": "", "src/a b.rs": ""})
    names = "src/lib.rs src/a\\ b.rs ../target/out/made.rs ../else/where.rs"
    write(target, {"demo-1.d": f"{target}/libdemo-1.rlib: {names}\n\nsrc/lib.rs:\n# env-dep:X=1\n"})
    assert foreign_inputs([target / "libdemo-1.rlib"], tree, [tree, target]) == (
        str(tmp_path / "else/where.rs"),
    )


def test_a_link_that_leads_out_is_seen_through(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {"src/lib.rs": ""})
    outside = write(tmp_path / "out", {"evil.rs": ""})
    (tree / "src" / "evil.rs").symlink_to(outside / "evil.rs")
    write(tree, {"it-1.d": "it-1: src/evil.rs\n"})
    assert foreign_inputs([tree / "it-1"], tree, [tree]) == (str(outside / "evil.rs"),)
