import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from runner.interceptor import otlp
from runner.interceptor.export import trace_v4
from runner.interceptor.otlp import ENDPOINT, send_spans
from runner.interceptor.records import CALLS
from tests.relaying import ID, replaying
from tests.test_limits import ask
from tests.upstreams import upstream

TURN = {"text": "Hello", "reasoning": "Hm.", "usage": {"input_tokens": 100, "output_tokens": 10}}


def record(folder: Path, calls: int, **turn: Any) -> Path:
    with replaying(folder, [TURN | turn] * calls) as relay:
        for _ in range(calls):
            ask(relay)
        relay.interceptor.seal()
    return folder / CALLS


def test_a_trace_has_what_trainers_read(tmp_path: Path) -> None:
    trace = trace_v4(record(tmp_path, 2), ID)
    assert trace["schema_version"] == "4.0"
    assert trace["markov_blanket_message_history"] == []
    assert trace["metadata"] == {
        "session_id": ID,
        "trace_correlation_id": ID,
        "correlation_ids": {"trace_correlation_id": ID},
    }
    first, _ = trace["event_history"]
    assert (first["type"], first["event_type"], first["correlation_id"]) == ("lm_call", "lm_call", ID)
    assert first["llm_request"]["messages"] == [{"role": "user", "content": "hi"}]
    assert first["llm_response"]["message"] == {
        "role": "assistant",
        "content": "Hello",
        "reasoning_content": "Hm.",
    }
    assert first["llm_response"]["usage"]["input_tokens"] == 100
    assert first["llm_response"]["finish_reason"] == "stop"
    assert first["api_format"] == "messages"


@pytest.mark.parametrize("cap", [2_000, 4_000, 10_000])
def test_a_trace_keeps_to_its_cap_and_says_so(tmp_path: Path, cap: int) -> None:
    trace = trace_v4(record(tmp_path, 20, text="x" * 100), ID, cap)
    assert len(json.dumps(trace)) <= cap * 1.1
    assert trace["metadata"]["truncated"] == 20 - sum(
        bool(e["llm_request"]["messages"]) for e in trace["event_history"]
    )


def test_calls_become_spans_of_the_genai_conventions(tmp_path: Path) -> None:
    with upstream(lambda *_: web.Response()) as collector:
        calls = record(tmp_path, 2)
        assert send_spans(calls, {ENDPOINT: collector.url}, agent="codex", evaluation={"pytest": 0.5}) is None
    found = ExportTraceServiceRequest.FromString(collector.bodies[0])
    spans = found.resource_spans[0].scope_spans[0].spans
    assert sorted(span.name for span in spans) == ["chat some-model", "chat some-model", "invoke_agent codex"]
    (root,) = (span for span in spans if span.name.startswith("invoke_agent"))
    assert {span.parent_span_id for span in spans} == {root.span_id, b""}
    assert root.events[0].name == "gen_ai.evaluation.result"
    call = next(span for span in spans if span.name.startswith("chat"))
    attributes = {a.key: a.value for a in call.attributes}
    assert attributes["gen_ai.usage.input_tokens"].int_value == 100
    assert attributes["gen_ai.conversation.id"].string_value == ID
    assert attributes["gen_ai.request.max_tokens"].int_value == 9
    assert call.end_time_unix_nano >= call.start_time_unix_nano


def test_no_endpoint_sends_nothing_and_a_dead_one_is_said(tmp_path: Path) -> None:
    calls = record(tmp_path, 1)
    assert send_spans(calls, {}) is None
    with upstream(lambda *_: web.Response(status=400)) as collector:
        warning = send_spans(calls, {ENDPOINT: collector.url})
    assert warning == f"the spans could not be sent to {collector.url}"


def test_a_collector_that_hangs_costs_one_batch_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(otlp, "SEND_S", 0.5)
    calls = record(tmp_path, 1)
    first = calls.read_text().splitlines()[0]
    calls.write_text(f"{first}\n" * 3000)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        assert send_spans(calls, {ENDPOINT: url}) == f"the spans could not be sent to {url}"
    assert time.monotonic() - began < 2.5
    assert capfd.readouterr().err == ""
