"""What others can write is read as it may be hostile: bounded, typed, and never through a link."""

from __future__ import annotations

import json
import os
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from venturalitica.core.encoding import MAX_ITEMS, canonical_json, parse_json, strict_json
from venturalitica.core.record import Statement
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Index, Ledger, Outbox, Witness, verify_ledger
from venturalitica.ledger.formats.dsse import Envelope
from venturalitica.ledger.index.cross_check import Held
from venturalitica.ledger.index.rows import Outline, link_rows, run_row, verdict_rows
from venturalitica.ledger.records.placement import Draft


@pytest.mark.parametrize(
    "place", ["log/entries.jsonl", "receipts.jsonl", "cache/hashes.bin", "index.db"]
)
@pytest.mark.parametrize("dangling", [True, False])
def test_nothing_is_written_through_a_link(
    written: Path, signer, statement, tmp_path: Path, place: str, dangling: bool
) -> None:
    """A prepared folder could point one at any file of the user's."""
    precious = tmp_path / "precious"
    if not dangling:
        precious.write_bytes(b"no line break at the end")
    path = written / place
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(precious)
    for act in (
        lambda: Ledger.open(written, signer=signer).append(statement(9)),
        lambda: Outbox(Ledger.open(written)).failed(0, "mlflow", "1", "no"),
        lambda: Outbox(Ledger.open(written)).waiting(),
    ):
        try:
            act()
        except EvidenceError:
            continue
    assert precious.exists() is not dangling
    assert dangling or precious.read_bytes() == b"no line break at the end"


def test_receipts_of_any_content_are_passed_over(written: Path) -> None:
    outbox = Outbox(Ledger.open(written))
    outbox.failed(1, "mlflow", "1", "no answer")
    good = outbox.path.read_bytes()
    odd = [
        b'{"index":1e999,"tracker":"x","run_id":"y","outcome":"failed"}',
        b'{"index":' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b"x" * 1_000_000,
        b"\xff\0",
    ]
    outbox.path.write_bytes(b"\n".join(odd) + b"\n" + good)
    assert [attempt.detail for attempt in outbox.attempts()] == ["no answer"]
    outbox.path.unlink()
    os.mkfifo(outbox.path)
    with pytest.raises(EvidenceError, match="not a regular file"):
        list(outbox.attempts())


@pytest.mark.parametrize("field", ["payloadType", "keyid"])
def test_half_a_character_in_an_envelope_is_refused(field: str) -> None:
    signature = {"keyid": "k", "sig": "AA=="}
    value = {"payload": "e30=", "payloadType": "x", "signatures": [signature]}
    (signature if field == "keyid" else value)[field] = "\ud800"
    with pytest.raises(EvidenceError, match="not Unicode text"):
        Envelope.parse(json.dumps(value).encode())


def test_half_a_character_in_a_witness_is_a_fault(three_entries: Path) -> None:
    note = Ledger.open(three_entries).checkpoint
    assert verify_ledger(three_entries, witnesses=[Witness("x", note)]).ok
    assert not verify_ledger(three_entries, witnesses=[Witness("x", f"{note}\ud800")]).ok


def test_deep_nesting_and_repeated_keys_are_value_errors() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        strict_json("[" * 100_000)
    many = "{" + ",".join(f'"{n}":1' for n in range(200_000)) + ',"199999":2}'
    with pytest.raises(ValueError, match="duplicate key '199999'"):
        strict_json(many)  # comparing each name with each would take minutes


def test_what_grows_when_it_is_parsed_is_refused_before(statement) -> None:
    parse_json(b"[" + b"0," * 1000 + b"0]", what="it")
    with pytest.raises(EvidenceError, match="more than 4000000 values"):
        parse_json(b"[" + b"0," * MAX_ITEMS + b"0]", what="it")
    with pytest.raises(EvidenceError, match="more than 4000000 values"):
        Draft(statement(0, tally={"rows": [0] * (MAX_ITEMS + 1)}))


def test_rows_of_the_index_hold_what_a_database_can(statement) -> None:
    odd = statement(0, trackers=[{"tracker": "x"}, {"tracker": 1, "run_id": "1"}])
    odd["predicate"]["run"] |= {"sequence": 10**400, "name": "a\0\ud800"}
    odd["predicate"]["verdicts"][0] |= {"value": 10**400, "n": -(10**30), "interval": {"low": []}}
    entry = Outline(0, b"", "", Statement.of(odd))
    (verdict,) = verdict_rows(entry)
    assert run_row(entry).name == "a\\x00\\ud800"
    assert run_row(entry).sequence == 0
    assert (verdict.value, verdict.low, verdict.n) == (None, None, 0)
    assert list(link_rows(entry)) == []


def test_an_edited_index_is_told_from_the_log(written: Path) -> None:
    ledger = Ledger.open(written)
    with Index.open(ledger) as index:
        rows = index.runs()
    assert Held().are_recorded(ledger, None, rows)
    with sqlite3.connect(written / "index.db") as database:
        database.execute("UPDATE runs SET light = 'red' WHERE entry = 1")
    database.close()
    with Index.open(ledger) as index:
        rows = index.runs()
        assert not Held().are_recorded(ledger, None, rows)
        index.rebuild()
        assert Held().are_recorded(ledger, None, index.runs())


@pytest.mark.parametrize("value", ["x", "-1", "0", "9" * 30, ""])
def test_an_index_of_an_impossible_size_is_made_again(written: Path, value: str) -> None:
    with Index.open(Ledger.open(written)) as index:
        rows = index.runs()
    with sqlite3.connect(written / "index.db") as database:
        database.execute("UPDATE meta SET value = ? WHERE key = 'size'", (value,))
    database.close()
    with Index.open(Ledger.open(written)) as index:
        assert index.runs() == rows


def test_a_broken_index_says_what_to_do(written: Path) -> None:
    with Index.open(Ledger.open(written)):
        pass
    with sqlite3.connect(written / "index.db") as database:
        database.execute("UPDATE runs SET trackers = '['")
    database.close()
    with (
        Index.open(Ledger.open(written)) as index,
        pytest.raises(EvidenceError, match="venturalitica reindex"),
    ):
        index.runs()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02T03:04:05.000006Z"),
        (datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2))), "2026-01-01T22:00:00.000000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000000Z"),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=9))), "0001-01-01T00:00:00.000000Z"),
        (datetime.max.replace(tzinfo=timezone(-timedelta(hours=9))), "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_every_clock_gives_a_time_that_sorts(moment: datetime, text: str) -> None:
    assert timestamp(moment) == text


def test_a_reader_s_clock_at_the_end_of_time(three_entries: Path) -> None:
    assert verify_ledger(three_entries, now=datetime.max.replace(tzinfo=UTC)).ok
    assert canonical_json({}) == b"{}"
