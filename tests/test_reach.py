import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from runner.reach import reach


class Refusing(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self.send_response(int(self.path.rpartition("/")[2]))
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
        del format, args


@pytest.fixture
def server() -> Iterator[str]:
    """Serve the status that the path asks for."""
    server = HTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("status", "state"), [(200, "ok"), (401, "ok"), (405, "ok"), (503, "warning")])
def test_whatever_a_server_answers_it_is_reached(server: str, status: int, state: str) -> None:
    finding = reach(f"{server}/{status}")
    assert finding.state == state
    assert f"HTTP {status}" in finding.text


def test_a_closed_port_and_an_unknown_host_are_missing_with_the_url() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
        finding = reach(url)
    assert finding.state == "missing"
    assert finding.text == f"{url} is not reached: Connection refused"
    unknown = reach("https://interceptor.invalid/v1")
    assert unknown.state == "missing"
    assert "no address for interceptor.invalid" in unknown.text


@pytest.mark.parametrize("url", ["", "ftp://host.invalid/", "https://", "http://host.invalid:x/"])
def test_what_is_no_url_is_said_to_be_none(url: str) -> None:
    assert "is no URL" in reach(url).text


def test_a_replay_needs_its_file(tmp_path: Path) -> None:
    assert reach(f"replay:{tmp_path / 'none.json'}").state == "missing"
    (tmp_path / "replay.json").write_text("{}")
    assert reach(f"replay:{tmp_path / 'replay.json'}").state == "ok"
