"""A process killed at any request of a delivery: `sync` brings all that is missing, once."""

from __future__ import annotations

import json
import os
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import astuple

import venturalitica as vl
from venturalitica import trackers
from venturalitica.audit import delivery
from venturalitica.audit.project import open_ledger
from venturalitica.core.encoding import sha256_hex
from venturalitica.errors import TrackerError, TrackerUnreachable
from venturalitica.ledger import Outbox, outbox
from venturalitica.review.health.evidence import evidence
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import DataRef, Parcel, Receipt, RunRef, Tracker
from venturalitica.trackers.layout import Claim
from venturalitica.trackers.publish import Point, Shelf, publish, publish_page

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}
KILLED = 9


class Server(Shelf):
    """One run in a folder, which outlives the process; `request` is called after each change."""

    def __init__(self, folder: Path, request: Callable[[], None]) -> None:
        self._folder, self._request = folder, request

    def kept(self, what: str) -> Any:
        path = self._folder / what
        return json.loads(path.read_text()) if path.exists() else {}

    def _keep(self, what: str, value: object) -> None:
        self._folder.mkdir(exist_ok=True)
        (self._folder / what).write_text(json.dumps(value))
        self._request()

    def tags(self) -> Mapping[str, str]:
        return self.kept("tags")

    def put_tags(self, tags: Mapping[str, str]) -> Sequence[str]:
        self._keep("tags", {**self.tags(), **tags})
        return ()

    def files(self) -> dict[str, str]:
        return self.kept("files")

    def read(self, path: str) -> bytes:
        return self.files()[path].encode()

    def write(self, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():  # each is a request of its own
            self._keep("files", self.files() | {path: data.decode()})

    def put_points(self, points: Sequence[Point], *, again: bool) -> Sequence[str]:
        old = list(self.kept("points"))
        new = [list(astuple(point)) for point in points]
        self._keep("points", old + [point for point in new if point not in old])
        return ()

    def put_inputs(self, data: Sequence[DataRef]) -> Sequence[str]:
        old = list(self.kept("inputs"))
        self._keep("inputs", old + [one.digest for one in data if one.digest not in old])
        return ()

    def put_section(self, key: str, text: str) -> Sequence[str]:
        self._keep("sections", self.kept("sections") | {key: text})
        return ()

    def put_extras(self, parcel: Parcel, claim: Claim) -> None:
        self._keep("extras", self.kept("extras") | {claim.id: parcel.light})

    def put_page_extras(self, parcel: Parcel, claim: Claim, page: bytes) -> None:
        self._keep("page extras", self.kept("page extras") | {claim.id: sha256_hex(page)})


class ServerTracker(Tracker):
    name = "server"

    def __init__(self, folder: Path) -> None:
        self.requests = self.dies_after = self.pages = 0
        self.page_fault: TrackerError | None = None
        self.shelf = Server(folder, self.request)

    def request(self) -> None:
        self.requests += 1
        if self.requests == self.dies_after:
            os._exit(KILLED)

    def active_run(self) -> RunRef | None:
        return RunRef(self.name, "run")

    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        return publish(self.shelf, run, parcel)

    def deliver_page(self, run: RunRef, parcel: Parcel) -> None:
        self.pages += 1
        if self.page_fault is not None:
            raise self.page_fault
        publish_page(self.shelf, parcel)

    def files(self, run: RunRef) -> dict[str, bytes]:
        raise NotImplementedError


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], ServerTracker]:
    """Have a server in a folder; that a receipt was written counts as one of its requests."""
    plain = outbox._append_line
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")

    def begin(folder: Path) -> ServerTracker:
        one = ServerTracker(folder)

        def append(path: Path, line: bytes) -> None:
            plain(path, line)
            one.request()

        monkeypatch.setattr(trackers, "_loaded", lambda _: iter((one,)))
        monkeypatch.setattr(outbox, "_append_line", append)
        return one

    return begin


def train(table: Any, policy: Path) -> None:
    vl.enforce(table, policy=policy, **ROLES)
    delivery.settle()


