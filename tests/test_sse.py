import itertools

from hypothesis import given
from hypothesis import strategies as st

from runner.interceptor import sse
from runner.interceptor.sse import Splitter

lines = st.sampled_from(
    [
        b"data: {}\n\n",
        b"event: x\ndata: 1\n\n",
        b": note\n\n",
        b"data: a\r\ndata: b\r\n\r\n",
        b"\n",
        b"data: \xff\n\n",
    ]
)


def cut(stream: bytes, cuts: list[int]) -> list[bytes]:
    marks = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    return [stream[start:end] for start, end in itertools.pairwise(marks)]


@given(
    st.lists(st.one_of(lines, st.binary(max_size=12)), max_size=12),
    st.lists(st.integers(0, 10**6), max_size=30),
)
def test_no_byte_changes_however_the_stream_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    splitter = Splitter()
    events = [event for chunk in cut(stream, cuts) for event in splitter.feed(chunk)]
    assert b"".join(event.raw for event in events) + splitter.rest == stream


@given(st.lists(lines, max_size=8), st.lists(st.integers(0, 10**6), max_size=30))
def test_events_are_the_same_however_the_stream_is_cut(parts: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(parts)
    whole, piecewise = Splitter(), Splitter()
    expected = whole.feed(stream)
    assert [event for chunk in cut(stream, cuts) for event in piecewise.feed(chunk)] == expected


def test_the_data_of_an_event_is_its_lines_joined() -> None:
    events = Splitter().feed(b"event: x\r\ndata: a\r\ndata:b\r\n\r\n: comment\n\ndata: c\n\n")
    assert [event.data for event in events] == [b"a\nb", None, b"c"]


def test_an_event_too_long_to_hold_is_passed_on_in_pieces() -> None:
    splitter = Splitter()
    chunk = b"x" * (sse.EVENT_BYTES // 2)
    events = [event for part in (b"data: ", chunk, chunk, chunk) for event in splitter.feed(part)]
    assert [event.data for event in events] == [None]
    assert len(events[0].raw) + len(splitter.rest) == 6 + 3 * len(chunk)
