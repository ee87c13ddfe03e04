"""Heads: what somebody who may write the files could do with them, and what `verify` says."""

from __future__ import annotations

import json
import sys
from datetime import date
from typing import Any

import pytest

from venturalitica.core.encoding import canonical_json
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.formats.merkle import Head, head_at, leaf_hash, root_of
from venturalitica.ledger.lifecycle.prune import Plan, plan, prune
from venturalitica.ledger.records.kinds.pruning import Range, prune_statement

old_log = sys.modules["ledger_old_log"]
clock, ledger, filled = old_log.clock, old_log.ledger, old_log.filled
pruned = old_log.pruned
step = old_log.step
lines = old_log.lines
leaves = old_log.leaves


# What an attacker could do with heads.


def replace_by_head(ledger: Ledger, start: int, count: int, record: int, **changes: Any) -> None:
    """What somebody who may write the files could do: take entries out and leave their leaves."""
    found, all_lines = leaves(ledger), lines(ledger)
    values: dict[str, Any] = {
        "origin": ledger.head().origin,
        "start": start,
        "record": record,
        "leaves": tuple(found[start : start + count]),
    }
    head = Head(**values | changes)
    all_lines[start : start + count] = [head.to_line() + b"\n"]
    (ledger.home / "log" / "entries.jsonl").write_bytes(b"".join(all_lines))


def test_a_head_that_no_record_names_is_a_fault(filled: Ledger) -> None:
    replace_by_head(filled, 3, 2, 19)
    found = verify_ledger(filled.home)
    assert (found.fault.name, found.fault.index) == ("retention", 3)
    assert "no prune record names them" in found.fault.detail


def test_a_head_over_more_or_less_than_the_record_names_is_a_fault(filled: Ledger) -> None:
    pruned(filled)
    all_lines = lines(filled)
    path = filled.home / "log" / "entries.jsonl"
    whole = [leaf for line in all_lines[:4] for leaf in _leaves_of(line)]
    origin = filled.head().origin
    for start, count, skipped in ((0, 8, 3), (0, 6, 2)):
        head = Head(origin=origin, start=start, record=20, leaves=tuple(whole[:count]))
        path.write_bytes(b"".join([head.to_line() + b"\n", *all_lines[skipped:]]))
        found = verify_ledger(filled.home)
        assert (found.fault.name, found.fault.index) == ("retention", 0), found.fault
    path.write_bytes(b"".join(all_lines))
    assert verify_ledger(filled.home).ok


def _leaves_of(line: bytes) -> tuple[bytes, ...]:
    value = json.loads(line)
    if "leaves" not in value:
        return (leaf_hash(line[:-1]),)
    import base64

    data = base64.b64decode(value["leaves"])
    return tuple(data[at : at + 32] for at in range(0, len(data), 32))


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"origin": "venturalitica/log/other"}, "chain"),
        ({"record": 19}, "retention"),
        ({"leaves": (bytes(32),) * 8}, "chain"),
        ({"start": 9}, "signatures"),
    ],
)
def test_an_altered_head_is_a_fault(filled: Ledger, changes: dict[str, Any], step: str) -> None:
    pruned(filled)
    all_lines = lines(filled)
    place = next(at for at, line in enumerate(all_lines) if b'"start":8' in line)
    values: dict[str, Any] = {
        "origin": filled.head().origin,
        "start": 8,
        "record": 20,
        "leaves": _leaves_of(all_lines[place]),
    }
    all_lines[place] = Head(**values | changes).to_line() + b"\n"
    (filled.home / "log" / "entries.jsonl").write_bytes(b"".join(all_lines))
    found = verify_ledger(filled.home)
    assert found.fault.name == step, found.fault


def test_a_record_that_prunes_too_early_is_a_fault(filled: Ledger) -> None:
    ranges = [Range(0, 4, root_of(tuple(leaves(filled)[:4])))]
    filled.append(
        prune_statement(
            ranges, segment=8, classes={"six-months": 4}, until=date(2021, 1, 1), placed=None
        )
    )
    found = verify_ledger(filled.home).fault
    assert found.name == "retention"
    assert "was to be kept until 2021-01-01" in found.detail


