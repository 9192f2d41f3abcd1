"""What is asked besides replies: probes, models, counts of tokens. None of it is a model call."""

import asyncio

from aiohttp import web
from pydantic_core import to_json

from agents.base import Dialect
from runner.interceptor.call import Call
from runner.interceptor.faults import UpstreamFault
from runner.interceptor.upstream import Upstream, parsed, read_whole

LIST_S = 10.0
"""Longest wait for the upstream's list of models."""


def answer_probe(request: web.Request) -> web.Response:
    """Answer what asks for no model; a websocket is refused so that the client goes on with plain HTTP."""
    if request.headers.get("upgrade", "").lower() == "websocket":
        return web.Response(status=426, text="plain HTTP only")
    return web.json_response({"ok": True})


async def list_models(upstream: Upstream, request: web.Request, model: str) -> web.Response:
    """List the upstream's models, or the one of this rollout where it lists none."""
    dialect: Dialect = "messages" if "anthropic-version" in request.headers else "chat"
    try:
        async with asyncio.timeout(LIST_S):
            status, body = await upstream.get(upstream.route.models_url(dialect), dialect)
        if status == 200:  # noqa: PLR2004
            return web.Response(body=body, content_type="application/json")
    except (UpstreamFault, TimeoutError):
        pass
    listed = {"id": model, "object": "model", "type": "model", "created": 0, "owned_by": "upstream"}
    return web.json_response({"object": "list", "data": [listed], "has_more": False})


async def count_tokens(upstream: Upstream, call: Call) -> web.Response:
    """Ask the upstream, or estimate at four bytes a token where it cannot count."""
    if call.upstream == "messages":
        url = upstream.route.url("messages", "/count_tokens")
        call.url = url + (f"{'&' if '?' in url else '?'}{call.query}" if call.query else "")
        call.attempts = 1
        try:
            async with upstream.post(call.url, "messages", call.headers, call.raw) as reply:
                call.status, body = reply.status, await read_whole(reply)
                call.reader.reply.final = parsed(body, reply.content_type)
                return web.Response(body=body, content_type="application/json")
        except UpstreamFault as fault:
            call.status = fault.status
            if fault.status != 404:  # noqa: PLR2004
                call.error, call.message = fault.category, fault.message
                body = fault.body or to_json({"error": {"message": fault.message}})
                return web.Response(status=max(400, fault.status or 400), body=body)
    return web.json_response({"input_tokens": 1 + len(call.raw) // 4})
