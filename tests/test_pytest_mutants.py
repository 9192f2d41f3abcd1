"""A mutant fails, whatever honest code it tests, and keeps the rest of its file as it was."""

import ast

import pytest

from scorers.base import Check
from scorers.pytest_canary import Source
from scorers.pytest_mutants import EACH, FILES, Mutants, choose, mutate

STRAIGHT = {
    "assert f(1) == 2": "f(1) == ",
    "assert 'é' + g() == 'éa'": "'é' + g() == 'éa",
    "assert 3 == f(1)": "== f(1)",
    "value = f(1)\n    assert value == [1, 2]": "value == [",
    "with open('x') as file: pass\n    assert file == (1,)": "file == (",
    "assert (f(1)\n            == b'x')": "== b'",
}
CROOKED = [
    "if f(1): return\n    assert f(1) == 2",
    "try: f(1)\n    except E: pass\n    assert f(1) == 2",
    "for x in (): assert x == 2",
    "assert f(1) != 2",
    "assert f(1)",
    "assert 1 < f(1) == 2",
    "yield\n    assert f(1) == 2",
]


def _mutate(text: str, *ids: str) -> Mutants:
    return mutate({"test_a.py": Source(text, "utf-8", b"")}, ids)


@pytest.mark.parametrize("body", STRAIGHT)
def test_the_last_comparison_gets_a_random_value(body: str) -> None:
    source = f"# é\nimport x\ndef test_a():\n    {body}\n\ndef test_b(): assert 1 == 1\n"
    mutants = _mutate(source, "test_a.py::test_a[1]")
    text = mutants.texts["test_a.py"].decode()
    assert mutants.ids == ("test_a.py::test_a[1]",)
    assert STRAIGHT[body] in text
    assert ast.dump(ast.parse(text)) != ast.dump(ast.parse(source))
    assert text.endswith("def test_b(): assert 1 == 1\n")


@pytest.mark.parametrize("body", CROOKED)
def test_what_may_never_be_reached_is_left_alone(body: str) -> None:
    assert _mutate(f"def test_a():\n    {body}\n", "test_a.py::test_a").ids == ()


def test_methods_and_the_assertions_of_unittest_are_mutated_too() -> None:
    source = """
class TestA(T):
    def test_a(self): self.assertEqual(f(1), 2)
    async def test_b(self): assert 1 == f(2)
"""
    mutants = _mutate(source, "test_a.py::TestA::test_a", "test_a.py::TestA::test_b")
    assert len(mutants.ids) == 2
    assert "assertEqual(f(1), 2)" not in mutants.texts["test_a.py"].decode()


def test_files_that_cannot_be_read_have_no_mutants() -> None:
    assert _mutate("def test_a(:", "test_a.py::test_a", "gone.py::test_a", "notes.txt::notes.txt").ids == ()


def test_only_tests_that_passed_quickly_are_chosen() -> None:
    checks = [Check(id=f"fast{n}", status="passed", duration_s=0.001) for n in range(5)]
    checks += [Check(id="slow", status="passed", duration_s=0.9), Check(id="bad", status="failed")]
    assert sorted(choose(checks)) == [f"fast{n}" for n in range(5)]


def test_what_is_dearest_to_the_task_is_chosen_first() -> None:
    checks = [Check(id=f"a::{n}", status="passed", duration_s=0.1) for n in range(20)]
    assert "a::7" in choose(checks, lambda id_: id_ == "a::7")


def test_mutants_are_spread_over_files_and_are_the_first_that_are_asked_for() -> None:
    body = "".join(f"def test_{n}(): assert f() == {n}\n" for n in range(50))
    sources = {f"test_{n}.py": Source(body, "utf-8", b"") for n in range(9)}
    ids = [f"{file}::test_{n}" for n in range(49, -1, -1) for file in sources]
    mutants = mutate(sources, ids)
    assert list(mutants.texts) == list(sources)[:FILES]
    assert len(mutants.ids) == FILES * EACH
    assert mutants.ids[:FILES] == tuple(f"test_{n}.py::test_49" for n in range(FILES))
