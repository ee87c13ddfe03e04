"""An HTTP proxy before a real server, with faults to order, that keeps all it was sent.

Its `fault` may be changed at any time and holds for requests that begin after that. `refuse` closes
the listening socket; `come_back` opens it again on the same port.
"""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
HTML = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
STATUS = {
    "429": (429, {"Retry-After": "3600"}, b"too many requests"),
    "500": (500, {}, b'{"error_code": "INTERNAL_ERROR"}'),
    "502": (502, {"Content-Type": "text/html"}, HTML),
    "401": (401, {}, b"who are you?"),
    "403": (403, {}, b"not you"),
}


class Proxy:
    """Listens on loopback; `hook(number, phase)` is called before and after each is passed on.

    Faults: "" (none), "silent", "drip" (a byte a second), "late" (a second for each answer),
    "cut" (the connection ends half way through an upload), "half" (half way through an answer),
    and the keys of `STATUS`. `after` lets so many requests pass first.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.fault = ""
        self.after = 0
        self.hook: Callable[[int, str], None] | None = None
        self.echo = False
        self.sent: list[bytes] = []
        self.requests = 0
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._listen(0)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, port: int) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def refuse(self) -> None:
        """As a server that is not there; what is connected is cut off."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server.cut_off()

    def come_back(self) -> None:
        self._listen(self.port)

    @property
    def listening(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        self.ended.set()
        self.refuse()

    def order(self, fault: str, *, after: int = 0) -> None:
        """From now on, or after so many requests more."""
        with self._lock:
            self.fault, self.after = fault, after

    def take(self) -> tuple[int, str]:
        """The number of a request, from 1, and the fault that it meets."""
        with self._lock:
            self.requests += 1
            if self.after > 0:
                self.after -= 1
                return self.requests, ""
            return self.requests, self.fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    proxy: Proxy

    def __init__(self, *arguments) -> None:
        self.connected: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request, client_address) -> None:
        self.connected.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request) -> None:
        self.connected.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address) -> None:
        """A client that was killed, or a connection that we cut: what is wanted here."""

    def cut_off(self) -> None:
        for one in list(self.connected):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    raw_requestline: bytes
    server: _Server
    # Without it each answer waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    wbufsize = -1

    def _any(self) -> None:
        proxy = self.server.proxy
        number, fault = proxy.take()
        length = int(self.headers.get("Content-Length") or 0)
        if fault == "cut" and self.command in ("PUT", "POST") and length:
            self._pass_half_on(self.rfile.read(length // 2))
            self._hang_up()
            return
        body = self.rfile.read(length)
        proxy.sent.append(self._head() + body)
        if fault == "silent":
            proxy.ended.wait(600)
            self._hang_up()
        elif fault in STATUS:
            self._answer(*STATUS[fault])
        else:
            self._pass_on(number, fault, body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _any  # noqa: N815

    def _pass_on(self, number: int, fault: str, body: bytes) -> None:
        hook = self.server.proxy.hook
        if hook is not None:
            hook(number, "before")
        status, headers, answer = self._upstream(body)
        if hook is not None:
            hook(number, "after")
        if fault == "late":
            time.sleep(1)
        if fault in ("half", "drip"):
            self._slowly(status, answer, stop=len(answer) // 2 if fault == "half" else None)
        else:
            self._answer(status, headers, answer)

    def _head(self) -> bytes:
        """The request line and the headers as they came; as a message they would be folded."""
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        return self.raw_requestline + headers.encode("latin-1") + b"\r\n"

    def _pass_half_on(self, half: bytes) -> None:
        """The server sees the beginning of an upload, and then the end of the connection."""
        address = urlsplit(self.server.proxy.upstream)
        with socket.create_connection((address.hostname or "", address.port or 80)) as upstream:
            upstream.sendall(self._head() + half)
            upstream.shutdown(socket.SHUT_WR)
            upstream.settimeout(5)
            try:
                upstream.recv(1)  # until the server has made of it what it will
            except OSError:
                return

    def _upstream(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        address = urlsplit(self.server.proxy.upstream)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=600)
        headers = {key: value for key, value in self.headers.items() if key.lower() not in HOP}
        headers["Host"] = address.netloc
        try:
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in HOP}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        if self.server.proxy.echo and status >= 400:
            body += self._head()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _slowly(self, status: int, body: bytes, *, stop: int | None) -> None:
        head = f"HTTP/1.1 {status} .\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        if stop is not None:
            self.wfile.write(head + body[:stop])
            self.wfile.flush()
            self._hang_up()
            return
        for byte in head + body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.proxy.ended.wait(1):
                return

    def _hang_up(self) -> None:
        self.close_connection = True
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def log_message(self, *arguments) -> None:
        """Silent."""
