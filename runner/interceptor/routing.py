"""Where calls go: an `inference_url` as it is found in the wild, and what each client needs of it.

Pure functions. The forms, their order and their repairs are the rollout contract's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from agents.base import Dialect, Endpoint
from runner.errors import RequestInvalid

ENDINGS: Mapping[str, Dialect] = {
    "/chat/completions": "chat",
    "/responses": "responses",
    "/messages": "messages",
}
"""What an URL that names an endpoint ends in, and the dialect which that endpoint speaks."""
PATHS: Mapping[Dialect, str] = {dialect: path for path, dialect in ENDINGS.items()}

_ID_PREFIXES = ("trace_", "cid_", "eval_")
_ID_QUERIES = ("cid", "trace_correlation_id", "trace")
_LEAKED = re.compile(r"((?:/v1)?(?:/chat/completions|/responses|/messages))/?(?=&|$)")
_OWN_KEYS = {"api.openai.com": "OPENAI_API_KEY", "api.anthropic.com": "ANTHROPIC_API_KEY"}


@dataclass(frozen=True, slots=True)
class Route:
    """One parsed `inference_url`."""

    origin: str
    """Scheme, host and port."""
    path: str
    """Path without the endpoint: no slash at its end, empty for a bare host."""
    query: str
    """The query as it is sent on every call upstream, repaired."""
    ending: Dialect | None
    """The dialect that the URL's ending names; null for a plain base."""
    exact: str | None
    """The whole endpoint as given (path alone); null for a plain base."""
    correlation_id: str | None
    """The id that the URL carries."""
    id_in_path: bool
    """Whether a path segment carries it, so that nothing need be appended."""
    warnings: tuple[str, ...] = ()
    """What was repaired."""

    @property
    def host(self) -> str:
        """Host name in lower case, without the port."""
        return urlsplit(self.origin).hostname or ""

    def url(self, dialect: Dialect, below: str = "") -> str:
        """Return where a call of `dialect` goes upstream; `below` is a path under the endpoint."""
        query = f"?{self.query}" if self.query else ""
        return f"{self.origin}{self._endpoint(dialect)}{below}{query}"

    def models_url(self, dialect: Dialect) -> str:
        """Return where the upstream lists its models."""
        query = f"?{self.query}" if self.query else ""
        base = self._endpoint(dialect).removesuffix(PATHS[dialect])
        return f"{self.origin}{base}/models{query}"

    def _endpoint(self, dialect: Dialect) -> str:
        if self.exact and dialect == self.ending:
            return self.exact
        path = self.path or "/v1"
        if dialect == "messages" and not path.endswith("/v1"):
            path += "/v1"
        return path + PATHS[dialect]

    def direct(self, token: str) -> Endpoint:
        """Return the bases for an agent that calls upstream itself: the id moves into the path."""
        base = self.origin + (self.path or "/v1")
        if self.correlation_id and not self.id_in_path:
            base = f"{base}/{quote(self.correlation_id, safe='')}"
        return Endpoint(openai_base=base, anthropic_base=base.removesuffix("/v1"), token=token)


def parse_url(inference_url: str) -> Route:
    """Take an `inference_url` apart; raises `RequestInvalid` naming the key."""
    parts = urlsplit(inference_url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or not _port_is_valid(inference_url):
        raise RequestInvalid(
            f"inference_url is no http(s) URL: {inference_url!r}",
            hint="give https://host/path, or replay:FILE",
        )
    if parts.username or parts.password:
        raise RequestInvalid(
            "inference_url holds a user or password",
            hint="put the key into SYNTH_API_KEY, INTERCEPTOR_API_KEY or the provider's own variable",
        )
    path, query, warnings = _repaired(parts.path.rstrip("/"), parts.query)
    ending = next((dialect for end, dialect in ENDINGS.items() if path.endswith(end)), None)
    base = path.removesuffix(PATHS[ending]) if ending else path
    found, in_path = _correlation_id(base, query)
    return Route(
        origin=f"{parts.scheme}://{parts.netloc}",
        path=base,
        query=query,
        ending=ending,
        exact=path if ending else None,
        correlation_id=found,
        id_in_path=in_path,
        warnings=warnings,
    )


def _port_is_valid(url: str) -> bool:
    try:
        return urlsplit(url.strip()).port != 0
    except ValueError:
        return False


def _repaired(path: str, query: str) -> tuple[str, str, tuple[str, ...]]:
    """Bring a path that leaked into the query back (`?cid=trace_x/v1/chat/completions`)."""
    leak = _LEAKED.search(query)
    if not leak:
        return path, query, ()
    leaked = leak.group(1)
    if any(path.endswith(end) for end in ENDINGS):
        leaked = ""
    elif "v1" in path.split("/"):
        leaked = leaked.removeprefix("/v1")
    query = query[: leak.start()] + query[leak.end() :]
    warning = f"inference_url: moved {leak.group(1)!r} out of its query, into the path"
    return path + leaked, query, (warning,)


def _correlation_id(path: str, query: str) -> tuple[str | None, bool]:
    """Return the id and whether a path segment carries it, in the contract's order."""
    for segment in reversed(path.split("/")):
        if segment.startswith(_ID_PREFIXES):
            return segment, True
    values = dict(parse_qsl(query))
    return next((values[name] for name in _ID_QUERIES if values.get(name)), None), False


def disagreement(route: Route, correlation_id: str) -> str | None:
    """Return a warning where the URL carries another id than the request's body."""
    if route.correlation_id in {None, correlation_id}:
        return None
    return (
        f"inference_url carries the correlation id {route.correlation_id!r}, the body "
        f"{correlation_id!r}: the body's is echoed"
    )


def key_for(route: Route, environ: Mapping[str, str]) -> str:
    """Return the upstream's key from the environment, empty where there is none.

    A provider's own host gets its own key: another one would be refused there, and given away.
    """
    names = ["SYNTH_API_KEY", "INTERCEPTOR_API_KEY"]
    own = _OWN_KEYS.get(route.host)
    providers = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]
    if route.ending != "messages":
        providers.reverse()
    names = [own] if own else names + providers
    return next((environ[name] for name in names if environ.get(name)), "")
