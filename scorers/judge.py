"""Asks a model for verdicts on written criteria, by the provider's official SDK and in a fixed shape."""

import json
import queue
import re
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runner.deadline import Deadline
from runner.errors import JudgeFailed

Api = Literal["chat", "responses", "messages"]
_TRIES = 2
"""How often a model that answers in no usable shape is asked again, the first time included."""
_CALL_S = 300.0
_MOST_TOKENS = 16_000

_FENCED = re.compile(r"\s*```(?:json)?\n(.*)\n```\s*", re.DOTALL)
"""How a model answers whose server does not know structured output. Only the whole of an answer counts: a
part of it may be quoted from the diff."""

SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["verdicts"],
    "properties": {
        "verdicts": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["criterion", "reason", "score"],
                "properties": {
                    "criterion": {"type": "integer", "description": "The criterion's number."},
                    "reason": {"type": "string", "description": "One or two sentences of evidence."},
                    "score": {"type": "number", "description": "From 0 (not met) to 1 (fully met)."},
                },
            },
        }
    },
}
"""What a judge must answer; strict, so without bounds, which not every provider knows."""


class Verdict(BaseModel):
    """A judge's word on one criterion."""

    model_config = ConfigDict(frozen=True)

    criterion: int
    reason: str
    score: float = Field(ge=0, le=1, allow_inf_nan=False)


class _Answer(BaseModel):
    verdicts: list[Verdict]


@dataclass(frozen=True, slots=True)
class Judge:
    """A model, and where it is."""

    api: Api
    model: str
    base_url: str
    """As OpenAI-style clients want it, ending in `/v1`."""
    key: str
    deadline: Deadline
    temperature: float | None = None

    def verdicts(self, system: str, question: str, criteria: int) -> tuple[Verdict, ...]:
        """Return one verdict for each criterion, in their order; raise `JudgeFailed` without them."""
        ask: Callable[[str, str], str] = {
            "chat": self._chat,
            "responses": self._responses,
            "messages": self._messages,
        }[self.api]
        trouble = ""
        for _ in range(_TRIES):
            if self.deadline.passed:
                trouble = trouble or "no time is left"
                break
            try:
                return _checked(self._asked(ask, system, question), criteria)
            except ValueError as error:  # also pydantic's ValidationError and bad JSON
                trouble = str(error)
        raise JudgeFailed(f"the judge {self.model} gave no verdict: {trouble}")

    def _asked(self, ask: Callable[[str, str], str], system: str, question: str) -> str:
        sdk_error = _sdk_error(self.api)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the SDKs' advice on model names is not for this output
                return _within(self.deadline, lambda: ask(system, question))
        except TimeoutError:
            raise JudgeFailed(f"the judge {self.model} did not answer in time") from None
        except sdk_error as error:
            raise JudgeFailed(f"the judge {self.model} could not be asked: {error}") from error
        except (AttributeError, TypeError, IndexError) as error:  # a page of HTML where JSON was due
            raise ValueError(f"the answer is none of this API ({error})") from error

    def _client(self) -> Mapping[str, Any]:
        seconds = max(1.0, min(_CALL_S, self.deadline.remaining))
        return {"api_key": self.key or "none", "timeout": seconds, "max_retries": 2}

    @property
    def _sampling(self) -> dict[str, Any]:
        return {} if self.temperature is None else {"temperature": self.temperature}

    def _chat(self, system: str, question: str) -> str:
        import openai  # noqa: PLC0415

        with openai.OpenAI(base_url=self.base_url, **self._client()) as client:
            answer = client.chat.completions.create(
                model=self.model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": question}],
                response_format={
                    "type": "json_schema",
                    "json_schema": {"name": "verdicts", "strict": True, "schema": SCHEMA},
                },
                **self._sampling,
            )
        message = answer.choices[0].message
        return message.content or f"refused: {message.refusal or 'no text'}"

    def _responses(self, system: str, question: str) -> str:
        import openai  # noqa: PLC0415

        with openai.OpenAI(base_url=self.base_url, **self._client()) as client:
            answer = client.responses.create(
                model=self.model,
                instructions=system,
                input=question,
                text={
                    "format": {"type": "json_schema", "name": "verdicts", "strict": True, "schema": SCHEMA}
                },
                store=False,
                **self._sampling,
            )
        return answer.output_text or "refused: no text"

    def _messages(self, system: str, question: str) -> str:
        """Ask by a forced tool: every model of the API knows those, not every one structured output."""
        import anthropic  # noqa: PLC0415

        base_url = self.base_url.removesuffix("/v1")
        with anthropic.Anthropic(base_url=base_url, **self._client()) as client:
            answer = client.messages.create(
                model=self.model,
                max_tokens=_MOST_TOKENS,
                system=system,
                messages=[{"role": "user", "content": question}],
                tools=[{"name": "verdict", "description": "Hand in your verdicts.", "input_schema": SCHEMA}],
                tool_choice={"type": "tool", "name": "verdict"},
                **self._sampling,
            )
        called = next((block for block in answer.content if block.type == "tool_use"), None)
        return json.dumps(called.input) if called else f"refused: {answer.stop_reason}"


def _sdk_error(api: Api) -> type[Exception]:
    """Return the base of what the API's SDK raises; each SDK costs up to a second to import."""
    if api == "messages":
        from anthropic import AnthropicError  # noqa: PLC0415

        return AnthropicError
    from openai import OpenAIError  # noqa: PLC0415

    return OpenAIError


def _within(deadline: Deadline, ask: Callable[[], str]) -> str:
    """Return what `ask` returns; raise what it raises, or TimeoutError at the deadline.

    The SDKs bound each wait for a byte, but neither their retries nor an answer that trickles.
    """
    answers: queue.SimpleQueue[str | BaseException] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put(ask())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            answers.put(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        answer = answers.get(timeout=deadline.remaining)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _checked(answer: str, criteria: int) -> tuple[Verdict, ...]:
    fenced = _FENCED.fullmatch(answer)
    try:
        given = _Answer.model_validate_json(fenced[1] if fenced else answer).verdicts
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ValueError(f"{first['msg']} in {answer[:300]!r}") from None
    by_number = {verdict.criterion: verdict for verdict in given}
    if len(by_number) != len(given) or set(by_number) != set(range(1, criteria + 1)):
        numbers = ", ".join(str(verdict.criterion) for verdict in given) or "none"
        raise ValueError(f"verdicts on criteria {numbers}, where each of 1 to {criteria} needs one")
    return tuple(by_number[number] for number in sorted(by_number))
