"""Ten years count from the day on which a model was placed on the market, which is on record."""

from __future__ import annotations

import hashlib
import sqlite3
import sys
from datetime import UTC, date, datetime
from typing import Any

import pytest

from venturalitica.core.record import PLACEMENT
from venturalitica.core.retention import RetentionTerm
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Index, Ledger, verify_ledger
from venturalitica.ledger.lifecycle.place import kept_until, model_meant, place
from venturalitica.ledger.lifecycle.prune import plan, prune

old_log = sys.modules["ledger_old_log"]
clock, ledger = old_log.clock, old_log.ledger
SHORT = old_log.SHORT
LONG = {"retention": {"class": "ten-years", "until": None, "counts_from": "placed"}}
NAME = "sklearn.Forest"


def sha(number: int) -> str:
    """The model of the statement of that number."""
    return hashlib.sha256(b"model %d" % number).hexdigest()


@pytest.fixture
def two(ledger: Ledger, statement) -> Ledger:
    """Entries 0 to 9: two of them, 3 and 4, are to be kept for ten years from their placing."""
    for number in range(10):
        ledger.append(statement(number, **(LONG if number in (3, 4) else SHORT)))
    return ledger


def waits(ledger: Ledger, today: date) -> str:
    return plan(ledger, today, segment=8).why


def test_before_it_is_recorded_nothing_frees_the_record(two: Ledger, clock) -> None:
    told = (
        f"the day on which its model is placed on the market, and that is not recorded: "
        f"'venturalitica place {sha(3)[:12]} --on DATE'"
    )
    assert told in waits(two, date.max)
    assert told in plan(two, date.max, segment=8, placed=date(2000, 1, 1)).why
    place(two, NAME, sha(3), date(2021, 3, 1))
    assert f"venturalitica place {sha(4)[:12]}" in waits(two, date.max)
    place(two, NAME, sha(4), date(2022, 3, 1))
    assert waits(two, date(2031, 3, 1)) == "entry 3 is to be kept until 2031-03-01"
    assert waits(two, date(2032, 3, 1)) == "entry 4 is to be kept until 2032-03-01"
    found = plan(two, date(2032, 3, 2), segment=8)
    assert (found.entries, found.classes) == (8, {"six-months": 6, "ten-years": 2})
    clock.now = datetime(2032, 3, 2, tzinfo=UTC)
    assert prune(two, found) is not None
    verified = verify_ledger(two.home)
    assert verified.ok, verified.fault
    kinds = [entry.record.kind for entry in two.entries()]
    assert kinds == ["audit", "audit", "placement", "placement", "prune"]


def test_the_latest_of_several_days_counts_whatever_the_index_says(two: Ledger) -> None:
    for day in (date(2021, 3, 1), date(2025, 3, 1), date(2019, 3, 1)):
        place(two, NAME, sha(3), day)
    place(two, NAME, sha(4), date(2021, 3, 1))
    with Index.open(two) as index:
        rows = index.runs(kind="placement")
    assert [row.index for row in rows] == [13, 12, 11, 10]
    with sqlite3.connect(two.home / "index.db") as database:
        database.execute("DELETE FROM runs WHERE kind = 'placement'")
    database.close()
    assert waits(two, date(2031, 6, 1)) == "entry 3 is to be kept until 2035-03-01"


def test_a_record_without_a_model_waits_for_the_latest_of_all(ledger: Ledger, statement) -> None:
    for number in range(10):
        made = statement(number, **(LONG if number == 3 else SHORT))
        if number == 3:
            made["subject"] = [item for item in made["subject"] if "model" not in item["name"]]
        ledger.append(made)
    assert "venturalitica place MODEL" in waits(ledger, date.max)
    place(ledger, NAME, sha(0), date(2021, 3, 1))
    place(ledger, NAME, sha(1), date(2022, 3, 1))
    assert waits(ledger, date(2031, 6, 1)) == "entry 3 is to be kept until 2032-03-01"
    place(ledger, NAME, sha(2), date(2001, 3, 1))
    assert waits(ledger, date(2031, 6, 1)) == "entry 3 is to be kept until 2032-03-01"


def test_pages_say_the_day_or_that_there_is_none(two: Ledger) -> None:
    def until(entry: int) -> date | None:
        record = two.entry(entry).record
        return kept_until(two, record, RetentionTerm.of(record.retention))

    assert (until(0), until(3)) == (date(2020, 7, 25), None)
    place(two, NAME, sha(3), date(2021, 3, 1))
    assert (until(3), until(4)) == (date(2031, 3, 1), None)


@pytest.mark.parametrize(
    "text", [sha(3), sha(3)[:8], sha(3)[:8].upper(), "3", f"{3:032x}", "nightly"]
)
def test_a_model_is_meant_by_digest_entry_run_or_name(two: Ledger, statement, text: str) -> None:
    run = statement(0)["predicate"]["run"] | {"id": "f" * 32, "name": "nightly"}
    named = statement(3)
    two.append(statement(3, run=run) | {"subject": named["subject"]})
    assert model_meant(two, text) == (NAME, sha(3))


def test_what_means_none_or_several_lists_them(two: Ledger) -> None:
    with pytest.raises(EvidenceError, match=r"'sklearn.Forest' means 10 models: .*give a digest"):
        model_meant(two, NAME)
    for text in ("zzzz", "99", sha(3)[:3], ""):
        with pytest.raises(EvidenceError, match=rf"fits '{text}' \(there are: {sha(0)[:12]}"):
            model_meant(two, text)


@pytest.mark.parametrize(
    "changes",
    [
        {"placed_on": "2021-3-1"},
        {"placed_on": None},
        {"model": {"name": NAME}},
        {"model": {"name": "", "sha256": "0" * 64}},
        {"model": {"name": NAME, "sha256": "0"}},
        {"model": [1]},
    ],
)
def test_a_malformed_one_is_a_fault_and_places_nothing(two: Ledger, changes: Any) -> None:
    entry = place(two, NAME, sha(3), date(2011, 3, 1))
    said = {k: v for k, v in entry.record.predicate.items() if k != "log"}
    two.append({**entry.statement, "predicate": said | {"placed_on": "2031-03-01"} | changes})
    found = verify_ledger(two.home)
    assert found.fault is not None
    assert found.fault.index == 11
    assert f"place {sha(4)[:12]}" in waits(two, datetime(2031, 1, 1, tzinfo=UTC).date())
    assert entry.record.predicate_type == PLACEMENT
