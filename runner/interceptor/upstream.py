"""Calls the upstream: one HTTP session, errors as `UpstreamFault`s, no limit on time but silence."""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import aiohttp

from agents.base import Dialect
from runner.interceptor import wire_json
from runner.interceptor.faults import ERROR_BYTES, UpstreamFault, fault_of_status
from runner.interceptor.routing import Route

BODY_BYTES = 64 * 1024**2
"""Longest reply that is read whole."""
CONNECT_S = 30.0
HEADER_BYTES = 64 * 1024
"""Longest header that is taken: some gateways send policies and cookies beyond 8 KiB."""
SECRET_CHARS = 8
"""Shorter values of a header are no secrets."""
_DROPPED = {
    "host",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "accept-encoding",
    "authorization",
    "x-api-key",
    "cookie",
    "proxy-authorization",
    "proxy-connection",
}
"""Headers that end here: of one connection, or holding the agent's token."""
_LOCAL = {"127.0.0.1", "localhost", "::1"}


@dataclass
class Upstream:
    """The one upstream of a rollout."""

    route: Route
    key: str
    headers: Mapping[str, str]
    """More headers of the request's for every call."""
    silence_s: float
    last_sign: float = 0.0
    """`time.monotonic` of the last byte, or of the last call sent."""
    _session: aiohttp.ClientSession | None = field(default=None, init=False)

    @asynccontextmanager
    async def post(
        self, url: str, dialect: Dialect, headers: Mapping[str, str], body: bytes
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send one call and yield its reply; raises `UpstreamFault` for any other than a good one."""
        sent = {name: value for name, value in headers.items() if name not in _DROPPED}
        sent |= {"accept-encoding": "identity", "content-type": "application/json", **self._auth(dialect)}
        self.last_sign = monotonic()
        try:
            async with self._client().post(url, data=body, headers=sent, allow_redirects=False) as response:
                self.last_sign = monotonic()
                if response.status != 200:  # noqa: PLR2004
                    found = self._without_secrets(await _head_of(response))
                    raise fault_of_status(response.status, found, response.headers.get("retry-after"))
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._fault(error) from error

    async def get(self, url: str, dialect: Dialect) -> tuple[int, bytes]:
        """Fetch a small document; raises `UpstreamFault`."""
        try:
            headers = self._auth(dialect)
            async with self._client().get(url, headers=headers, allow_redirects=False) as response:
                return response.status, await read_whole(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._fault(error) from error

    async def speaks(self, dialect: Dialect) -> bool | None:
        """Whether the upstream has the dialect's endpoint; null where it cannot be told now.

        It has one where it answers an empty request by anything but a 404.
        """
        try:
            async with asyncio.timeout(10), self.post(self.route.url(dialect), dialect, {}, b"{}"):
                return True
        except UpstreamFault as fault:
            passing = fault.status is None or fault.status in {429, 500, 502, 503, 504, 529}
            return None if passing else fault.status not in {404, 405, 501}
        except TimeoutError:
            return None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=self.silence_s)
            self._session = aiohttp.ClientSession(
                timeout=timeout,
                connector=aiohttp.TCPConnector(limit=0),
                trust_env=self.route.host not in _LOCAL,
                skip_auto_headers=("User-Agent",),
                max_line_size=HEADER_BYTES,
                max_field_size=HEADER_BYTES,
            )
        return self._session

    def _auth(self, dialect: Dialect) -> dict[str, str]:
        headers = {name.lower(): value for name, value in self.headers.items()}
        if self.key and dialect == "messages":
            headers.setdefault("x-api-key", self.key)
            headers.setdefault("anthropic-version", "2023-06-01")
        if self.key and self.route.host != "api.anthropic.com":
            headers.setdefault("authorization", f"Bearer {self.key}")
        return headers

    def _without_secrets(self, body: bytes) -> bytes:
        """Take the key out of an error that quotes it: the agent and the records get that error."""
        for secret in (self.key, *self.headers.values()):
            if len(secret) >= SECRET_CHARS:
                body = body.replace(secret.encode(), b"[secret]")
        return body

    def _fault(self, error: Exception) -> UpstreamFault:
        if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ConnectionTimeoutError):
            return UpstreamFault("timeout", f"silent for {self.silence_s:g} s")
        if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ServerDisconnectedError):
            return UpstreamFault("stream_truncated", "the connection broke off in the middle of the reply")
        return UpstreamFault("connection", f"cannot reach {self.route.origin}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Say why there is no connection: a refusal, an unknown host, a certificate that is not trusted."""
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError) and (cause.errno or 0) > 0:
        return os.strerror(cause.errno or 0)
    return str(cause) or type(cause).__name__


async def _head_of(response: aiohttp.ClientResponse) -> bytes:
    """Read a reply as far as it is of interest."""
    found = bytearray()
    async for chunk in response.content.iter_any():
        found += chunk
        if len(found) >= ERROR_BYTES:
            break
    return bytes(found[:ERROR_BYTES])


async def read_whole(response: aiohttp.ClientResponse) -> bytes:
    """Read a reply that is no stream."""
    found = bytearray()
    async for chunk in response.content.iter_any():
        found += chunk
        if len(found) > BODY_BYTES:
            raise UpstreamFault("upstream_error", f"a reply longer than {BODY_BYTES} bytes", retryable=False)
    return bytes(found)


def parsed(body: bytes, content_type: str) -> Mapping[str, Any]:
    """Return a whole reply as JSON; raises `UpstreamFault` for anything else that says 200."""
    try:
        found = wire_json.read(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        shown = " ".join(body[:200].decode("utf-8", "replace").split()) or "an empty body"
        raise UpstreamFault(
            "upstream_error", f"HTTP 200 with {content_type or 'no content type'}, no JSON: {shown}"
        )
    return found
