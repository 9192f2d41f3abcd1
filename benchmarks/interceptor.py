"""What the interceptor adds to a call, side by side with a direct connection to the same upstream.

    python benchmarks/interceptor.py [--calls N] [--connections N]

The upstream, the interceptor, bare relays (no records, no checks) and the client are processes of their own.
60 kB prompts; streams of 300 chunks; the upstream answers at once. Figures are of one run.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import stacks
from aiohttp import web

from runner.interceptor import open_interceptor
from runner.interceptor.host import host
from runner.request import Rollout

PROMPT = [{"role": "user", "content": "All work and no play. " * 2800}]
CHUNKS = 300
USAGE = {"prompt_tokens": 15000, "completion_tokens": 300, "total_tokens": 15300}
MESSAGE = {"role": "assistant", "content": "Done."}


def _event(delta: dict[str, str], reason: str | None = None) -> bytes:
    chunk = {"id": "x", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


async def _answer(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    if not body.get("stream"):
        choice = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}
        return web.json_response({"id": "x", "model": "m", "choices": [choice], "usage": USAGE})
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(request)
    for _ in range(CHUNKS):
        await response.write(_event({"content": "word "}))
        await asyncio.sleep(0)
    usage = {"id": "x", "model": "m", "choices": [], "usage": USAGE}
    await response.write(_event({}, "stop") + b"data: " + json.dumps(usage).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


def _upstream() -> web.Application:
    app = web.Application(client_max_size=2**30)
    app.router.add_post("/v1/chat/completions", _answer)
    return app


def _bare_relay(upstream: str) -> Callable[[], web.Application]:
    async def relay(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with request.app[session].post(upstream + request.path, data=body) as reply:
            response = web.StreamResponse(headers={"content-type": reply.content_type})
            await response.prepare(request)
            async for chunk in reply.content.iter_any():
                await response.write(chunk)
            return response

    session: web.AppKey[aiohttp.ClientSession] = web.AppKey("session", aiohttp.ClientSession)

    async def start(app: web.Application) -> None:
        app[session] = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def stop(app: web.Application) -> None:
        await app[session].close()

    def make() -> web.Application:
        app = web.Application(client_max_size=2**30)
        app.router.add_post("/{path:.*}", relay)
        app.on_startup.append(start)
        app.on_cleanup.append(stop)
        return app

    return make


@dataclass(frozen=True)
class Target:
    """Something to call."""

    name: str
    url: str
    token: str
    pid: int


Pipe = Any


def _serve(make: Callable[[], web.Application], pipe: Pipe) -> None:
    with host(make) as url:
        pipe.send((url, ""))
        pipe.recv()


def _serve_upstream(pipe: Pipe) -> None:
    _serve(_upstream, pipe)


def _serve_bare(upstream: str, pipe: Pipe) -> None:
    _serve(_bare_relay(upstream), pipe)


def _serve_interceptor(upstream: str, pipe: Pipe) -> None:
    url = f"{upstream}/v1/chat/completions"
    rollout = Rollout(trace_correlation_id="trace_bench", inference_url=url, model="m")
    with (
        tempfile.TemporaryDirectory() as folder,
        open_interceptor(rollout, {"SYNTH_API_KEY": "k"}, folder=Path(folder)) as interceptor,
    ):
        endpoint = interceptor.endpoint("chat")
        pipe.send((endpoint.openai_base.removesuffix("/v1"), endpoint.token))
        pipe.recv()


@contextmanager
def _running(name: str, serve: Callable[..., None], *given: str) -> Iterator[Target]:
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(*given, theirs))
    child.start()
    url, token = ours.recv()
    try:
        yield Target(name, url, token, child.pid or 0)
    finally:
        ours.send(None)
        child.join(10)


def _body(*, stream: bool) -> bytes:
    options = {"stream_options": {"include_usage": True}} if stream else {}
    return json.dumps({"model": "m", "messages": PROMPT, "stream": stream, **options}).encode()


def _session(target: Target) -> aiohttp.ClientSession:
    headers = {"authorization": f"Bearer {target.token}", "content-type": "application/json"}
    return aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0))


async def _calls(target: Target, count: int, connections: int) -> tuple[list[float], float]:
    """Return the milliseconds of each call, and the calls a second."""
    body = _body(stream=False)
    taken: list[float] = []
    left = iter(range(count))

    async def work(session: aiohttp.ClientSession) -> None:
        for _ in left:
            began = time.perf_counter()
            async with session.post(f"{target.url}/v1/chat/completions", data=body) as reply:
                await reply.read()
            taken.append(1000 * (time.perf_counter() - began))

    async with _session(target) as session:
        began = time.perf_counter()
        await asyncio.gather(*(work(session) for _ in range(connections)))
        return taken, count / (time.perf_counter() - began)


async def _stream(target: Target, session: aiohttp.ClientSession) -> tuple[float, float]:
    """Return the milliseconds to the first byte, and those of the whole stream shared out to its chunks."""
    began = time.perf_counter()
    first = 0.0
    async with session.post(f"{target.url}/v1/chat/completions", data=_body(stream=True)) as reply:
        async for _ in reply.content.iter_any():
            first = first or time.perf_counter()
    return 1000 * (first - began), 1000 * (time.perf_counter() - began) / CHUNKS


def _cpu_ms(target: Target) -> float:
    """Return the process's CPU time so far: unlike the clock it does not mind who else is at work."""
    fields = Path(f"/proc/{target.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(target: Target) -> float:
    status = Path(f"/proc/{target.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


async def _measure(targets: list[Target], calls: int, connections: int) -> list[dict[str, float]]:
    """Measure all targets in turns, so that they share the machine's mood."""
    single: list[list[float]] = [[] for _ in targets]
    streams: list[list[tuple[float, float]]] = [[] for _ in targets]
    sessions = [_session(target) for target in targets]
    for target in targets:
        await _calls(target, 20, 1)
    for _ in range(10):
        for index, target in enumerate(targets):
            single[index] += (await _calls(target, calls // 10, 1))[0]
            streams[index] += [await _stream(target, sessions[index]) for _ in range(max(1, calls // 100))]
    before = [_cpu_ms(target) for target in targets]
    rates = [(await _calls(target, calls, connections))[1] for target in targets]
    cpu = [(_cpu_ms(target) - begun) / calls for target, begun in zip(targets, before, strict=True)]
    for session in sessions:
        await session.close()
    return [
        {
            "call p50 ms": statistics.median(taken),
            "p95": statistics.quantiles(taken, n=100)[94],
            "p99": statistics.quantiles(taken, n=100)[98],
            "calls/s": 1000 / statistics.mean(taken),
            f"at {connections}": rate,
            "first byte ms": statistics.median(first for first, _ in passed),
            "chunk ms": statistics.median(chunk for _, chunk in passed),
            "CPU ms": used,
            "memory MB": _memory(target),
        }
        for target, taken, passed, rate, used in zip(targets, single, streams, rates, cpu, strict=True)
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    with ExitStack() as stack:
        upstream = stack.enter_context(_running("direct", _serve_upstream))
        others = {"aiohttp relay": _serve_bare, "interceptor": _serve_interceptor}
        if find_spec("starlette") and find_spec("uvicorn"):
            others = {"starlette relay": stacks.serve, **others}
        relays = (_running(name, serve, upstream.url) for name, serve in others.items())
        targets = [upstream, *map(stack.enter_context, relays)]
        found = asyncio.run(_measure(targets, given.calls, given.connections))
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {given.calls} calls each")
    print(f"{'':14}" + "".join(f"{name:>14}" for name in found[0]))
    for target, figures in zip(targets, found, strict=True):
        print(f"{target.name:16}" + "".join(f"{value:14.2f}" for value in figures.values()))
    for name in ("call p50 ms", "p95", "p99", "chunk ms"):
        print(f"added {name}: {found[-1][name] - found[0][name]:.3f}")


if __name__ == "__main__":
    main()
