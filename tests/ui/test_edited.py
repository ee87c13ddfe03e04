"""Files that nothing signs, edited: no page turns green, or leads elsewhere, for it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.ui.client import Client, client_for, shown, words
from tests.ui.shelf import ALONE, Shelf, mlflow_run, passed
from venturalitica.ledger import Index
from venturalitica.ledger.index.cross_check import EDITED
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef
from venturalitica.ui.health import outbox_row
from venturalitica.ui.pages.run_query import RunQuery
from venturalitica.ui.pages.runs import read
from venturalitica.ui.places import places
from venturalitica.ui.reader import Desk, Reading

RUN = "ab" * 16
STORE = "http://127.0.0.1:9"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A record that a tracker should have, and has not confirmed."""
    shelf = Shelf(tmp_path)
    shelf.audit(ALONE, passed(), trackers=(mlflow_run(STORE, run_id=RUN),))
    return shelf


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


@pytest.fixture
def reading(shelf: Shelf) -> Iterator[Reading]:
    desk = Desk(shelf.home, settings=replace(Settings.current(), config=shelf.config))
    with desk.reading() as reading:
        yield reading
    desk.close()


def edit(shelf: Shelf, *lines: str) -> None:
    with closing(sqlite3.connect(shelf.home / "index.db")) as database:
        for line in lines:
            assert database.execute(line).rowcount
        database.commit()


def receipt(shelf: Shelf, **changes: object) -> None:
    line = {
        "index": 0,
        "tracker": "mlflow",
        "run_id": RUN,
        "outcome": "confirmed",
        "at": "2099-01-01T00:00:00.000000Z",
        "evidence_sha256": shelf.ledger.entry(0).evidence_sha256,
    }
    with (shelf.home / "receipts.jsonl").open("a") as stream:
        stream.write(json.dumps(line | changes) + "\n")


@pytest.mark.parametrize("address", ["/", "/runs"])
@pytest.mark.parametrize(
    "lines",
    [
        ("DELETE FROM links", "UPDATE meta SET value = '0' WHERE key = 'links'"),
        ("UPDATE links SET run_id = 'other', run = replace(run, 'abab', 'xxxx')",),
    ],
)
def test_a_link_taken_out_of_the_index_delivers_nothing(
    shelf: Shelf, client: Client, address: str, lines: tuple[str, ...]
) -> None:
    before = words(client.get(address))
    assert "mlflow waits" in before
    edit(shelf, *lines)
    assert "mlflow waits" in words(client.get(address))
    after = client_for(shelf.home).get(address)
    assert shown(EDITED) in words(after)
    assert "mlflow waits" in words(after)
    assert "mlflow delivered" not in words(after)


def test_a_link_taken_out_is_missed_by_a_server_that_starts_later(
    shelf: Shelf, client: Client
) -> None:
    client.get("/")
    edit(shelf, "DELETE FROM links")
    assert "mlflow waits" in words(client_for(shelf.home).get("/"))


def test_a_rejection_taken_out_of_the_index_is_shown_all_the_same(shelf: Shelf) -> None:
    shelf.sign_off(shelf.ledger.entry(0), "approved")
    shelf.sign_off(shelf.ledger.entry(0), "rejected")
    with Index.open(shelf.ledger):
        pass
    edit(shelf, "UPDATE runs SET kind = 'other' WHERE entry = 2")
    client = client_for(shelf.home)
    for address in ("/", "/runs"):
        said = words(client.get(address))
        assert "rejected" in said
        assert "approved" not in said


def test_a_log_that_was_altered_is_signed_off_by_nobody(shelf: Shelf, client: Client) -> None:
    shelf.sign_off(shelf.ledger.entry(0), "approved")
    with Index.open(shelf.ledger):
        pass
    log = shelf.home / "log" / "entries.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(lines[0] + lines[1].replace(b'"payload":"e', b'"payload":"f'))
    for address in ("/", "/runs"):
        assert "approved" not in words(client.get(address))


def test_links_lead_where_the_records_say(shelf: Shelf, reading: Reading) -> None:
    assert places(reading).shown[0].where.uri == STORE
    edit(shelf, "UPDATE links SET uri = 'http://evil.example', run = replace(run, '127', 'evil')")
    for desk in (
        reading.desk,
        Desk(shelf.home),
    ):  # one that knew before, and one that knows nothing
        with desk.reading() as now:
            (place,) = places(now).shown
        assert {run.uri for _, run in place.runs} <= {STORE}
    assert [run.uri for _, run in place.runs] == []
    edit(shelf, "UPDATE runs SET trackers = replace(trackers, '127.0.0.1', 'evil.example')")
    (place,) = places(reading).shown
    assert (place.where.uri, [run.uri for _, run in place.runs]) == (STORE, [STORE])


@pytest.mark.parametrize(
    "changes",
    [{"evidence_sha256": "0" * 64}, {"evidence_sha256": ""}, {"run_id": "cd" * 16}, {"index": 7}],
)
def test_a_receipt_of_something_else_delivers_nothing(
    shelf: Shelf, client: Client, changes: dict[str, object]
) -> None:
    receipt(shelf, **changes)
    for address in ("/", "/runs"):
        assert "mlflow waits" in words(client.get(address))
    assert "not confirmed yet" in words(client.get("/runs/0"))


def test_receipts_of_what_is_not_due_make_no_outbox_green(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit(ALONE, passed())
    receipt(shelf)
    desk = Desk(shelf.home)
    with desk.reading() as reading:
        assert outbox_row(reading).light == "grey"
    desk.close()


def test_a_run_that_nothing_can_be_delivered_to_is_not_called_delivered(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.audit(ALONE, passed(), trackers=(RunRef("mlflow", RUN, uri=STORE),))
    statement = shelf.statement(ALONE, passed())
    statement["predicate"]["trackers"] = [{"tracker": "mlflow", "run_id": 7}]
    shelf.ledger.append(statement)
    receipt(shelf)
    desk = Desk(shelf.home)
    with desk.reading() as reading:
        last, first = read(reading, RunQuery()).runs
        assert [link.state for link in first.trackers] == ["delivered"]
        assert [link.state for link in last.trackers] == ["not delivered"]
    desk.close()
