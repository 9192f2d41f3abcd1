"""Reads chat completions: stream events and whole replies."""

from collections.abc import Iterator, Mapping
from typing import Any

from runner.interceptor import wire_json
from runner.interceptor.reply import Builder, Counts, Finish, Op, Part, PartKind

_FINISH: Mapping[str, Finish] = {
    "stop": "stop",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "content_filter": "refusal",
}


class ChatReader(Builder):
    """Rebuilds a reply from `chat.completion.chunk`s or one `chat.completion`."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[int, int] = {}

    def take(self, data: bytes) -> list[Op]:
        """Take the data of one event; raises `ValueError` where it is no JSON."""
        if data == b"[DONE]":
            return self.finish()
        return self._chunk(wire_json.read(data))

    def at_end(self) -> list[Op]:
        """Take the end of the stream: some upstreams leave out `[DONE]`."""
        return self.finish() if self.reply.finish else []

    def whole(self, body: Mapping[str, Any]) -> list[Op]:
        """Take a whole reply."""
        choices = [
            {**choice, "delta": {**(choice.get("message") or {}), "tool_calls": _indexed(choice)}}
            for choice in body.get("choices") or ()
        ]
        ops = self._chunk({**body, "choices": choices})
        self.reply.final = body
        return ops + self.finish()

    def _chunk(self, chunk: Any) -> list[Op]:  # noqa: ANN401 - the provider's JSON
        if chunk.get("error"):
            error = chunk["error"]
            self.reply.error = str(error.get("message", error)) if isinstance(error, dict) else str(error)
            self.reply.error_code = str(error.get("code") or "") if isinstance(error, dict) else ""
            return []
        ops = self.start(chunk.get("id") or "", chunk.get("model") or "")
        if chunk.get("usage"):
            self.reply.counts = counts(chunk["usage"])
        if chunk.get("prompt_token_ids"):
            self.reply.prompt_token_ids = chunk["prompt_token_ids"]
        for choice in (chunk.get("choices") or ())[:1]:
            ops += self._delta(choice.get("delta") or {})
            self._tokens(choice)
            if choice.get("finish_reason"):
                self.reply.finish_raw = str(choice["finish_reason"])
                self.reply.finish = _FINISH.get(self.reply.finish_raw, "stop")
        return ops

    def _delta(self, delta: Mapping[str, Any]) -> list[Op]:
        ops = self.add("reasoning", delta.get("reasoning_content") or delta.get("reasoning") or "")
        for kind, text in _texts(delta.get("content")):
            ops += self.add(kind, text)
        ops += self.add("text", delta.get("refusal") or "")
        for call in delta.get("tool_calls") or ():
            ops += self._call(call)
        return ops

    def _call(self, call: Mapping[str, Any]) -> list[Op]:
        ops: list[Op] = []
        function = call.get("function") or call.get("custom") or {}
        index = call.get("index", 0)
        known = self._calls.get(index)
        if known is None or (call.get("id") and self.reply.parts[known].id not in {"", call["id"]}):
            freeform = call.get("type") == "custom"
            part = Part("call", id=call.get("id") or "", name=function.get("name") or "", freeform=freeform)
            ops = self.open(part)
            known = self._calls[index] = len(self.reply.parts) - 1
        text = function.get("arguments") or function.get("input") or ""
        return ops + self.add_to(known, self.reply.parts[known], text)

    def _tokens(self, choice: Mapping[str, Any]) -> None:
        """Keep token ids and logprobs, as vLLM and chat completions give them."""
        reply = self.reply
        if choice.get("prompt_token_ids"):
            reply.prompt_token_ids = choice["prompt_token_ids"]
        if choice.get("token_ids"):
            reply.completion_token_ids = (reply.completion_token_ids or []) + choice["token_ids"]
        logprobs = choice.get("logprobs") or {}
        if logprobs.get("content"):
            found = [entry.get("logprob") for entry in logprobs["content"]]
            reply.logprobs = (reply.logprobs or []) + found


def _texts(content: Any) -> Iterator[tuple[PartKind, str]]:  # noqa: ANN401 - the provider's JSON
    """Yield what a `content` says; some providers give it in parts, their thinking among them."""
    if not isinstance(content, list):
        yield "text", content or ""
        return
    for part in content:
        if part.get("type") == "thinking":
            yield from (("reasoning", text) for _, text in _texts(part.get("thinking")))
        else:
            yield "text", part.get("text") or ""


def _indexed(choice: Mapping[str, Any]) -> list[dict[str, Any]]:
    calls = (choice.get("message") or {}).get("tool_calls") or ()
    return [{**call, "index": index} for index, call in enumerate(calls)]


def counts(usage: Mapping[str, Any]) -> Counts:
    """Read a `usage` object."""
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    return Counts(
        input_tokens=usage.get("prompt_tokens"),
        output_tokens=usage.get("completion_tokens"),
        reasoning_tokens=completion.get("reasoning_tokens"),
        cache_read_tokens=prompt.get("cached_tokens"),
        cache_write_tokens=prompt.get("cache_write_tokens"),
    )
