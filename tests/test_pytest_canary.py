"""Canaries fail, and leave what stood before them as it was."""

import ast
import unittest
from pathlib import Path

from scorers.canary import Canaries
from scorers.pytest_canary import plant
from tests.judging import write


def _planted(folder: Path, source: str) -> tuple[str, Canaries]:
    write(folder, {"test_a.py": source})
    canaries = Canaries()
    return plant(folder, ["test_a.py", "gone.py"], canaries)["test_a.py"].planted.decode(), canaries


def _run(text: str, id_: str) -> None:
    names: dict[str, object] = {"__name__": "planted"}
    exec(text, names)  # noqa: S102 - our own canaries
    _, *owner, name = id_.split("::")
    if not owner:
        names[name]()  # type: ignore[operator]
        return
    made = names[owner[0]]
    case = made(name) if issubclass(made, unittest.TestCase) else made()  # type: ignore[arg-type,operator]
    getattr(case, name)()


def test_every_canary_fails_with_an_assertion(tmp_path: Path) -> None:
    for _ in range(20):
        text, canaries = _planted(tmp_path, "import unittest\n\ndef test_add_one(): pass\n")
        assert len(canaries.ids) == 3
        for id_ in canaries.ids:
            try:
                _run(text, id_)
            except AssertionError:
                continue
            raise AssertionError(id_)


def test_one_bears_the_name_of_a_real_test_and_no_name_is_taken_twice(tmp_path: Path) -> None:
    text, canaries = _planted(tmp_path, "def test_only(): pass\n")
    assert any(id_.endswith("::test_only") for id_ in canaries.ids)
    names = [node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(names) == len(set(names))


def test_a_file_keeps_its_text_and_its_encoding(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_bytes("# coding: latin-1\nname = 'é'\n".encode("latin-1"))
    source = plant(tmp_path, ["test_a.py"], Canaries())["test_a.py"]
    assert source.planted.startswith("# coding: latin-1\nname = 'é'\n".encode("latin-1"))


def test_a_syntax_newer_than_ours_gets_canaries_too(tmp_path: Path) -> None:
    text, canaries = _planted(tmp_path, "type X = int | = later\ndef test_a(): pass")
    assert len(canaries.ids) == 2
    assert text.startswith("type X")
