"""A tracking server that lacks an optional endpoint: older than ours, another's, or behind a proxy.

A real `mlflow server`, and before it a proxy that answers some paths as if they were not there.
"""

from __future__ import annotations

import http.client
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from venturalitica.errors import TrackerError
from venturalitica.trackers.mlflow import MlflowTracker

worlds = sys.modules["tracker_worlds"]
parcel = worlds.parcel

PLAIN = {404: b"<h1>404</h1>", 405: b"", 501: b"not here"}


class Lacking(BaseHTTPRequestHandler):
    """Passes everything on but the paths that the server was told to lack."""

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        lack, status, said = self.server.lack  # type: ignore[attr-defined]
        if any(path in self.path for path in lack):
            self._send(status, said, "application/json")
            return
        upstream = urlsplit(self.server.upstream)  # type: ignore[attr-defined]
        connection = http.client.HTTPConnection(upstream.hostname or "", upstream.port, timeout=60)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        connection.request(self.command, self.path, body, headers)
        found = connection.getresponse()
        self._send(found.status, found.read(), found.getheader("Content-Type", ""))
        connection.close()

    do_GET = do_POST = do_PUT = do_PATCH = answer  # noqa: N815 - names of http.server

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        """Silent."""


@pytest.fixture
def proxy(mlflow, server_uri) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Lacking) as server:
        server.upstream = server_uri  # type: ignore[attr-defined]
        server.lack = ((), 404, b"")  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        mlflow.set_tracking_uri(f"http://127.0.0.1:{server.server_port}")
        yield server
        mlflow.set_tracking_uri(server_uri)
        server.shutdown()
        thread.join()


def deliver(mlflow, proxy, lack, status=404, said=None, *parcels):
    """Deliver while the proxy lacks these paths; gives the receipts and what the server has."""
    tracker = MlflowTracker()
    with mlflow.start_run():
        run = tracker.active_run()
        assert run is not None
        proxy.lack = (lack, status, PLAIN[status] if said is None else said)
        try:
            receipts = [tracker.deliver(run, one) for one in parcels or (parcel(),)]
        finally:
            proxy.lack = ((), 404, b"")
    return receipts, worlds.MlflowWorld(tracker, mlflow).look(run)


def all_but(seen):
    assert seen.tags["venturalitica.light"] == "red"
    assert seen.tags["venturalitica.control.accuracy"] == "passed"
    assert seen.tags["venturalitica.evidence_sha256"] == parcel().evidence_sha256
    assert seen.artifacts["venturalitica/evidence.json"] == parcel().evidence


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (404, None),
        (404, b'{"detail": "Not Found"}'),
        (404, b'{"error_code": "ENDPOINT_NOT_FOUND", "message": "no API found"}'),
        (405, None),
        (405, b'{"detail": "Method Not Allowed"}'),
        (501, None),
    ],
)
def test_a_server_that_takes_no_inputs(mlflow, proxy, status, said):
    (receipt,), seen = deliver(mlflow, proxy, ["runs/log-inputs"], status, said)
    all_but(seen)
    assert seen.inputs == []
    assert len(seen.points) == 8
    assert receipt.detail.endswith("refused by the tracker: input audit")


@pytest.mark.parametrize(
    "lack",
    [["runs/log-batch"], ["runs/set-tag"], ["metrics/get-history"], ["runs/log-metric"]],
    ids=str,
)
def test_a_server_that_lacks_another_request_has_it_all_the_same(mlflow, proxy, lack):
    """Twice, and again: values that cannot be compared with their history are there once."""
    both = (parcel(1), parcel(2), parcel(1))
    receipts, seen = deliver(mlflow, proxy, lack, 404, None, *both)
    all_but(seen)
    assert len(seen.points) == 16
    assert "<!-- venturalitica" in seen.tags["mlflow.note.content"]
    assert not any("refused" in receipt.detail for receipt in receipts)


def test_a_server_that_takes_no_metrics_at_all(mlflow, proxy, caplog):
    lack = ["runs/log-metric", "runs/log-batch"]
    (receipt, _), seen = deliver(mlflow, proxy, lack, 404, None, parcel(1), parcel(1))
    all_but(seen)
    assert seen.points == []
    assert "venturalitica/accuracy, " in receipt.detail
    assert caplog.text.count("the run refused 8 key(s)") == 1


def test_a_server_that_takes_no_files_has_the_tags_but_no_green_and_the_evidence_waits(
    mlflow, proxy
):
    tracker = MlflowTracker()
    found = []
    for light in ("red", "green"):
        with mlflow.start_run() as active:
            run = tracker.active_run()
            assert run is not None
            proxy.lack = (["mlflow-artifacts/artifacts"], 404, b"")
            with pytest.raises(TrackerError):
                tracker.deliver(run, parcel(light=light))
            proxy.lack = ((), 404, b"")
        found.append(mlflow.get_run(active.info.run_id).data.tags)
    assert [tags["venturalitica.control.accuracy"] for tags in found] == ["passed", "passed"]
    assert [tags.get("venturalitica.light") for tags in found] == ["red", None]
    assert not any("venturalitica.evidence_sha256" in tags for tags in found)
    assert run is not None
    tracker.deliver(run, parcel(light="green"))
    assert mlflow.get_run(run.run_id).data.tags["venturalitica.light"] == "green"


def test_a_server_in_trouble_is_not_one_that_lacks_something(mlflow, proxy, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackerError):
        deliver(mlflow, proxy, ["runs/log-inputs"], 500, b'{"error_code": "INTERNAL_ERROR"}')
