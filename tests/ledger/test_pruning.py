"""Pruning: contents go when their time is up, places stay proven, nothing else is touched."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from venturalitica.errors import EntryPruned, EvidenceError
from venturalitica.ledger import (
    Index,
    Ledger,
    Outbox,
    Witness,
    load_signer,
    verify_bundle,
    verify_ledger,
)
from venturalitica.ledger.formats.merkle import MemoryTree
from venturalitica.ledger.lifecycle.approve import approve
from venturalitica.ledger.lifecycle.erase import erase
from venturalitica.ledger.lifecycle.keys import introduced
from venturalitica.ledger.lifecycle.prune import Plan, plan, prune
from venturalitica.ledger.signing.key_rotation import swap
from venturalitica.review import witnesses

old_log = sys.modules["ledger_old_log"]
clock, ledger, filled = old_log.clock, old_log.ledger, old_log.filled
BEGIN = old_log.BEGIN
LATER = old_log.LATER
SHORT = old_log.SHORT
Clock = old_log.Clock
pruned = old_log.pruned
step = old_log.step
lines = old_log.lines
leaves = old_log.leaves


# What is taken out, and what stays.


def test_whole_segments_go_and_places_stay(filled: Ledger) -> None:
    before = leaves(filled)
    kept = {index: filled.entry(index).envelope for index in (5, 16, 19)}
    pruned(filled)
    assert leaves(filled)[:20] == before
    assert [entry.index for entry in filled.entries()] == [5, 16, 17, 18, 19, 20]
    assert {index: filled.entry(index).envelope for index in kept} == kept
    text = b"".join(lines(filled))
    assert len(lines(filled)) == 3 + 6
    for entry in range(16):
        model = filled.leaf(entry)
        assert model == before[entry].hex()
    assert text.count(b'"payload"') == 6
    found = verify_ledger(filled.home)
    assert found.ok, found.fault


def test_the_contents_are_said_to_be_unchecked(filled: Ledger) -> None:
    assert step(filled) is None
    pruned(filled)
    told = step(filled)
    assert told.ok is None
    assert "15 entries (0–4, 6–7, 8–15) were pruned" in told.detail
    assert "(entry 20, 2021-01-01)" in told.detail
    assert "can no longer be checked" in told.detail


def test_the_record_names_ranges_roots_classes_and_days(filled: Ledger) -> None:
    before = leaves(filled)
    pruned(filled)
    predicate = filled.entry(20).statement["predicate"]
    assert [(item["start"], item["count"]) for item in predicate["pruned"]] == [
        (0, 5),
        (6, 2),
        (8, 8),
    ]
    for item in predicate["pruned"]:
        part = before[item["start"] : item["start"] + item["count"]]
        assert item["root"] == MemoryTree(part).root().hex()
    assert predicate["classes"] == {"six-months": 15}
    assert predicate["until"] == "2020-07-25"
    assert predicate["segment"] == 8
    assert predicate["reason"] == "retention has passed"


def test_a_pruned_entry_says_when_and_where_that_is_recorded(filled: Ledger) -> None:
    pruned(filled)
    for call in (filled.entry, filled.bundle):
        with pytest.raises(EntryPruned, match=r"entry 3 was pruned on 2021-01-01.*entry 20 says"):
            call(3)
    with pytest.raises(EvidenceError, match="no entry 99"):
        filled.entry(99)


def test_bundles_of_what_remains_verify_old_and_new(filled: Ledger) -> None:
    old = [filled.bundle(index) for index in (0, 12, 18)]
    pruned(filled)
    for data in (*old, *(filled.bundle(index) for index in (5, 16, 20))):
        found = verify_bundle(data)
        assert found.ok, found.fault


def test_every_witness_of_any_size_is_still_proven(ledger: Ledger, statement, clock) -> None:
    notes = []
    for number in range(20):
        ledger.append(statement(number, **SHORT))
        notes.append(Witness(f"w{number}", ledger.checkpoint))
    clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    pruned(ledger)
    found = verify_ledger(ledger.home, witnesses=notes)
    assert [s.ok for s in found.steps if s.name == "witnesses"] == [True] * 20


def test_a_witness_that_saw_another_beginning_is_still_a_fault(
    ledger: Ledger, signer, statement, clock, tmp_path
) -> None:
    ledger.append(statement(0, **SHORT))
    other = tmp_path / "other"
    shutil.copytree(ledger.home, other)
    elsewhere = Ledger.open(other, signer=signer)
    for number in range(3):
        elsewhere.append(statement(number + 50))
    for number in range(1, 20):
        ledger.append(statement(number, **SHORT))
    clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    pruned(ledger)
    told = step(ledger, "witnesses", witnesses=[Witness("other", elsewhere.checkpoint)])
    assert told.ok is False
    assert "other entries among the first 4" in told.detail


def test_appending_goes_on(filled: Ledger, statement) -> None:
    pruned(filled)
    for number in range(3):
        assert filled.append(statement(number)).index == 21 + number
    assert verify_ledger(filled.home).ok
    assert len(leaves(filled)) == 24


def test_pruning_again_takes_the_next_segments(filled: Ledger, statement, clock) -> None:
    pruned(filled)
    for number in range(12):
        filled.append(statement(number, retention={"class": "six-months", "until": "2021-07-02"}))
    clock.now = datetime(2022, 1, 1, tzinfo=UTC)
    again = plan(filled, date(2022, 1, 1), segment=8)
    # The segment from 16 on holds the first prune record, which stays.
    assert [str(item) for item in again.ranges] == ["16–19", "21–23", "24–31"]
    prune(filled, again)
    assert [entry.index for entry in filled.entries()] == [5, 20, 32, 33]
    assert verify_ledger(filled.home).ok
    assert "30 entries" in step(filled).detail


def test_nothing_is_pruned_twice(filled: Ledger) -> None:
    pruned(filled)
    again = plan(filled, LATER, segment=8)
    assert again.ranges == ()
    assert prune(filled, again) is None
    assert filled.size == 21


# What keeps a segment.


def why(ledger: Ledger, today: date = LATER) -> str:
    found = plan(ledger, today, segment=8)
    assert found.ranges == ()
    return found.why


def test_a_record_within_its_retention_keeps_its_segment(ledger: Ledger, statement) -> None:
    for number in range(10):
        ledger.append(statement(number, **(SHORT if number != 3 else {})))
    assert why(ledger) == "entry 3 is to be kept until 2030-01-01"
    assert plan(ledger, date(2030, 1, 1), segment=8).ranges == ()
    assert plan(ledger, date(2030, 1, 2), segment=8).entries == 8


def test_what_waits_for_a_tracker_keeps_its_segment(ledger: Ledger, statement) -> None:
    run = {"tracker": "memory", "run_id": "r1", "uri": "memory:"}
    for number in range(10):
        ledger.append(statement(number, **SHORT, trackers=[run] if number == 3 else []))
    assert "entry 3 has not reached its tracker" in why(ledger)
    Outbox(ledger).confirm(3, "memory", "r1")
    assert plan(ledger, LATER, segment=8).entries == 8


def test_a_class_that_nobody_knows_is_kept_for_ever(ledger: Ledger, statement) -> None:
    for number in range(10):
        ledger.append(
            statement(number, retention={"class": "a-week", "until": "2020-01-08"})
            if number == 3
            else statement(number, **SHORT)
        )
    assert "its retention class is 'a-week'" in why(ledger, date.max)


def test_the_last_segment_stays_even_when_it_is_full(ledger: Ledger, statement) -> None:
    for number in range(8):
        ledger.append(statement(number, **SHORT))
    assert plan(ledger, LATER, segment=8) == Plan(segment=8, newest="2020-01-01T08:00:00.000000Z")


def test_a_clock_set_back_shortens_nothing(ledger: Ledger, statement, clock) -> None:
    """An entry was appended no earlier than the one before it, whatever its clock said."""
    for number in range(10):
        clock.now = datetime(2025 if number == 0 else 1990, 1, 1, tzinfo=UTC)
        ledger.append(statement(number, retention={"class": "six-months", "until": "1990-07-01"}))
    assert plan(ledger, date(2025, 7, 1), segment=8).ranges == ()
    assert plan(ledger, date(2025, 7, 2), segment=8).entries == 8


def test_ten_years_count_from_the_day_the_system_was_placed(ledger: Ledger, statement) -> None:
    for number in range(17):
        ledger.append(statement(number, **(SHORT if number >= 8 else {})))
    found = plan(ledger, date(2030, 6, 1), segment=8)
    assert found.entries == 16
    found = plan(ledger, date(2030, 6, 1), segment=8, placed=date(2021, 3, 1))
    assert [str(item) for item in found.ranges] == ["8–15"]
    assert plan(ledger, date(2031, 3, 2), segment=8, placed=date(2021, 3, 1)).entries == 16


def test_a_damaged_log_is_left_alone(filled: Ledger) -> None:
    agreed = plan(filled, LATER, segment=8)
    path = filled.home / "log" / "entries.jsonl"
    data = bytearray(path.read_bytes())
    data[data.rindex(b'"sig"') + 10] ^= 1
    path.write_bytes(data)
    with pytest.raises(EvidenceError, match="nothing is pruned from a log that does not verify"):
        prune(filled, agreed)
    assert path.read_bytes() == data


def test_where_there_are_no_locks_nothing_is_begun(filled: Ledger, monkeypatch) -> None:
    agreed = plan(filled, LATER, segment=8)
    monkeypatch.setenv("VENTURALITICA_LOCKS", "0")
    with pytest.raises(EvidenceError, match=r"locks.*nothing can be pruned here"):
        prune(filled, agreed)
    assert filled.size == 20


@pytest.mark.parametrize("segment", [0, 1, 3, 1000])
def test_a_segment_is_a_subtree(filled: Ledger, segment: int) -> None:
    with pytest.raises(EvidenceError, match="power of two"):
        plan(filled, LATER, segment=segment)


# Records about other records outlive what they speak of.


def test_a_sign_off_outlives_the_record_and_says_so(filled: Ledger) -> None:
    approve(
        filled,
        filled.entry(3),
        person="Ada",
        role="risk",
        decision="approved",
        light="green",
        keyid=filled._signer.keyid,
        at=BEGIN,
    )
    assert step(filled, "approvals").ok is True
    pruned(filled)
    told = step(filled, "approvals")
    assert (told.ok, "pruned since" in told.detail) == (None, True)
    assert verify_ledger(filled.home).ok
    erase(filled, [filled.entry(20)])
    assert verify_ledger(filled.home).ok


def test_a_rotation_stays_where_all_around_it_goes(
    home: Path, statement, tmp_path: Path, clock
) -> None:
    old = load_signer(None, tmp_path / "rotating")
    for number in range(20):
        if number == 4:
            new = swap(tmp_path / "rotating").new
            introduced(Ledger.open(home, signer=new, clock=clock), old, new, reason="yearly")
        signer = old if number < 4 else new
        Ledger.open(home, signer=signer, clock=clock).append(statement(number, **SHORT))
    clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    ledger = pruned(Ledger.open(home, signer=new, clock=clock))
    assert next(ledger.entries()).index == 4
    found = verify_ledger(home, trusted_keys=[old.public, old.checkpoint_signer().public])
    assert found.ok, found.fault
    assert "entry 4, signed by both" in step(ledger, "rotation").detail
    bundle = verify_bundle(
        ledger.bundle(18), trusted_keys=[old.public, old.checkpoint_signer().public]
    )
    assert bundle.ok, bundle.fault


# The index, the cache, the outbox: projections of what is there.


def rows(ledger: Ledger) -> list[Any]:
    with Index.open(ledger) as index:
        return [index.runs(), index.links(), index.verdicts(3), index.verdicts(17)]


def test_the_index_is_the_same_kept_or_made_again(filled: Ledger) -> None:
    rows(filled)
    pruned(filled)
    kept = rows(filled)
    (filled.home / "index.db").unlink()
    assert rows(filled) == kept
    assert [row.index for row in kept[0]] == [20, 19, 18, 17, 16, 5]


def test_a_pruned_log_has_its_index_kept(filled: Ledger) -> None:
    pruned(filled)
    rows(filled)
    with sqlite3.connect(filled.home / "index.db") as database:
        database.execute("UPDATE runs SET name = 'kept' WHERE entry = 20")
    database.close()
    assert rows(filled)[0][0].name == "kept", "it was not made again for what is not missing"
    with sqlite3.connect(filled.home / "index.db") as database:
        database.execute("UPDATE runs SET entry = 7 WHERE entry = 20")
    database.close()
    assert [row.index for row in rows(filled)[0]] == [20, 19, 18, 17, 16, 5]


def test_an_index_that_ended_among_what_was_pruned_goes_on(
    ledger: Ledger, statement, clock: Any, tmp_path
) -> None:
    for number in range(4):
        ledger.append(statement(number, **SHORT))
    rows(ledger)
    early = tmp_path / "early.db"
    shutil.copy(ledger.home / "index.db", early)
    for number in range(4, 10):
        ledger.append(statement(number, **SHORT))
    clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    pruned(ledger)
    fresh = rows(ledger)
    shutil.copy(early, ledger.home / "index.db")
    assert rows(ledger) == fresh


def test_nothing_of_what_was_pruned_is_left_in_the_folder(ledger: Ledger, statement, clock) -> None:
    for number in range(20):
        name = f"run-{'pruned' if number < 16 else 'staying'}-{number}"
        ledger.append(
            statement(number, **SHORT, run=statement()["predicate"]["run"] | {"id": name})
        )
    rows(ledger)
    clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    pruned(ledger)
    rows(ledger)
    there = b"".join(path.read_bytes() for path in ledger.home.rglob("*") if path.is_file())
    assert b"run-staying-16" in there
    assert b"run-pruned-" not in there


def test_the_cache_is_made_again_over_heads(filled: Ledger) -> None:
    pruned(filled)
    hashes, offsets = (
        (filled.home / "cache" / name).read_bytes() for name in ("hashes.bin", "offsets.bin")
    )
    shutil.rmtree(filled.home / "cache")
    assert filled.entry(16).index == 16
    assert (filled.home / "cache" / "hashes.bin").read_bytes() == hashes
    assert (filled.home / "cache" / "offsets.bin").read_bytes() == offsets


@pytest.mark.parametrize("name", ["hashes.bin", "offsets.bin"])
def test_a_cache_from_before_the_pruning_harms_nothing(
    filled: Ledger, statement, tmp_path, name: str
) -> None:
    filled.entry(0)
    shutil.copytree(filled.home / "cache", tmp_path / "old")
    pruned(filled)
    for call in (
        lambda: filled.entry(16),
        lambda: list(filled.entries()),
        lambda: filled.bundle(5),
        lambda: filled.append(statement(30)),
    ):
        shutil.copy(tmp_path / "old" / name, filled.home / "cache" / name)
        call()
    assert verify_ledger(filled.home).ok
    assert filled.size == 22


def test_trackers_of_what_remains_are_asked_for_witnesses(ledger: Ledger, statement, clock) -> None:
    for number in range(20):
        run = {"tracker": "memory", "run_id": f"r{number}", "uri": "memory:"}
        ledger.append(statement(number, **SHORT, trackers=[run]))
        Outbox(ledger).confirm(number, "memory", f"r{number}")
    clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    pruned(ledger)
    asked = [run.run_id for run in witnesses._runs(ledger.home / "log" / "entries.jsonl")]
    assert asked == ["r16", "r17", "r18", "r19"]
    assert Outbox(ledger).waiting() == []
