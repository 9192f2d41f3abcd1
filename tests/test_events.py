import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.base import Step, Usage
from agents.events import LINE, Stream
from agents.journal import Journal
from tests.driving import CLIS, TRANSCRIPTS, transcript, understood

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDED = sorted(path.relative_to(TRANSCRIPTS) for path in TRANSCRIPTS.glob("*/*.jsonl"))


@given(events=st.lists(st.dictionaries(st.text(), json_values, max_size=3)), seed=st.integers())
def test_events_are_the_same_however_the_file_grows(
    tmp_path_factory: pytest.TempPathFactory, events: list[dict[str, object]], seed: int
) -> None:
    path = tmp_path_factory.mktemp("stream") / "events.jsonl"
    written = b"\n".join(json.dumps(event).encode() for event in events)
    cuts = sorted(random.Random(seed).choices(range(len(written) + 1), k=4))  # noqa: S311 - not a secret
    path.touch()
    stream, read = Stream(path), []
    for start, end in zip([0, *cuts], [*cuts, len(written)], strict=True):
        with path.open("ab") as file:
            file.write(written[start:end])
        read += list(stream.new(most=1 << 20))
    assert [*read, *stream.last()] == events


def test_a_line_beyond_the_cap_is_left_out_and_the_next_one_is_read(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    with path.open("wb") as file:
        file.write(b'{"long": "' + b"x" * (LINE + 5_000_000) + b'"}\n{"next": 1}\nno JSON\n[1]\n{"last": 2}')
    assert list(Stream(path).last()) == [{"next": 1}, {"last": 2}]


def test_one_look_reads_about_as_much_as_it_may(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"a": 1}\n' * 1_000_000)
    assert len(list(Stream(path).new(most=1))) < 200_000


@pytest.mark.parametrize("recorded", RECORDED, ids=str)
@given(data=st.data())
@settings(max_examples=30)
def test_no_shape_of_an_event_breaks_an_adapter(recorded: Path, data: st.DataObject) -> None:
    events = transcript(recorded.parts[0], recorded.stem)
    for event in events:
        _bend(event, data)
    journal = understood(recorded.parts[0], events)
    Usage.model_validate(journal.usage.model_dump())
    assert isinstance(journal.session_id, str | None)
    assert isinstance(journal.status, int | None)
    assert all(isinstance(step, Step) for step in journal.steps)


def _bend(event: dict[str, Any], data: st.DataObject) -> None:
    """Replace one value somewhere inside an event by any other."""
    name = data.draw(st.sampled_from(sorted(event)))
    if isinstance(event[name], dict) and event[name] and data.draw(st.booleans()):
        _bend(event[name], data)
    else:
        event[name] = data.draw(json_values)


@pytest.mark.parametrize("recorded", RECORDED, ids=str)
def test_a_transcript_cut_anywhere_is_understood_as_far_as_it_goes(recorded: Path, tmp_path: Path) -> None:
    whole, agent = (TRANSCRIPTS / recorded).read_bytes(), CLIS[recorded.parts[0]]()
    path = tmp_path / "events.jsonl"
    for cut in range(0, len(whole), max(1, len(whole) // 40)):
        path.write_bytes(whole[:cut])
        journal = Journal()
        agent.understand(Stream(path).last(), journal)
        assert journal.events <= whole.count(b"\n")
        assert len(journal.steps) <= 3
