"""Counters of the rows, moved in the same transaction as the rows: what pages count is not counted
over all rows when a page is drawn.

Entries are counted by all that `GROUPED` names together, verdicts by their control. They say what a
GROUP BY would: they only grow while rows are put in, and where rows are taken away all is counted
again. `meta` holds the sum of their rows' digests, moved with them: a number that somebody edits is
not shown, though it leaves all sums as they were.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Row, Table, func, select

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.packed import packed
from venturalitica.ledger.index.rows import folded
from venturalitica.ledger.index.tables import (
    FOLDED,
    GROUPED,
    meta,
    run_counts,
    runs,
    verdict_counts,
    verdicts,
)

DIGESTS = "counters"
_MODULUS = 1 << 256
_HEX = re.compile("[0-9a-f]{64}")

PORTION = 500
"""Keys that are asked for at once, below what any database takes as parameters."""

_NAMES = runs.columns.keys()
_COUNTED = (*GROUPED, "entry", "appended_at")
_PLACES = [_NAMES.index(name) for name in _COUNTED]
_CONTROL = verdicts.columns.keys().index("control")


class _Group(Struct):
    """Entries that have all of `GROUPED` in common."""

    common: tuple[str | None, ...]
    count: int
    first: int
    last: int
    first_seen: str
    last_seen: str

    def take_in(self, other: _Group) -> None:
        self.count += other.count
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        self.first_seen = min(self.first_seen, other.first_seen)
        self.last_seen = max(self.last_seen, other.last_seen)


def count_in(
    connection: Connection, of_runs: Iterable[Sequence[Any]], of_verdicts: Iterable[Sequence[Any]]
) -> None:
    """Count rows that are put in by the transaction that is open, as tuples of their tables."""
    _merge_groups(connection, ([row[place] for place in _PLACES] for row in of_runs))
    _merge_controls(connection, Counter(row[_CONTROL] for row in of_verdicts))


def count_again(connection: Connection) -> None:
    """Count all rows: some were taken away, and no counter says which is the first without them."""
    for table in (run_counts, verdict_counts):
        connection.execute(table.delete())
    connection.execute(meta.delete().where(meta.c.key == DIGESTS))
    # Read to the end before the first is written: a connection answers one question at a time.
    rows = connection.execute(select(*(runs.c[name] for name in _COUNTED))).all()
    _merge_groups(connection, rows)
    counted = select(verdicts.c.control, func.count()).group_by(verdicts.c.control)
    found = {control: int(count) for control, count in connection.execute(counted)}
    _merge_controls(connection, Counter(found))


def are_as_counted(connection: Connection) -> bool:
    """Whether the counters are those that were put there."""
    tables = (run_counts, verdict_counts)
    found = (_digest(row) for table in tables for row in connection.execute(select(table)))
    return sum(found) % _MODULUS == _digests(connection)


def _digests(connection: Connection) -> int:
    kept = connection.execute(select(meta.c.value).where(meta.c.key == DIGESTS)).scalar()
    return int(kept, 16) if kept and _HEX.fullmatch(kept) else 0


def _put(
    connection: Connection, table: Table, rows: list[dict[str, Any]], before: Sequence[Row[Any]]
) -> None:
    """Put rows into a table of counters in the place of those `before`."""
    connection.execute(table.insert(), rows)
    names = table.columns.keys()
    put = sum(_digest([row[name] for name in names]) for row in rows)
    now = (_digests(connection) + put - sum(map(_digest, before))) % _MODULUS
    connection.execute(meta.delete().where(meta.c.key == DIGESTS))
    connection.execute(meta.insert(), [{"key": DIGESTS, "value": f"{now:064x}"}])


def _digest(row: Sequence[Any]) -> int:
    return int.from_bytes(hashlib.sha256(packed(tuple(row))).digest(), "big")


def counted_runs(connection: Connection) -> int:
    """How many runs the counters speak of."""
    return _sum(connection, run_counts)


def counted_verdicts(connection: Connection) -> int:
    """How many verdicts the counters speak of."""
    return _sum(connection, verdict_counts)


def _sum(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.coalesce(func.sum(table.c.count), 0))).scalar_one())


def _merge_groups(connection: Connection, rows: Iterable[Sequence[Any]]) -> None:
    found: dict[str, _Group] = {}
    for *common, entry, seen in rows:
        one = _Group(tuple(common), 1, entry, entry, seen, seen)
        known = found.setdefault(sha256_hex(json.dumps(common).encode()), one)
        if known is not one:
            known.take_in(one)
    keys = list(found)
    for start in range(0, len(keys), PORTION):
        some = keys[start : start + PORTION]
        here = run_counts.c.key.in_(some)
        before = connection.execute(select(run_counts).where(here)).all()
        for key, *values in before:
            common, counted = values[: len(GROUPED)], values[len(GROUPED) : -len(FOLDED)]
            found[key].take_in(_Group(tuple(common), *counted))
        connection.execute(run_counts.delete().where(here))
        _put(connection, run_counts, [_row(key, found[key]) for key in some], before)


def _row(key: str, one: _Group) -> dict[str, Any]:
    rest = {name: getattr(one, name) for name in _Group.__struct_fields__ if name != "common"}
    common = dict(zip(GROUPED, one.common, strict=True))
    as_searched = {
        column: None if (said := common[name]) is None else folded(said)
        for name, column in FOLDED.items()
    }
    return {"key": key} | common | rest | as_searched


def _merge_controls(connection: Connection, found: Counter[str]) -> None:
    names = list(found)
    for start in range(0, len(names), PORTION):
        some = names[start : start + PORTION]
        here = verdict_counts.c.control.in_(some)
        before = connection.execute(select(verdict_counts).where(here)).all()
        for control, count in before:
            found[control] += count
        connection.execute(verdict_counts.delete().where(here))
        rows = [{"control": control, "count": found[control]} for control in some]
        _put(connection, verdict_counts, rows, before)
