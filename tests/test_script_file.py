"""Reading replay scripts: three formats, and mistakes named by file, line and key."""

import json
from pathlib import Path

import pytest
import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from runner.errors import RequestInvalid
from runner.interceptor.replay.script import Fault, Turn
from runner.interceptor.replay.script_file import read_script

TURNS = [
    {"text": "Let me look.", "shell": ["ls -la", "git status"]},
    {"fault": {"status": 429, "retry_after": 1, "times": 2}, "text": "Ünïcode\n[[turns]]"},
    {"fault": "cut", "tool_calls": [{"name": "edit", "arguments": {"path": "a.py"}}]},
]


def save(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def written(kind: str) -> str:
    texts = {
        "s.toml": tomli_w.dumps({"turns": TURNS}),
        "s.json": json.dumps(TURNS, indent=2),
        "t.json": json.dumps({"turns": TURNS}),
        "s.jsonl": "\n\n".join(json.dumps(turn) for turn in TURNS) + "\n",
    }
    return texts[kind]


@pytest.mark.parametrize("name", ["s.toml", "s.json", "t.json", "s.jsonl"])
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    path = save(tmp_path, name, written(name))
    script = read_script(path)
    assert script.turns == tuple(Turn.model_validate(turn) for turn in TURNS)
    assert script.source == str(path)


def test_a_fault_may_be_named_by_its_kind_alone(tmp_path: Path) -> None:
    script = read_script(save(tmp_path, "s.toml", '[[turns]]\nfault = "hang_mid_stream"\n'))
    assert script.turns[0].fault == Fault(kind="hang_mid_stream")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("s.json", '[\n  {"text": "a"},\n  {"txt": "b"}\n]', r"s\.json:3: txt: unknown key"),
        (
            "s.json",
            '[\n  {"text": "a"},\n  {"text": 1}\n]',
            r"s\.json:3: text: expected text, got 1",
        ),
        ("s.json", '[\n  {"text": "a"}\n  {}\n]', r"s\.json:3, column 3: Expecting ',' delimiter"),
        ("s.json", '{"turn": []}', "unknown key: turn"),
        ("s.json", "7", "holds no list of turns"),
        ("s.json", "[]", "has no turns"),
        ("s.json", "", "not JSON"),
        ("s.json", "[3]", r"s\.json:1: the whole: expected an object"),
        ("s.jsonl", '{"text": "a"}\n\n{"text"}\n', r"s\.jsonl:3, column 8"),
        (
            "s.jsonl",
            '{"text": "a"}\n{"tool_calls": [{"nam": "x"}]}\n',
            r"s\.jsonl:2: tool_calls\[0\]\.name: miss",
        ),
        ("s.toml", '[[turns]]\ntext = "a"\n\n[[turns]]\nfault = "boom"\n', r"s\.toml:4: fault\.kind"),
        ("s.toml", '[[turns]]\ntext = "a\n', r"s\.toml is not TOML: .*line 2"),
        ("s.toml", "[[turns]]\ndelay_s = -1\n", r"s\.toml:1: delay_s: expected at least 0, got -1"),
        ("s.toml", "[[turns]]\n[turns.fault]\ntimes = 0\n", r"s\.toml:1: fault\.times"),
        ("s.toml", "[[turns]]\n[turns.fault]\nstatus = 200\n", r"s\.toml:1: fault\.status"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_key(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(RequestInvalid, match=said):
        read_script(save(tmp_path, name, text))


def test_a_missing_file_a_folder_and_a_binary_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RequestInvalid, match=r"nowhere\.json cannot be read: No such file"):
        read_script(tmp_path / "nowhere.json")
    with pytest.raises(RequestInvalid, match="cannot be read: Is a directory"):
        read_script(tmp_path)
    (tmp_path / "b.json").write_bytes(b"[\xff]")
    with pytest.raises(RequestInvalid, match=r"b\.json is not UTF-8"):
        read_script(tmp_path / "b.json")


def test_where_a_relative_path_was_looked_for_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestInvalid) as caught:
        read_script(Path("turns.toml"))
    assert str(tmp_path / "turns.toml") in str(caught.value)
    assert "a relative path is below the current folder" in str(caught.value)


@given(text=st.text(max_size=80), suffix=st.sampled_from([".toml", ".json", ".jsonl"]))
def test_no_text_gives_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str, suffix: str) -> None:
    path = tmp_path_factory.mktemp("any") / f"s{suffix}"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        assert read_script(path).turns
    except RequestInvalid as error:
        assert path.name in str(error)  # noqa: PT017 - either ending is right
