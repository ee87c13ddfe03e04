"""The index: the same answers whether it was there, deleted, old or broken, in each database."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.indexes import Database
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Index, Ledger

RUN = {"tracker": "mlflow", "run_id": "ab12cd34", "uri": "http://x", "extra": {"a": 1}}


@pytest.fixture
def filled(ledger: Ledger, statement) -> Ledger:
    ledger.append(statement(0, light="green", trackers=[RUN]))
    ledger.append(statement(1, light="red", policy=None))
    run = {"predicateType": "urn:venturalitica:run:v1"}
    ledger.append(statement(2, kind="run", verdicts=[], light="grey") | run)
    return ledger


@pytest.fixture
def everything(database: Database) -> Callable[[Ledger], list[Any]]:
    """All that the index says of a ledger."""

    def told(ledger: Ledger) -> list[Any]:
        with database.open(ledger) as index:
            runs = index.runs()
            return [runs, [index.verdicts(run.index) for run in runs], index.links()]

    return told


def test_what_it_answers(filled: Ledger, database: Database) -> None:
    with database.open(filled) as index:
        newest, middle, oldest = index.runs()
        assert [run.index for run in (newest, middle, oldest)] == [2, 1, 0]
        assert (oldest.policy_name, oldest.light, oldest.passed, oldest.failed) == (
            "loans",
            "green",
            1,
            0,
        )
        assert oldest.trackers == (RUN,)
        assert oldest.evidence_sha256 == filled.entry(0).evidence_sha256
        assert middle.policy_name is None
        assert [run.index for run in index.runs(light="red")] == [1]
        assert [run.index for run in index.runs(kind="run")] == [2]
        assert [run.index for run in index.runs(policy="loans", newest_first=False)] == [0, 2]
        assert [run.index for run in index.runs(policy=str(oldest.policy_sha256)[:8])] == [2, 0]
        assert [run.index for run in index.runs(limit=1)] == [2]
        assert [run.index for run in index.runs(since=middle.appended_at)] == [2, 1]
        assert [run.index for run in index.runs(until=middle.appended_at)] == [0]
        assert index.runs(name="%") == ()
        (verdict,) = index.verdicts(0)
        assert (verdict.control, verdict.status, verdict.value) == ("accuracy", "passed", 0.75)
        assert (verdict.low, verdict.high, verdict.light) == (0.72, 0.78, "green")
        assert index.verdicts(2) == ()


def test_finding_an_entry(filled: Ledger, database: Database) -> None:
    entry = filled.entry(1)
    with database.open(filled) as index:
        assert [run.index for run in index.find("1")] == [1]
        assert [run.index for run in index.find(entry.evidence_sha256[:12])] == [1]
        assert [run.index for run in index.find("ab12")] == [0]
        assert len(index.find("0" * 31)) == 3
        for nothing in ("99", "x", "", "zzzz", "%%%%", "____"):
            assert index.find(nothing) == ()


def test_it_catches_up(filled: Ledger, statement, everything: Any) -> None:
    assert len(everything(filled)[0]) == 3
    filled.append(statement(3))
    assert len(everything(filled)[0]) == 4


def test_deleted_it_gives_the_same_answers(
    filled: Ledger, everything: Any, database: Database
) -> None:
    before = everything(filled)
    database.delete(filled)
    assert everything(filled) == before
    with database.open(filled) as index:
        assert index.rebuild() == 3
    assert everything(filled) == before


@pytest.mark.parametrize(
    "content", [b"", b"not a database" * 100, b"SQLite format 3\0" + b"\1" * 999]
)
def test_a_broken_file_is_made_again(filled: Ledger, content: bytes) -> None:
    def told() -> list[Any]:
        with Index.open(filled) as index:
            return [index.runs(), index.links()]

    before = told()
    (filled.home / "index.db").write_bytes(content)
    assert told() == before


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE runs DROP COLUMN source",
        "ALTER TABLE run_counts RENAME COLUMN light TO dark",
        "DROP TABLE links",
        "DROP TABLE verdict_counts",
        "DELETE FROM meta",
    ],
)
def test_of_another_shape_it_is_made_again(
    filled: Ledger, change: str, everything: Any, database: Database, statement: Any
) -> None:
    filled.append(statement(3))
    before = everything(filled)
    database.edit(filled, change)
    filled.append(statement(4))
    assert everything(filled)[0][1:] == before[0]
    with database.open(filled) as index:
        assert index.links() == before[2]


@pytest.mark.parametrize(
    "change",
    [
        "update meta set value = '0' where key = 'version'",
        "update meta set value = 'other' where key = 'origin'",
        "update meta set value = 'other' where key = 'leaf'",
        "update meta set value = '99' where key = 'size'",
    ],
)
def test_of_something_else_it_is_rebuilt(
    filled: Ledger, change: str, everything: Any, database: Database
) -> None:
    before = everything(filled)
    database.edit(filled, change)
    assert everything(filled) == before


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM runs WHERE entry = 1",
        "UPDATE runs SET entry = 7 WHERE entry = 1",
        "DELETE FROM verdicts WHERE entry = 0",
        "DELETE FROM links",
    ],
)
def test_with_rows_taken_away_it_is_rebuilt(
    filled: Ledger, change: str, everything: Any, database: Database
) -> None:
    before = everything(filled)
    (changed,) = database.edit(filled, change)
    assert changed
    assert everything(filled) == before


def test_rows_are_missed_while_it_is_open(filled: Ledger, statement: Any) -> None:
    """That the file was written to is seen; of a database elsewhere, when it is next opened."""
    with Index.open(filled) as index:
        filled.append(statement(3))
        index.refresh()
        index.refresh()
        Database(None).edit(filled, "DELETE FROM runs WHERE entry = 3")
        index.refresh()
        assert [run.index for run in index.runs()] == [3, 2, 1, 0]


def test_of_a_log_that_was_put_back_it_is_rebuilt(
    filled: Ledger, tmp_path: Path, statement, everything: Any
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(filled.home, copy)
    before = everything(filled)
    filled.append(statement(3))
    everything(filled)
    for name in ("entries.jsonl", "checkpoint"):
        shutil.copy(copy / "log" / name, filled.home / "log" / name)
    assert everything(filled) == before


def test_an_altered_log_is_not_indexed(filled: Ledger, everything: Any) -> None:
    path = filled.home / "log" / "entries.jsonl"
    data = bytearray(path.read_bytes())
    data[80] ^= 1
    path.write_bytes(data)
    with pytest.raises(EvidenceError):
        everything(filled)


def test_statements_of_other_kinds_are_listed(
    ledger: Ledger, statement, database: Database
) -> None:
    odd = {"kind": 3, "run": [], "verdicts": [1, {}], "trackers": [1], "policy": "x"}
    ledger.append(statement(0, **odd) | {"predicateType": "urn:other"})
    with database.open(ledger) as index:
        (run,) = index.runs()
        assert (run.name, run.policy_name, run.trackers) == ("", None, ())
        assert len(index.verdicts(0)) == 2


def test_two_readers_build_it_together(filled: Ledger, everything: Any) -> None:
    found: list[object] = []
    gate = threading.Barrier(4)

    def read() -> None:
        gate.wait()
        found.append(everything(Ledger.open(filled.home)))

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(item == found[0] for item in found)


def test_another_database(filled: Ledger, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'team.db'}"
    with Index.open(filled, url) as index:
        assert len(index.runs()) == 3
    with pytest.raises(EvidenceError) as caught:
        Index.open(filled, "nonsense+db://user:hunter2@host/x")
    assert "hunter2" not in str(caught.value)


def test_every_database_has_the_same_rows(filled: Ledger, postgresql: str) -> None:
    """SQLite takes bare tuples, others take names."""
    from venturalitica.ledger.index.tables import metadata

    own, of_a_team = Database(None), Database(postgresql)
    for database in (own, of_a_team):
        database.open(filled).close()
    for table in metadata.tables:
        rows = own.dump(filled, table)
        assert rows
        assert sorted(map(repr, of_a_team.dump(filled, table))) == sorted(map(repr, rows))
    of_a_team.empty()


def test_a_row_has_the_columns_of_its_table(filled: Ledger) -> None:
    from venturalitica.ledger.index import rows as projection
    from venturalitica.ledger.index import tables

    entry = filled.entry(0)
    outline = projection.Outline.of(0, entry.envelope)
    assert outline.record == entry.record
    assert outline.evidence_sha256 == entry.evidence_sha256
    (verdict,), (link,) = projection.verdict_rows(outline), projection.link_rows(outline)
    row = projection.run_row(outline)
    for table, found in ((tables.runs, row), (tables.verdicts, verdict), (tables.links, link)):
        names = ["entry" if one == "index" else one for one in found.__struct_fields__]
        assert table.columns.keys() == names
        assert len(tables.values_of(found)) == len(names)
    assert tables.run_of(tables.values_of(row)) == row


@pytest.mark.parametrize("batch", [1, 2, 3, 500])
def test_batches_of_any_size_give_the_same_answers(
    filled: Ledger, monkeypatch: pytest.MonkeyPatch, batch: int, everything: Any, database: Database
) -> None:
    before = everything(filled)
    database.delete(filled)
    monkeypatch.setattr("venturalitica.ledger.index.catch_up.BATCH", batch)
    assert everything(filled) == before
    with database.open(filled) as index:
        assert index.rebuild() == 3


GREEN = b'{"predicateType": "urn:venturalitica:audit:v1", "predicate": {"kind": "audit", '
TWICE = GREEN + b'"light": "red", "light": "green", "format": 1}}'


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b"{",
        b"\xff",
        b"[" * 10**5,
        TWICE,
        TWICE.replace(b'"light": "red"', b'"n": NaN'),
        TWICE.replace(b'"light": "red"', b'"n": ' + b"[" * 70 + b"]" * 70),
    ],
)
def test_what_verify_cannot_read_is_listed_as_unreadable(payload: bytes) -> None:
    """Not shown in another reading than the one that `verify` refuses."""
    from venturalitica.ledger.formats.dsse import sign_envelope
    from venturalitica.ledger.index.rows import Outline, link_rows, run_row, verdict_rows

    outline = Outline.of(7, sign_envelope(payload, keyid="k", sign=lambda _: b"s").to_json())
    row = run_row(outline)
    assert (row.index, row.kind, row.light) == (7, "unreadable", "grey")
    assert row.evidence_sha256 == outline.evidence_sha256
    assert (verdict_rows(outline), link_rows(outline)) == ([], [])


def test_what_was_signed_as_something_else_is_unreadable(statement) -> None:
    import json

    from venturalitica.ledger.formats.dsse import PAYLOAD_TYPE, sign_envelope
    from venturalitica.ledger.index.rows import Outline, RunRow, run_row

    def row(kind: str) -> RunRow:
        payload = json.dumps(statement(0)).encode()
        line = sign_envelope(payload, keyid="k", sign=lambda _: b"s", payload_type=kind).to_json()
        return run_row(Outline.of(0, line))

    assert (row(PAYLOAD_TYPE).kind, row(PAYLOAD_TYPE).light) == ("audit", "green")
    assert row("text/plain").kind == "unreadable"


def test_a_record_is_listed_as_the_kind_that_verify_takes_it_for(
    ledger: Ledger, statement, database: Database
) -> None:
    """What a record calls itself is not believed: an unknown kind or format has no green light."""
    ledger.append(statement(0) | {"predicateType": "urn:example:other"})
    ledger.append(statement(1, format=2))
    ledger.append(statement(2, kind="approval"))
    with database.open(ledger) as index:
        found = [(run.kind, run.light) for run in index.runs(newest_first=False)]
    assert found == [("urn:example:other", "grey"), ("audit", "grey"), ("audit", "green")]


def test_what_cannot_be_read_hides_nothing_else(
    filled: Ledger, everything: Any, database: Database
) -> None:
    from venturalitica.ledger.formats.dsse import sign_envelope
    from venturalitica.ledger.index.cross_check import Held

    before = everything(filled)[0]
    signer = filled._signers()[0]
    line = sign_envelope(TWICE, keyid=signer.keyid, sign=signer.sign).to_json()
    filled._log.append(lambda tail: line, filled._keeper())
    with database.open(filled) as index:
        rows = index.runs()
    assert rows[0].kind == "unreadable"
    assert rows[1:] == before
    assert Held().are_recorded(filled, None, rows)
