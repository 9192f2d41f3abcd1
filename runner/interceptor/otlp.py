"""A rollout's calls as OpenTelemetry GenAI spans, sent over OTLP where an endpoint is set.

Names are those of the semantic conventions; they have none for cost, which goes as `rollout.cost_usd`.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.interceptor.records import CallRecord, ResponseRecord, read_records

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
SEND_S = 5.0
"""Most seconds that a batch of spans may take; once one is lost, no other is sent."""


def send_spans(
    calls: Path,
    environ: Mapping[str, str],
    *,
    agent: str = "agent",
    evaluation: Mapping[str, float] | None = None,
) -> str | None:
    """Send one span a call below one for the agent's run; return a warning where they could not be sent.

    `evaluation` maps a scorer's name to its reward, told as `gen_ai.evaluation.result` events. Does nothing
    where `OTEL_EXPORTER_OTLP_ENDPOINT` is not set.
    """
    endpoint = environ.get(ENDPOINT)
    if not endpoint:
        return None
    logging.getLogger("opentelemetry").addHandler(logging.NullHandler())  # the returned warning says it
    results: list[bool] = []
    try:
        provider = _provider(endpoint, results)
    except ImportError:
        return f"{ENDPOINT} is set, but the extra `otel` is not installed: no spans were sent"
    _write_spans(provider.get_tracer("rollout"), calls, agent, evaluation or {})
    flushed = provider.force_flush(int(1000 * SEND_S))
    provider.shutdown()
    return None if flushed and all(results) else f"the spans could not be sent to {endpoint}"


def _provider(endpoint: str, results: list[bool]) -> "TracerProvider":
    """Return a provider that sends to `endpoint` and notes in `results` whether each batch arrived."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExportResult  # noqa: PLC0415

    class Told(OTLPSpanExporter):
        def export(self, spans: Any) -> SpanExportResult:  # noqa: ANN401 - the SDK's own
            lost = SpanExportResult.FAILURE
            result = super().export(spans) if all(results) else lost
            results.append(result is SpanExportResult.SUCCESS)
            return result

    exporter = Told(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=SEND_S)
    provider = TracerProvider(
        resource=Resource.create({"service.name": "run_rollout"}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=1_000_000))
    return provider


def _write_spans(tracer: "Tracer", calls: Path, agent: str, evaluation: Mapping[str, float]) -> None:
    from opentelemetry.trace import set_span_in_context  # noqa: PLC0415

    root = None
    end = 0
    for record in (found for found in read_records(calls) if found.kind != "count_tokens"):
        start = _nanoseconds(record.timing.started_at)
        if root is None:
            attributes = {"gen_ai.operation.name": "invoke_agent", **_identity(record, agent)}
            root = tracer.start_span(f"invoke_agent {agent}", start_time=start, attributes=attributes)
        end = max(end, _nanoseconds(record.timing.completed_at or record.timing.started_at))
        span = tracer.start_span(
            f"chat {record.request.model}",
            context=set_span_in_context(root),
            start_time=start,
            attributes=attributes_of(record, agent),
        )
        span.end(_nanoseconds(record.timing.completed_at or record.timing.started_at))
    if root is not None:
        for name, value in evaluation.items():
            score: dict[str, Any] = {"gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": value}
            root.add_event("gen_ai.evaluation.result", score, timestamp=end)
        root.end(end)


def attributes_of(record: CallRecord, agent: str) -> dict[str, Any]:
    """Return a call's attributes; what is unknown is left out."""
    request = record.request
    found = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic" if request.upstream_dialect == "messages" else "openai",
        **_identity(record, agent),
        "gen_ai.request.model": request.model,
        "gen_ai.request.stream": request.stream,
        **{f"gen_ai.request.{name}": request.sampling.get(name) for name in ("seed", "temperature", "top_p")},
        "gen_ai.request.max_tokens": next(
            (v for k, v in request.sampling.items() if k.startswith("max_")), None
        ),
        **_answered(record),
        "error.type": record.outcome.error,
        "rollout.call_id": record.call_id,
        "rollout.call_kind": record.kind,
    }
    return {name: value for name, value in found.items() if value is not None}


def _answered(record: CallRecord) -> dict[str, Any]:
    response, usage, first = record.response or ResponseRecord(), record.usage, record.timing.first_byte_ms
    return {
        "gen_ai.response.id": response.id,
        "gen_ai.response.model": response.model,
        "gen_ai.response.finish_reasons": [response.finish_reason] if response.finish_reason else None,
        "gen_ai.response.time_to_first_chunk": None if first is None else first / 1000,
        "gen_ai.usage.input_tokens": usage.input_tokens,
        "gen_ai.usage.output_tokens": usage.output_tokens,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": usage.cache_write_tokens,
        "rollout.cost_usd": usage.cost_usd,
    }


def _identity(record: CallRecord, agent: str) -> dict[str, Any]:
    identity = {"gen_ai.conversation.id": record.trace_correlation_id, "gen_ai.agent.name": agent}
    return identity | ({"gen_ai.agent.version": record.agent_version} if record.agent_version else {})


def _nanoseconds(moment: str) -> int:
    return int(datetime.fromisoformat(moment).timestamp() * 1e9)
