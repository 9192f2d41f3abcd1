from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorers.material import MOST, material_of, seen
from tests.submissions import submission


@pytest.mark.parametrize(
    "text", ["a\tb\n", "é 漢字 😀", "x < y and a[0]", "Vec<T>, <div>, <-, <=>", "[INSTALL]", "List<string>"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert seen(text) == text


@given(st.text())
def test_what_is_seen_has_nothing_unseen(text: str) -> None:
    shown = seen(text)
    assert seen(shown) == shown
    assert not {"\u202e", "\u200b", "\x1b", "\U000e0041"} & set(shown)


def test_a_diff_that_fits_is_shown_whole(tmp_path: Path) -> None:
    diff = "diff --git a/x b/x\n+1\ndiff --git a/y b/y\n+2\n"
    material = material_of(submission(tmp_path, diff=diff))
    assert (material.text, material.left_out) == (diff, ())


@given(st.lists(st.integers(1, 400_000), min_size=1, max_size=6))
def test_every_file_has_its_share(tmp_path_factory: pytest.TempPathFactory, sizes: list[int]) -> None:
    parts = [f"diff --git a/{n} b/{n}\n+{'x' * size}\n" for n, size in enumerate(sizes)]
    material = material_of(submission(tmp_path_factory.mktemp("place"), diff="".join(parts)))
    assert all(f"diff --git a/{n} b/{n}\n" in material.text for n in range(len(sizes)))
    assert len(material.text) <= MOST + 60 * len(sizes)
    assert bool(material.left_out) == (sum(map(len, parts)) > MOST)
