"""The first question to a server: again where a pooled connection was closed meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from venturalitica.errors import TrackerUnreachable
from venturalitica.trackers.mlflow.client import first_answer


class Closing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked += 1  # type: ignore[attr-defined]
        if self.server.asked in self.server.closes:  # type: ignore[attr-defined]
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *args) -> None:
        """Silent."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Closing) as server:
        server.daemon_threads = True
        server.asked = 0  # type: ignore[attr-defined]
        server.closes = set()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        yield server
        server.shutdown()


def test_a_connection_closed_while_it_lay_idle_is_opened_again(server):
    door = f"http://127.0.0.1:{server.server_address[1]}"
    first_answer(door, "r1")
    server.closes = {2}
    first_answer(door, "r1")
    assert server.asked == 3


def test_a_server_that_cuts_off_every_connection_is_told(server):
    server.closes = {1, 2, 3}
    with pytest.raises(TrackerUnreachable, match="the connection was cut off"):
        first_answer(f"http://127.0.0.1:{server.server_address[1]}", "r1")
    assert server.asked == 2
