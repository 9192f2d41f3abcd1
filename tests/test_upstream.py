"""What reaches the upstream, and what of it reaches nobody else."""

import gzip
import json
import socket
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web

from runner.errors import RequestInvalid
from runner.interceptor.records import CALLS
from tests.relaying import KEY, Relaying, relaying
from tests.upstreams import chunks, upstream

CHAT: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {"id": "x", "model": "m", "choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}


def ask(relay: Relaying) -> httpx2.Response:
    endpoint = relay.interceptor.endpoint("chat")
    headers = {"authorization": f"Bearer {endpoint.token}"}
    return httpx2.post(f"{endpoint.openai_base}/chat/completions", json=CHAT, headers=headers)


def models(relay: Relaying) -> Any:
    endpoint = relay.interceptor.endpoint("chat")
    headers = {"authorization": f"Bearer {endpoint.token}"}
    return httpx2.get(f"{endpoint.openai_base}/models", headers=headers).json()


def test_a_key_that_the_provider_quotes_reaches_neither_agent_nor_records(tmp_path: Path) -> None:
    def quote(request: web.Request, _: bytes) -> web.Response:
        said = f"no such key: {request.headers['authorization']}, {request.headers['x-secret']}"
        return web.json_response({"error": {"message": said}}, status=401)

    with (
        upstream(quote) as up,
        relaying(tmp_path, f"{up.url}/v1/chat/completions", upstream_headers={"X-Secret": "a" * 20}) as relay,
    ):
        told = ask(relay).text + (tmp_path / CALLS).read_text() + str(relay.interceptor.failure())
    assert "no such key: Bearer [secret], [secret]" in told
    assert KEY not in told
    assert "a" * 20 not in told


def test_a_header_of_the_requests_own_goes_before_the_runners_once(tmp_path: Path) -> None:
    with upstream(lambda *_: web.json_response(ANSWER)) as up:
        url = f"{up.url}/v1/chat/completions"
        with relaying(tmp_path, url, upstream_headers={"Authorization": "Basic abc"}) as relay:
            ask(relay)
        assert up.requests[0].headers.getall("authorization") == ["Basic abc"]


@pytest.mark.parametrize("headers", [{"x-a": "b\r\nx-c: d"}, {"x a": "b"}, {"": "b"}], ids=str)
def test_a_header_that_cannot_be_sent_is_refused_at_once(tmp_path: Path, headers: dict[str, str]) -> None:
    with (
        pytest.raises(RequestInvalid, match=r"params\.upstream_headers: .*cannot be sent"),
        relaying(tmp_path, "http://127.0.0.1:9/v1", upstream_headers=headers),
    ):
        pass


def test_no_redirect_carries_the_key_elsewhere(tmp_path: Path) -> None:
    with upstream(lambda *_: web.json_response({"data": []})) as elsewhere:

        def away(*_: object) -> web.Response:
            return web.Response(status=307, headers={"location": f"{elsewhere.url}/v1/models"})

        with upstream(away) as up, relaying(tmp_path, f"{up.url}/v1/messages") as relay:
            assert models(relay)["data"][0]["id"] == "some-model"
        assert elsewhere.requests == []


def test_a_long_list_of_models_is_passed_on_whole(tmp_path: Path) -> None:
    listed = {"data": [{"id": "x" * 1000}] * 3000}
    with (
        upstream(lambda *_: web.json_response(listed)) as up,
        relaying(tmp_path, f"{up.url}/v1/chat/completions") as relay,
    ):
        assert models(relay) == listed


def test_an_answer_with_long_headers_is_taken(tmp_path: Path) -> None:
    with (
        upstream(lambda *_: web.json_response(ANSWER, headers={"x-policy": "p" * 20_000})) as up,
        relaying(tmp_path, f"{up.url}/v1/chat/completions") as relay,
    ):
        assert ask(relay).json() == ANSWER


def test_an_answer_that_comes_compressed_unasked_is_understood(tmp_path: Path) -> None:
    def squeeze(*_: object) -> web.Response:
        body = gzip.compress(json.dumps(ANSWER).encode())
        return web.Response(
            body=body, headers={"content-encoding": "gzip", "content-type": "application/json"}
        )

    with upstream(squeeze) as up, relaying(tmp_path, f"{up.url}/v1/chat/completions") as relay:
        got = ask(relay)
        assert got.json() == ANSWER
        assert "content-encoding" not in got.headers
        assert relay.records[0].response is not None


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("base", ["openai_base", "anthropic_base"])
def test_half_a_character_in_a_reply_is_no_broken_reply(tmp_path: Path, base: str, stream: bool) -> None:  # noqa: FBT001
    half = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "half \ud83d"}}
    piece = {"index": 0, "finish_reason": "stop", "delta": {"content": "half \ud83d"}}
    event = f"data: {json.dumps({'id': 'x', 'model': 'm', 'choices': [piece]})}\n\ndata: [DONE]\n\n"

    def answer(*_: object) -> object:
        return chunks([event.encode()]) if stream else web.json_response({"id": "x", "choices": [half]})

    with upstream(answer) as up, relaying(tmp_path, f"{up.url}/v1/chat/completions") as relay:
        endpoint = relay.interceptor.endpoint("chat")
        path = {"openai_base": "/chat/completions", "anthropic_base": "/v1/messages"}[base]
        body = {
            "model": "m",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "x"}],
            "stream": stream,
        }
        headers = {"authorization": f"Bearer {endpoint.token}"}
        answered = httpx2.post(getattr(endpoint, base) + path, json=body, headers=headers)
        (record,) = relay.records
    assert (answered.status_code, record.outcome.attempts) == (200, 1)
    assert record.response is not None
    assert record.response.text == "half ?"


def test_a_certificate_that_is_not_trusted_is_said(tmp_path: Path) -> None:
    names = ["-subj", "/CN=here", "-addext", "subjectAltName=IP:127.0.0.1"]
    made = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "key",
        "-out",
        "cert",
        *names,
    ]
    subprocess.run(made, cwd=tmp_path, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def shake() -> None:
            with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
                connection.recv(1)

        pool.submit(shake)
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v1/chat/completions"
        with relaying(tmp_path / "calls", url, upstream_attempts=1) as relay:
            ask(relay)
            assert "self-signed certificate" in str(relay.interceptor.failure())


def test_a_host_that_nobody_knows_is_said(tmp_path: Path) -> None:
    with relaying(tmp_path, "https://nowhere.invalid/v1/chat/completions", upstream_attempts=1) as relay:
        ask(relay)
        said = str(relay.interceptor.failure())
    assert "cannot reach https://nowhere.invalid" in said
    assert "nknown error" not in said
