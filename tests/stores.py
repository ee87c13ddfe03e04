"""Where data lie beyond this machine, on loopback: moto's S3, and a server of files. Both say what
they were asked for."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "b7Xq/2mT9vLkZ4hR"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
    "AWS_SECRET_ACCESS_KEY": SECRET,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@contextmanager
def s3_server() -> Iterator[Any]:
    """A store at `.at`; `.asked` has each request's method, path and range."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    store = DomainDispatcherApplication(create_backend_app)
    asked: list[tuple[str, str, str]] = []

    def counted(environ: Any, start: Any) -> Any:
        found = (environ["REQUEST_METHOD"], environ["PATH_INFO"], environ.get("HTTP_RANGE", ""))
        asked.append(found)
        return store(environ, start)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server: Any = make_server("127.0.0.1", 0, counted, threaded=True)
    server.at, server.asked = f"http://127.0.0.1:{server.server_port}", asked
    with _serving(server):
        yield server


@contextmanager
def web_server(host: str = "127.0.0.1") -> Iterator[Any]:
    """A server at `.at` of the files in `.files`, path -> bytes: see `_Handler`."""
    server: Any = ThreadingHTTPServer((host, 0), _Handler)
    server.files, server.ranges, server.most, server.sent = {}, True, 1 << 40, 0
    server.headers, server.waits, server.status = {}, None, 0
    server.asked = []
    server.at = server.elsewhere = f"http://{host}:{server.server_port}"
    with _serving(server):
        yield server


@contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Files of `server.files`; pieces where `server.ranges`, `server.most` bytes in all. What is in
    `server.headers` wins over what is right; half way it waits for `server.waits`. What is asked
    for below `/moved/` is at `server.elsewhere`; `server.status` answers all, where set."""

    server: Any

    def log_message(self, *_: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(send=False)

    def do_GET(self) -> None:
        self._answer(send=True)

    def _answer(self, *, send: bool) -> None:
        self.server.asked.append(self.command)
        content = self.server.files.get(self.path.partition("?")[0])
        if self.server.status:
            self.send_response(self.server.status)
            for name, value in {"Content-Length": "0", **self.server.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            return
        if self.path.startswith("/moved/"):
            self.send_response(302)
            self.send_header("Location", self.server.elsewhere + self.path.removeprefix("/moved"))
            self.end_headers()
            return
        if content is None:
            self.send_error(404)
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        first, last = 0, len(content) - 1
        if asked and self.server.ranges:
            first, last = int(asked[1]), min(int(asked[2] or last), last)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
        else:
            self.send_response(200)
        if self.server.ranges:
            self.send_header("Accept-Ranges", "bytes")
        headers = {"Content-Length": str(last + 1 - first), **self.server.headers}
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if send:
            with suppress(ConnectionError):  # who does not want it leaves
                self._send(content[first : last + 1])

    def _send(self, content: bytes) -> None:
        piece = content[: self.server.most]
        self.server.sent += len(content)
        self.server.most -= len(piece)
        half = len(piece) // 2 if self.server.waits else 0
        self.wfile.write(piece[:half])
        if self.server.waits:
            self.server.waits.wait(60)
        self.wfile.write(piece[half:])
        if len(piece) < len(content):
            self.close_connection = True
