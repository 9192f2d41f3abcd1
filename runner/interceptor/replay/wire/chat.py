"""OpenAI's chat completions."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.interceptor.replay.wire.base import Answer, Event, ToolUse, sse


def body(answer: Answer, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a `chat.completion`."""
    message: dict[str, Any] = {"role": "assistant", **_said(answer)}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.calls:
        message["tool_calls"] = [_call(call) for call in answer.calls]
    captured = next(_captured(answer, request, 1))
    choice = {"index": 0, "message": message, "finish_reason": finish_reason(answer), **captured}
    head = {**_head(answer), **_prompt(answer, request), "object": "chat.completion"}
    return {**head, "choices": [choice], "usage": usage(answer)}


def events(answer: Answer, request: Mapping[str, Any]) -> Iterator[Event]:
    """Return `chat.completion.chunk`s and `[DONE]`."""
    first, *deltas = _deltas(answer)
    start = {"index": 0, "delta": first, "logprobs": None, "finish_reason": None}
    yield sse({**_chunk(answer, [start]), **_prompt(answer, request)})
    for delta, captured in zip(deltas, _captured(answer, request, len(deltas)), strict=True):
        yield sse(_chunk(answer, [{"index": 0, "delta": delta, "finish_reason": None, **captured}]))
    end = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": finish_reason(answer)}
    yield sse(_chunk(answer, [end]), final=True)
    options = request.get("stream_options")
    if isinstance(options, Mapping) and options.get("include_usage"):
        yield sse({**_chunk(answer, []), "usage": usage(answer)}, final=True)
    yield sse("[DONE]", final=True)


def error(status: int, message: str, code: str | None = None) -> dict[str, Any]:
    """Return OpenAI's error body."""
    kinds = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
    kinds[429] = code or "rate_limit_exceeded"
    kind = "server_error" if status >= 500 else kinds.get(status, "invalid_request_error")  # noqa: PLR2004
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def finish_reason(answer: Answer) -> str:
    """Return the dialect's word for why the answer ends."""
    if answer.finish == "stop" and answer.calls:
        return "tool_calls"
    return "stop" if answer.finish == "refusal" else answer.finish


def usage(answer: Answer) -> dict[str, Any]:
    """Return the token counts."""
    tokens = answer.tokens
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cached, "cache_write_tokens": tokens.cache_write},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


def _deltas(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": None if answer.calls and not answer.text else ""}
    for piece in answer.pieces(answer.reasoning):
        yield {"reasoning_content": piece}
    for piece in answer.pieces(answer.text):
        yield {"refusal" if answer.finish == "refusal" else "content": piece}
    for index, call in enumerate(answer.calls):
        start = {"name": call.name, "arguments": ""}
        yield {"tool_calls": [{"index": index, "id": call.id, "type": "function", "function": start}]}
        for piece in answer.pieces(call.arguments):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _prompt(answer: Answer, request: Mapping[str, Any]) -> dict[str, Any]:
    ids = answer.captured.prompt_token_ids
    return {"prompt_token_ids": ids} if ids and request.get("return_token_ids") else {}


def _captured(answer: Answer, request: Mapping[str, Any], chunks: int) -> Iterator[dict[str, Any]]:
    """Share token ids and logprobs out to `chunks` chunks."""
    captured = answer.captured
    ids = captured.token_ids if request.get("return_token_ids") else ()
    logprobs = captured.logprobs if request.get("logprobs") else ()
    size = -(-max(len(ids), len(logprobs)) // max(1, chunks))
    for start in range(0, size * chunks, size) if size else [0] * chunks:
        part = slice(start, start + size)
        content = [
            {"token": "", "logprob": value, "bytes": [], "top_logprobs": []} for value in logprobs[part]
        ]
        found = {"token_ids": ids[part]} if ids else {}
        yield {"logprobs": {"content": content, "refusal": None} if logprobs else None, **found}


def _said(answer: Answer) -> dict[str, Any]:
    if answer.finish == "refusal":
        return {"content": None, "refusal": answer.text}
    return {"content": answer.text or (None if answer.calls else ""), "refusal": None}


def _call(call: ToolUse) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _head(answer: Answer) -> dict[str, Any]:
    return {"id": f"chatcmpl-{answer.id}", "created": answer.created, "model": answer.model}


def _chunk(answer: Answer, choices: list[dict[str, Any]]) -> dict[str, Any]:
    return {**_head(answer), "object": "chat.completion.chunk", "choices": choices}