def killed(act: Callable[[], object]) -> bool:
    """Do it in a forked child; whether that was killed before its end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException:  # noqa: BLE001 - a child of a test must not run the test's own ends
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, KILLED)
    return status == KILLED


def all_is_there_once(shelf: Server) -> None:
    entries = open_ledger().entries()
    lines = [entry.envelope.decode() for entry in entries if entry.record.kind != "begin"]
    ids = {sha256_hex(line.encode())[:12] for line in lines}
    files, tags = shelf.files(), shelf.tags()
    bundles = [text for path, text in files.items() if path.endswith(".json")]
    assert sorted(json.loads(text)["envelope"] for text in bundles) == sorted(lines)
    pages = [text for path, text in files.items() if path.endswith(".html")]
    assert len(pages) == len(lines)
    assert shelf.kept("page extras").keys() == shelf.kept("sections").keys() == ids
    digests = {sha256_hex(page.encode()) for page in pages}
    assert set(shelf.kept("page extras").values()) == digests
    claimed = {key[-12:] for key in tags if re.fullmatch(r"venturalitica\.\w+\.\w{12}", key)}
    assert claimed == ids
    assert {tags[key][:12] for key in tags if key.endswith(".evidence_sha256")} == ids
    names = [(control, part) for control, part, *_ in shelf.kept("points")]
    assert len(names) == len(set(names)) > 0
    assert len(shelf.kept("inputs")) == 1


@pytest.mark.slow
def test_killed_at_any_request_a_delivery_is_finished_once_by_sync(
    tmp_path, policy, table, monkeypatch, serve
):
    waited: list[int] = []
    while True:
        place = tmp_path / f"killed {len(waited)}"
        monkeypatch.setenv("VENTURALITICA_HOME", str(place))
        server = serve(tmp_path / f"server {len(waited)}")
        server.dies_after = len(waited) + 1
        if not killed(lambda: train(table, policy)):
            break
        server.dies_after = 0
        waiting = Outbox(open_ledger()).waiting(pages=True)
        brought = delivery.sync(open_ledger())
        assert [one.index for one in brought] == [item.index for item in waiting]
        assert all(one.delivered for one in brought)
        all_is_there_once(server.shelf)
        assert delivery.sync(open_ledger()) == ()
        waited.append(len(waiting))
    # Only where the last receipt of a page was written is there nothing left to bring.
    assert waited.count(1) == len(waited) - 1
    assert len(waited) > 10
    all_is_there_once(server.shelf)


def test_a_tracker_that_refuses_the_page_only_is_asked_for_it_by_sync(
    tmp_path, policy, table, serve
):
    server = serve(tmp_path / "server")
    server.page_fault = TrackerError("no pages here")
    audit = vl.enforce(table, policy=policy, **ROLES)
    delivery.settle()
    assert (audit.light, audit.deliveries[0].delivered) == ("green", True)
    for _ in range(2):
        (outcome,) = delivery.sync(open_ledger())
        assert outcome.state == "waits"
        assert outcome.detail == "the evidence is there, its report page is not: no pages here"
        assert Outbox(open_ledger()).waiting() == [], "what was confirmed stays confirmed"
    found = next(one for one in evidence(Settings.current()) if one.subject == "outbox")
    assert found.text == "no evidence waits; 1 report page(s) are not at their runs"
    assert found.fix == "venturalitica sync"
    before = server.requests
    server.page_fault = None
    (outcome,) = delivery.sync(open_ledger())
    assert outcome.delivered
    assert server.requests == before + 3, "its extras, the page and its receipt, nothing else"
    all_is_there_once(server.shelf)
    assert delivery.sync(open_ledger()) == ()


def test_a_server_that_is_away_is_asked_for_one_page_only(tmp_path, policy, table, serve, caplog):
    server = serve(tmp_path / "server")
    server.page_fault = TrackerUnreachable("it does not answer")
    with vl.monitor("training", policy=policy):
        vl.enforce(table, policy=policy, **ROLES)
    assert caplog.text.count("it does not answer); 'venturalitica sync' brings it") == 2
    server.pages = 0
    outcomes = delivery.sync(open_ledger())
    assert [one.state for one in outcomes] == ["waits"] * 2
    assert all("it does not answer" in one.detail for one in outcomes)
    assert server.pages == 1
    server.page_fault = None
    assert all(one.delivered for one in delivery.sync(open_ledger()))
    all_is_there_once(server.shelf)
