from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from runner.output import head_tail


def test_a_short_file_is_whole_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"caf\xc3\xa9 \xff\n")
    assert head_tail(tmp_path / "log") == "caf\u00e9 \ufffd\n"
    assert head_tail(tmp_path / "missing") == ""


def test_a_huge_file_costs_only_its_head_and_tail(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.write(b"first\n")
        log.seek(2**40)  # a sparse terabyte
        log.write(b"last\n")
    text = head_tail(tmp_path / "log", 1000)
    assert text.startswith("first\n")
    assert text.endswith("last\n")
    assert "1099511626781 bytes left out" in text


@given(st.binary(max_size=300), st.integers(min_value=2, max_value=100))
def test_what_is_left_out_is_counted(tmp_path_factory: object, data: bytes, limit: int) -> None:
    path = Path(tmp_path_factory.mktemp("log"), "log")  # type: ignore[attr-defined]
    path.write_bytes(data)
    text = head_tail(path, limit)
    if len(data) <= limit:
        assert text == data.decode(errors="replace")
    else:
        assert f"... {len(data) - limit // 2 * 2} bytes left out ..." in text
