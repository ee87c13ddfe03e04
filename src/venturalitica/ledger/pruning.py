"""The record of a pruning: which entries were taken out of the log, and that their time was up.

    {"format": 1, "kind": "prune",
     "segment":  how many entries a segment has,
     "pruned":   [{"start", "count", "root"}]: each becomes one head (`heads`); the root is that of
                 the tree over the leaves of those entries alone,
     "classes":  {class: how many entries},
     "until":    the latest day until which one of them had to be kept,
     "placed":   the day the system was placed on the market, if that was said,
     "reason":   "retention has passed"}

It is signed and appended before anything is removed. A head that no such record names is a fault:
somebody took entries out.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from venturalitica.errors import EvidenceError
from venturalitica.ledger.encoding import decode_hash, is_place
from venturalitica.ledger.heads import Head
from venturalitica.ledger.kinds import Kind, Record
from venturalitica.ledger.link import STATEMENT_TYPE
from venturalitica.ledger.retention import MONTHS, day_of, parse_day
from venturalitica.records import Step

PRUNE = "urn:venturalitica:prune:v1"
FORMAT = 1
REASON = "retention has passed"


@dataclass(frozen=True, slots=True, order=True)
class Range:
    """Consecutive entries that a prune record names."""

    start: int
    count: int
    root: bytes = field(repr=False)

    @property
    def end(self) -> int:
        """Index of the entry after it."""
        return self.start + self.count

    def __str__(self) -> str:
        return f"{self.start}" if self.count == 1 else f"{self.start}–{self.end - 1}"


def prune_statement(
    ranges: Sequence[Range],
    *,
    segment: int,
    classes: Mapping[str, int],
    until: date,
    placed: date | None,
) -> dict[str, Any]:
    """The statement, ready to be appended."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": f"pruned/{item.start}", "digest": {"sha256": item.root.hex()}}
            for item in ranges
        ],
        "predicateType": PRUNE,
        "predicate": {
            "format": FORMAT,
            "kind": "prune",
            "segment": segment,
            "pruned": [
                {"start": item.start, "count": item.count, "root": item.root.hex()}
                for item in ranges
            ],
            "classes": dict(classes),
            "until": until.isoformat(),
            "placed": placed.isoformat() if placed else None,
            "reason": REASON,
        },
    }


def ranges_of(predicate: Mapping[str, Any]) -> tuple[Range, ...]:
    """The ranges that a prune record names.

    Raises:
        EvidenceError: they are malformed, or overlap.
    """
    found = predicate.get("pruned")
    if not isinstance(found, list) or not found:
        raise EvidenceError("predicate.pruned is missing or malformed")
    ranges = tuple(map(_range, found))
    for before, after in pairwise(ranges):
        if after.start < before.end:
            raise EvidenceError(f"the entries {before} and {after} that it prunes overlap")
    return ranges


def pruned_by(statement: Mapping[str, Any]) -> tuple[Range, ...]:
    """The ranges that a statement prunes: none where it is no prune record that can be read."""
    if statement.get("predicateType") != PRUNE:
        return ()
    try:
        return ranges_of(statement["predicate"])
    except (EvidenceError, KeyError, AttributeError):
        return ()


def check(predicate: Mapping[str, Any]) -> None:
    """Raise `EvidenceError` unless the predicate is a prune record's."""
    ranges_of(predicate)
    parse_day(predicate.get("until"))
    if predicate.get("placed") is not None:
        parse_day(predicate["placed"])
    classes = predicate.get("classes")
    if not isinstance(classes, Mapping) or not classes.keys() <= MONTHS.keys():
        raise EvidenceError("predicate.classes is missing or malformed")


KIND = Kind(PRUNE, FORMAT, check)


@dataclass(frozen=True, slots=True)
class _Named:
    range: Range
    record: int
    day: str


class Retention:
    """The chronicle `retention`: every head is one that a prune record names."""

    name = "retention"
    meaning = "entries were taken out of the log otherwise than by pruning"

    def __init__(self, *, alone: bool = False) -> None:
        """`alone`: a record is read from a bundle, without the log it prunes."""
        self._alone = alone
        self._named: dict[int, _Named] = {}
        self._starts: list[int] = []
        self._heads: list[tuple[Range, int]] = []

    def read(self, record: Record) -> None:
        """Take in a prune record; it may name only what came before, and whose time was up."""
        if record.kind != PRUNE:
            return
        day = str(record.predicate["log"]["appended_at"])[:10]
        until = parse_day(record.predicate["until"])
        for item in ranges_of(record.predicate):
            if item.end > record.index:
                raise EvidenceError(f"it prunes entries {item}, which are not all before it")
            self._name(_Named(item, record.index, day))
        if day_of(day) <= until:
            raise EvidenceError(f"it is of {day}, and what it prunes was to be kept until {until}")

    def _name(self, new: _Named) -> None:
        """Enter what a record prunes; the same once more changes nothing."""
        place = bisect_left(self._starts, new.range.start)
        for start in self._starts[max(0, place - 1) : place + 1]:
            known = self._named[start]
            if known.range == new.range:
                return
            if known.range.start < new.range.end and new.range.start < known.range.end:
                raise EvidenceError(
                    f"it prunes entries {new.range}, entry {known.record} pruned {known.range}"
                )
        self._starts.insert(place, new.range.start)
        self._named[new.range.start] = new

    def pass_over(self, head: Head) -> None:
        """Take in a head in the place of entries."""
        self._heads.append((Range(head.start, head.count, head.root()), head.record))

    def step(self) -> Step | None:
        """Never True: what was pruned can no longer be checked."""
        for item, record in self._heads:
            named = self._named.get(item.start)
            if named is None or (named.range, named.record) != (item, record):
                return Step(
                    self.name,
                    False,
                    f"entries {item} are gone, and no prune record names them: {self.meaning}",
                    item.start,
                )
        if self._alone or not self._named:
            return None
        there = {item.start for item, _ in self._heads}
        left = [named for start, named in self._named.items() if start not in there]
        return self._told(left)

    def _told(self, left: list[_Named]) -> Step:
        texts = []
        if self._heads:
            count = sum(item.count for item, _ in self._heads)
            last = max(self._named.values(), key=lambda named: named.record)
            some = ", ".join(str(item) for item, _ in self._heads[:3])
            more = ", …" if len(self._heads) > 3 else ""
            texts.append(
                f"{count} entries ({some}{more}) were pruned when their retention had passed "
                f"(entry {last.record}, {last.day}): their places are proven, their contents "
                "can no longer be checked"
            )
        if left:
            texts.append(
                f"entry {left[0].record} prunes {left[0].range}, which are still there: a pruning "
                "was interrupted, 'venturalitica prune' finishes it"
            )
        return Step(self.name, None, "; ".join(texts))


def _range(value: Any) -> Range:
    if not isinstance(value, Mapping):
        raise EvidenceError("predicate.pruned is malformed")
    start, count, root = value.get("start"), value.get("count"), value.get("root")
    if not (is_place(start) and is_place(count) and count):
        raise EvidenceError("predicate.pruned is malformed")
    return Range(value["start"], value["count"], decode_hash(root, what="a pruned root"))
