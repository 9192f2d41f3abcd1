"""A bare relay on starlette, uvicorn and httpx2: the other HTTP stack that the interceptor could stand on.

`benchmarks/interceptor.py` measures it beside the others where starlette and uvicorn are installed:

    pip install --target /tmp/stacks starlette uvicorn
    PYTHONPATH=/tmp/stacks python benchmarks/interceptor.py
"""

import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2


def serve(upstream: str, pipe: Any) -> None:  # noqa: ANN401 - multiprocessing's connection
    """Relay to `upstream` until the pipe says to end."""
    import uvicorn  # type: ignore[import-not-found] # noqa: PLC0415

    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    server = uvicorn.Server(uvicorn.Config(_app(upstream), log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    pipe.send((f"http://127.0.0.1:{listener.getsockname()[1]}", ""))
    pipe.recv()
    server.should_exit = True
    thread.join(5)


def _app(upstream: str) -> Any:  # noqa: ANN401 - starlette is not installed with us
    from starlette.applications import Starlette  # type: ignore[import-not-found] # noqa: PLC0415
    from starlette.responses import StreamingResponse  # type: ignore[import-not-found] # noqa: PLC0415
    from starlette.routing import Route  # type: ignore[import-not-found] # noqa: PLC0415

    client = httpx2.AsyncClient(timeout=None, limits=httpx2.Limits(max_connections=None))

    async def relay(request: Any) -> Any:  # noqa: ANN401
        url, content = upstream + request.url.path, await request.body()
        reply = await client.send(client.build_request("POST", url, content=content), stream=True)

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in reply.aiter_raw():
                yield chunk
            await reply.aclose()

        return StreamingResponse(chunks(), media_type=reply.headers["content-type"])

    return Starlette(routes=[Route("/{path:path}", relay, methods=["POST"])])
