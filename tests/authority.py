"""A time-stamping authority made by `openssl`, which answers on this machine's own address."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CONFIG = """\
[req]
distinguished_name = none
[none]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[stamps]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
[tsa]
default_tsa = authority
[authority]
serial = serial
signer_cert = tsa.pem
signer_key = tsa.key
signer_digest = {digest}
default_policy = 1.2.3.4
digests = sha256, sha512
ess_cert_id_alg = sha256
"""


class Authority:
    """Its files in `folder`: `ca.pem` is the root, `tsa.pem` signs time stamps."""

    def __init__(self, folder: Path, *, key: str = "ec", digest: str = "sha256") -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tsa.cnf").write_text(CONFIG.format(digest=digest))
        (folder / "serial").write_text("01\n")
        self._key = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["rsa:2048"]
        self._new("ca", "/CN=Root of tests", "-x509", "-extensions", "ca")
        self.issue("/CN=Authority of tests")

    @property
    def roots(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, subject: str, *, use: str = "stamps") -> None:
        """A certificate that signs from now on."""
        self._new("tsa", subject)
        signed = "-in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out tsa.pem -days 3"
        self._run("x509", "-req", *signed.split(), "-extfile", "tsa.cnf", "-extensions", use)

    def answer(self, request: bytes) -> bytes:
        """What it answers to a request, DER both."""
        (self.folder / "request").write_bytes(request)
        where = "-config tsa.cnf -section authority -queryfile request -out response"
        self._run("ts", "-reply", *where.split())
        return (self.folder / "response").read_bytes()

    def verifies(self, response: bytes, data: bytes) -> bool:
        """What `openssl ts -verify` says, with the root alone."""
        (self.folder / "response").write_bytes(response)
        (self.folder / "data").write_bytes(data)
        where = ("-in", "response", "-data", "data", "-CAfile", "ca.pem")
        told = self._run("ts", "-verify", *where, check=False)
        return told.returncode == 0 and b"Verification: OK" in told.stdout

    def _new(self, name: str, subject: str, *more: str) -> None:
        out = f"{name}.pem" if more else f"{name}.csr"
        made = ["-newkey", *self._key, "-nodes", "-keyout", f"{name}.key", "-out", out]
        self._run("req", "-config", "tsa.cnf", *made, "-subj", subject, *more)

    def _run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            ["openssl", *arguments], cwd=self.folder, check=check, capture_output=True
        )


@contextmanager
def served(answer: Callable[[bytes], bytes], status: int = 200) -> Iterator[str]:
    """The address at which requests are answered so, over HTTP."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            said = answer(body)
            self.send_response(status)
            if status in (301, 302, 307):
                self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            with suppress(BrokenPipeError):  # who asked may have gone
                self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/tsr"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