def test_a_record_that_means_other_entries_changes_nothing(filled: Ledger) -> None:
    filled.append(
        prune_statement(
            [Range(0, 4, bytes(32))],
            segment=8,
            classes={"six-months": 4},
            until=date(2020, 7, 25),
            placed=None,
        )
    )
    before = lines(filled)
    found = plan(filled, date(2021, 1, 1), segment=32)
    assert found.left == ()
    assert "it does not mean those of this log" in found.why
    assert prune(filled, found) is None
    assert lines(filled) == before
    with pytest.raises(EvidenceError, match="does not mean those of this log"):
        prune(filled, Plan(left=(Range(0, 4, bytes(32)),)))
    assert lines(filled) == before


def named(filled: Ledger, *ranges: Range, signer: Any = None) -> None:
    """A prune record over these ranges, by whoever."""
    statement = prune_statement(
        ranges, segment=8, classes={"six-months": 4}, until=date(2020, 7, 25), placed=None
    )
    Ledger.open(filled.home, signer=signer or filled._signer, clock=filled._clock).append(statement)


def over(filled: Ledger, start: int, end: int) -> Range:
    return Range(start, end - start, root_of(tuple(leaves(filled)[start:end])))


def test_what_a_stranger_names_too_early_is_not_taken_out(
    filled: Ledger, stranger, statement
) -> None:
    """Somebody who can write the folder wants the owner's next pruning to take our entries."""
    fresh = filled.append(statement(30)).index
    named(filled, over(filled, 0, 5), over(filled, fresh, fresh + 1), signer=stranger)
    found = plan(filled, date(2021, 1, 1), segment=32)
    assert [str(item) for item in found.left] == ["0–4"]
    assert "a prune record names 20, but entry 20 is to be kept until 2031-01-01" in found.why
    before = leaves(filled)
    assert prune(filled, found) is None
    assert filled.entry(fresh).statement["predicate"]["run"]["sequence"] == 30
    assert leaves(filled) == before
    told = next(step for step in verify_ledger(filled.home).steps if step.name == "retention")
    assert told.ok is None


def test_what_holds_other_records_is_not_taken_out(filled: Ledger) -> None:
    named(filled, over(filled, 4, 7))
    found = plan(filled, date(2021, 1, 1), segment=32)
    assert found.left == ()
    assert "not all of that are audits and runs" in found.why


def test_a_range_of_more_entries_than_there_are_costs_nothing(filled: Ledger) -> None:
    named(filled, Range(0, 1 << 50, bytes(32)))
    assert plan(filled, date(2021, 1, 1), segment=8).entries == 15
    assert "not all before it" in verify_ledger(filled.home).fault.detail


def test_overlapping_records_are_a_fault(filled: Ledger) -> None:
    named(filled, over(filled, 0, 4))
    named(filled, over(filled, 0, 4))
    assert verify_ledger(filled.home).ok
    named(filled, over(filled, 3, 5))
    fault = verify_ledger(filled.home).fault
    assert (fault.name, fault.index) == ("retention", 22)
    assert "prunes entries 3–4, entry 20 pruned 0–3" in fault.detail


@pytest.mark.parametrize(
    "change",
    [
        {"count": 3},
        {"count": 0},
        {"start": -1},
        {"start": True},
        {"leaves": "AA"},
        {"leaves": ""},
        {"format": "venturalitica/pruned/v2"},
        {"more": 1},
    ],
)
def test_what_is_not_quite_a_head_is_none(change: dict[str, Any]) -> None:
    head = Head(origin="o", start=8, record=20, leaves=(bytes(32), bytes(32)))
    assert head_at(head.to_line(), 8) == head
    assert head_at(head.to_line(), 9) is None
    value = json.loads(head.to_line()) | change
    assert head_at(canonical_json(value), 8) is None
    assert head_at(head.to_line().replace(b",", b", "), 8) is None
