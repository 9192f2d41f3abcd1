"""Streams on their way: unchanged, held back where an agent would act too early, never in memory whole."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.interceptor.records import CALLS, is_complete, read_records
from tests.relaying import Relaying, relaying, replaying
from tests.test_sse import cut
from tests.upstreams import Answer, chunks, upstream

ASK = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "messages": []}


def sse(*events: Any) -> list[bytes]:
    return [b"data: " + json.dumps(event).encode() + b"\n\n" for event in events] + [b"data: [DONE]\n\n"]


def delta(reason: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}


def call(arguments: str) -> dict[str, Any]:
    return {"index": 0, "id": "c", "function": {"name": "f", "arguments": arguments}}


def post(relay: Relaying, **changes: Any) -> httpx2.Response:
    endpoint = relay.interceptor.endpoint("chat")
    headers = {"authorization": f"Bearer {endpoint.token}"}
    with httpx2.Client(headers=headers, timeout=60) as client:
        return client.post(f"{endpoint.openai_base}/chat/completions", json=ASK | changes)


def post_in_vain(relay: Relaying) -> None:
    with pytest.raises(httpx2.HTTPError):
        post(relay)


@contextmanager
def at(folder: Path, answer: Answer, **params: Any) -> Iterator[Relaying]:
    """Open an interceptor before an upstream that answers like this."""
    with upstream(answer) as up, relaying(folder, f"{up.url}/v1/chat/completions", **params) as relay:
        yield relay


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.lists(st.text(max_size=8), max_size=6),
    noise=st.sampled_from([b"", b": ping\n\n", b"event: odd\r\ndata: {}\r\n\r\n"]),
    cuts=st.lists(st.integers(0, 10**6), max_size=20),
)
def test_the_client_gets_the_upstreams_bytes_however_they_arrive(
    tmp_path: Path, words: list[str], noise: bytes, cuts: list[int]
) -> None:
    events = sse(*(delta(content=word) for word in words), delta("stop"))
    stream = noise.join(events)
    with at(tmp_path, lambda *_: chunks(cut(stream, cuts))) as relay:
        reply = post(relay)
        (record,) = relay.records
    assert reply.content == stream
    assert record.response is not None
    assert (record.response.text or "") == "".join(words)


def test_a_stream_is_passed_on_as_it_arrives_and_its_end_once_the_call_is_on_disk(tmp_path: Path) -> None:
    first, last = threading.Event(), threading.Event()

    async def slow() -> AsyncIterator[bytes]:
        text, done, end = sse(delta(content="a"), delta("stop"))
        yield text
        await asyncio.to_thread(first.wait, 10)
        yield done
        await asyncio.to_thread(last.wait, 10)
        yield end

    with at(tmp_path, lambda *_: slow()) as relay:
        endpoint = relay.interceptor.endpoint("chat")
        headers = {"authorization": f"Bearer {endpoint.token}"}
        url = f"{endpoint.openai_base}/chat/completions"
        with httpx2.Client(headers=headers) as client, client.stream("POST", url, json=ASK) as reply:
            lines = (line for line in reply.iter_lines() if line)
            assert '"a"' in next(lines)
            first.set()
            assert '"stop"' in next(lines)
            assert (tmp_path / CALLS).read_text() == ""
            last.set()
            assert next(lines) == "data: [DONE]"
            assert '"finish_reason":"stop"' in (tmp_path / CALLS).read_text()


def test_a_tool_call_is_had_whole_or_not_at_all(tmp_path: Path) -> None:
    events = sse(delta(content="a"), delta(tool_calls=[call('{"x":')]), delta(tool_calls=[call("1}")]))[:-1]
    with at(tmp_path, lambda *_: chunks(events), upstream_attempts=1) as relay:
        broken = post(relay).text
        again = post(relay)
    assert "1}" not in broken
    assert broken.endswith("data: [DONE]\n\n")
    assert "without its last event" in broken
    assert again.status_code == 400, (
        "after a broken stream, nothing is passed on before the next one is whole"
    )


def test_a_stream_that_nobody_has_seen_is_asked_for_again(tmp_path: Path) -> None:
    whole = sse(delta(content="a"), delta("stop"))
    answers = iter([[], [b"data: no json\n\n"], whole])
    with at(tmp_path, lambda *_: chunks(next(answers))) as relay:
        assert post(relay).content == b"".join(whole)
        (record,) = relay.records
    assert (record.outcome.attempts, record.outcome.error) == (3, None)


def test_a_whole_reply_to_a_streaming_client_is_streamed(tmp_path: Path) -> None:
    body = {"id": "x", "choices": [{"message": {"content": "a", "tool_calls": [call("{}")]}}]}
    with at(tmp_path, lambda *_: web.json_response(body)) as relay:
        got = post(relay).text
    assert '"content":"a"' in got
    assert '"tool_calls"' in got
    assert got.endswith("data: [DONE]\n\n")


def test_a_client_that_goes_away_leaves_a_record(tmp_path: Path) -> None:
    with replaying(tmp_path, [{"text": "a " * 50, "chunks": 50, "chunk_delay_s": 0.05}]) as relay:
        endpoint = relay.interceptor.endpoint("chat")
        headers = {"authorization": f"Bearer {endpoint.token}"}
        url = f"{endpoint.openai_base}/chat/completions"
        with httpx2.Client(headers=headers) as client, client.stream("POST", url, json=ASK) as reply:
            next(line for line in reply.iter_lines() if '"a ' in line)
        for _ in range(50):
            if relay.records and relay.records[0].outcome.error == "client_disconnected":
                break
            time.sleep(0.05)
        relay.interceptor.seal()
        (record,) = relay.records
    assert record.outcome.error == "client_disconnected"
    assert record.response is not None
    assert (record.response.text or "").startswith("a ")
    assert is_complete(tmp_path / CALLS)


def test_sealing_ends_a_call_that_is_still_open(tmp_path: Path) -> None:
    with replaying(tmp_path, [{"text": "a", "fault": "hang_mid_stream"}]) as relay:
        asking = threading.Thread(target=post_in_vain, args=(relay,))
        asking.start()
        while relay.interceptor.last_call() == 0.0:
            time.sleep(0.01)
        time.sleep(0.2)
        relay.interceptor.seal()
        asking.join(5)
        assert not asking.is_alive()
        assert [record.outcome.error for record in relay.records] == ["client_disconnected"]
        assert is_complete(tmp_path / CALLS)


BIG = """
import asyncio, resource, sys
from pathlib import Path
import httpx2
from tests.relaying import relaying
folder, url = Path(sys.argv[1]), sys.argv[2]
with relaying(folder, url) as relay:
    endpoint = relay.interceptor.endpoint("chat")
    ask = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "messages": []}
    headers = {"authorization": f"Bearer {endpoint.token}"}
    url = f"{endpoint.openai_base}/chat/completions"
    peaks = []
    with httpx2.Client(headers=headers, timeout=60) as client:
        for size in (1, 100):
            got = 0
            with client.stream("POST", url, json={**ask, "size": size}) as reply:
                for chunk in reply.iter_bytes():
                    got += len(chunk)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    print(got, *peaks)
