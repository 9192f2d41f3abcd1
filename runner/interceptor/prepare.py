"""Makes a call ready for the upstream: dialect, tools, what is asked for in the client's stead."""

from dataclasses import dataclass, field
from typing import Any

from pydantic_core import to_json

from agents.base import Dialect
from runner.interceptor.bridge import Untranslatable, translate_request
from runner.interceptor.call import Call
from runner.interceptor.provider_tools import strip_provider_tools
from runner.interceptor.settings import Settings
from runner.interceptor.upstream import Upstream

_SPEAKS: dict[str, tuple[Dialect, ...]] = {
    "openai": ("responses", "chat"),
    "api.openai.com": ("responses", "chat"),
    "anthropic": ("messages",),
    "api.anthropic.com": ("messages",),
}
"""What a provider, or its host, is known to speak, the best first."""
_ORDER: tuple[Dialect, ...] = ("chat", "responses", "messages")


@dataclass
class Preparation:
    """What all calls of a rollout share."""

    settings: Settings
    upstream: Upstream
    provider: str | None = None
    _probed: dict[Dialect, Dialect] = field(default_factory=dict)

    async def dialect(self, client: Dialect) -> Dialect:
        """Return what the upstream is called in, for a client of this dialect."""
        given = self.settings.upstream_dialect
        route = self.upstream.route
        if given == "same":
            return client
        if given or route.ending:
            return given or route.ending or client
        known = _SPEAKS.get(route.host) or _SPEAKS.get((self.provider or "").lower())
        if known:
            return client if client in known else known[0]
        if self.provider:
            return "chat"
        if client not in self._probed and (found := await self._probe(client)):
            self._probed[client] = found
        return self._probed.get(client, client)

    async def _probe(self, client: Dialect) -> Dialect | None:
        """Ask which endpoints there are, the client's own first; an empty request costs no tokens.

        Null where the upstream is in no state to tell: the next call asks again.
        """
        for dialect in dict.fromkeys((client, *_ORDER)):
            speaks = await self.upstream.speaks(dialect)
            if speaks is not False:
                return dialect if speaks else None
        return None

    def prepare(self, call: Call) -> None:
        """Fill in what is sent; raises `Untranslatable`."""
        below = call.endpoint.partition("/responses")[2] if call.dialect == "responses" else ""
        if below and call.translated:
            raise Untranslatable(f"{call.endpoint} exists in Responses alone")
        call.url = self.upstream.route.url(call.upstream, below)
        if call.query and not call.translated:
            call.url += f"{'&' if '?' in call.url else '?'}{call.query}"
        body, call.stripped = strip_provider_tools(call.body, self.settings.allow_provider_tools)
        changed = bool(call.stripped)
        if call.translated:
            body, call.losses, call.freeform = translate_request(body, call.dialect, call.upstream)
            changed = True
        if call.upstream == "chat":
            changed |= self._ask(call, body)
        if changed:
            call.sent = to_json(body, serialize_unknown=True)

    def _ask(self, call: Call, body: dict[str, Any]) -> bool:
        """Ask a chat upstream for what the record needs: usage in streams, token ids when wanted."""
        options = body.get("stream_options") or {}
        call.usage_added = call.stream and not options.get("include_usage")
        if call.usage_added:
            body["stream_options"] = {**options, "include_usage": True}
        call.hide_tokens = self.settings.capture == "tokens" and not body.get("logprobs")
        if self.settings.capture == "tokens":
            body |= {"return_token_ids": True, "logprobs": True}
        return call.usage_added or self.settings.capture == "tokens"
