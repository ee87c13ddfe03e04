"""The record of a pruning: which entries were taken out of the log, and that their time was up.

    {"format": 1, "kind": "prune",
     "segment":  how many entries a segment has,
     "pruned":   [{"start", "count", "root"}]: each becomes one head (`merkle`); the root is that of
                 the tree over the leaves of those entries alone,
     "classes":  {class: how many entries},
     "until":    the latest day until which one of them had to be kept,
     "placed":   the day the system was placed on the market, if that was said,
     "reason":   "retention has passed"}

It is signed and appended before anything is removed. A head that no such record names is a fault:
somebody took entries out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from msgspec import Struct

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import decode_hash, is_place
from venturalitica.core.json_values import text
from venturalitica.core.record import FORMAT, PRUNE, Statement, statement_json
from venturalitica.core.retention import parse_day, term
from venturalitica.errors import EvidenceError

REASON = "retention has passed"


class Range(Concise, frozen=True, order=True):
    """Consecutive entries that a prune record names."""

    unsaid = frozenset({"root"})

    start: int
    count: int
    root: bytes

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
    predicate = {
        "format": FORMAT,
        "kind": "prune",
        "segment": segment,
        "pruned": [
            {"start": item.start, "count": item.count, "root": item.root.hex()} for item in ranges
        ],
        "classes": dict(classes),
        "until": until.isoformat(),
        "placed": placed.isoformat() if placed else None,
        "reason": REASON,
    }
    subjects = ((f"pruned/{item.start}", item.root.hex()) for item in ranges)
    return statement_json(PRUNE, subjects, predicate)


class Pruning(Struct, frozen=True, kw_only=True):
    """What a prune record says."""

    ranges: tuple[Range, ...]
    classes: Mapping[str, int]
    until: date
    placed: date | None
    reason: str

    @classmethod
    def of(cls, predicate: Mapping[str, Any]) -> Pruning:
        """Read the predicate of a prune record.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        classes, placed = predicate.get("classes"), predicate.get("placed")
        if not isinstance(classes, Mapping) or not _are_terms(classes):
            raise EvidenceError("predicate.classes is missing or malformed")
        return cls(
            ranges=ranges_of(predicate),
            classes=classes,
            until=parse_day(predicate.get("until")),
            placed=None if placed is None else parse_day(placed),
            reason=text(predicate.get("reason")),
        )


def _are_terms(classes: Mapping[str, Any]) -> bool:
    try:
        return {*map(term, classes)} == {*classes}
    except (TypeError, ValueError):
        return False


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


def pruned_by(statement: Statement) -> tuple[Range, ...]:
    """The ranges that a statement prunes: none where it is no prune record that can be read."""
    if statement.predicate_type != PRUNE:
        return ()
    try:
        return ranges_of(statement.predicate)
    except EvidenceError:
        return ()


def check(predicate: Mapping[str, Any]) -> None:
    """Raise `EvidenceError` unless the predicate is a prune record's."""
    Pruning.of(predicate)


def _range(value: Any) -> Range:
    if not isinstance(value, Mapping):
        raise EvidenceError("predicate.pruned is malformed")
    start, count, root = value.get("start"), value.get("count"), value.get("root")
    if not (is_place(start) and is_place(count) and count):
        raise EvidenceError("predicate.pruned is malformed")
    return Range(value["start"], value["count"], decode_hash(root, what="a pruned root"))