"""


@pytest.mark.slow
def test_a_stream_of_100_mb_takes_no_more_memory_than_a_small_one(tmp_path: Path) -> None:
    event = b"data: " + json.dumps(delta(content="x" * 10_000)).encode() + b"\n\n"

    async def big(size: int) -> AsyncIterator[bytes]:
        for _ in range(size * 100):
            yield event
        for end in sse(delta("stop")):
            yield end

    with upstream(lambda _, body: big(json.loads(body)["size"])) as up:
        argv = [sys.executable, "-c", BIG, str(tmp_path), f"{up.url}/v1/chat/completions"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    got, small, large = map(int, done.stdout.split())
    assert got > 100 * 10**6
    assert large - small < 40
    _, record = read_records(tmp_path / CALLS)
    assert record.response is not None
    assert record.response.overflow_file is not None
    assert (tmp_path / record.response.overflow_file).stat().st_size == got


KILLED = """
import sys, time
from pathlib import Path
from tests.relaying import relaying
with relaying(Path(sys.argv[1]), sys.argv[2]) as relay:
    endpoint = relay.interceptor.endpoint("chat")
    print(endpoint.openai_base, endpoint.token, flush=True)
    time.sleep(60)
"""


def test_a_kill_in_the_middle_of_a_call_leaves_readable_records(tmp_path: Path) -> None:
    async def answer(body: bytes) -> AsyncIterator[bytes]:
        for event in sse(delta(content="a"), delta("stop")):
            yield event
            if b"hang" in body:
                await asyncio.sleep(30)

    with upstream(lambda _, body: answer(body)) as up:
        argv = [sys.executable, "-c", KILLED, str(tmp_path), f"{up.url}/v1/chat/completions"]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            base, token = child.stdout.readline().split()
            url, headers = f"{base}/chat/completions", {"authorization": f"Bearer {token}"}
            assert httpx2.post(url, json=ASK, headers=headers).text.endswith("[DONE]\n\n")
            with httpx2.stream("POST", url, json=ASK | {"user": "hang"}, headers=headers) as reply:
                lines = reply.iter_lines()
                next(lines)
                child.send_signal(signal.SIGKILL)
                child.wait(10)
    ended, begun = read_records(tmp_path / CALLS)
    assert (ended.outcome.error, begun.outcome.error) == (None, "unfinished")
    assert begun.request.body["user"] == "hang"
    assert not is_complete(tmp_path / CALLS)


def test_a_full_disk_is_said_loudly(tmp_path: Path) -> None:
    (tmp_path / CALLS).symlink_to("/dev/full")
    with replaying(tmp_path, [{"text": "a"}, {"text": "b"}]) as relay:
        assert '"content":"a"' in post(relay).text
        refused = post(relay)
        failure = relay.interceptor.failure()
    assert refused.status_code == 400
    assert "No space left on device" in refused.text
    assert failure is not None
    assert (failure.cause, failure.retryable) == ("sandbox", True)


def test_a_client_that_sends_half_a_request_harms_nobody(tmp_path: Path) -> None:
    with replaying(tmp_path, [{"text": "a"}]) as relay:
        base = relay.interceptor.endpoint("chat").openai_base
        host, port = base.split("/")[2].split(":")
        with socket.create_connection((host, int(port))) as half:
            half.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{")
        assert "[DONE]" in post(relay).text
