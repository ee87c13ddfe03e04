"""Takes into the index what the log holds and the index does not yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, starmap
from typing import Any

from msgspec import Struct, field
from sqlalchemy import Connection, Table, func, select

from venturalitica.ledger.formats.merkle import leaf_hash
from venturalitica.ledger.index.counts.kept import DIGESTS, count_again, count_in
from venturalitica.ledger.index.rows import (
    LinkRow,
    Outline,
    attached_row,
    link_rows,
    run_row,
    verdict_rows,
)
from venturalitica.ledger.index.tables import links, meta, runs, values_of, verdicts
from venturalitica.ledger.records.kinds.pruning import pruned_by

VERSION = "12"
"""Raise it when a table, or what a row is made of, changes: an index of another version is rebuilt,
never migrated."""

BATCH = 500
Row = tuple[Any, ...]


class _Batch(Struct):
    """The rows of some entries; of the entries themselves only the last is kept.

    Rows are bare tuples in the order of their table's columns: hundreds of parsed statements at a
    time would keep Python's garbage collector busier than the database is.
    """

    last: Outline
    runs: list[Row] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)
    links: list[Row] = field(default_factory=list)
    attached: list[tuple[str, LinkRow]] = field(default_factory=list)
    pruned: list[range] = field(default_factory=list)

    def add(self, entry: Outline) -> None:
        """Take in the rows of one more entry."""

        self.last = entry
        self.runs.append(values_of(run_row(entry)))
        self.verdicts += map(values_of, verdict_rows(entry))
        self.links += map(values_of, link_rows(entry))
        self.attached += filter(None, [attached_row(entry)])
        self.pruned += _pruned_before(entry)

    def insert(self, connection: Connection) -> int:
        """Write what was taken in, inside the transaction that is open; gives how many links."""
        linked = len(self.links)
        for table, rows in ((runs, self.runs), (verdicts, self.verdicts), (links, self.links)):
            if rows:
                _insert(connection, table, rows)
        count_in(connection, self.runs, self.verdicts)
        for digest, link in self.attached:
            there = select(runs.c.entry).where(runs.c.entry == link.index)
            if connection.execute(there.where(runs.c.evidence_sha256 == digest)).first():
                _insert(connection, links, [values_of(link)])
                linked += 1
        return linked


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    if connection.dialect.paramstyle == "qmark":
        # SQLite: past SQLAlchemy's making ready of each row, which takes longer than the inserting.
        statement = str(table.insert().compile(dialect=connection.dialect))
        connection.exec_driver_sql(statement, list(rows))
        return
    names = table.columns.keys()
    connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in rows])


def _pruned_before(entry: Outline) -> list[range]:
    """What an entry prunes; of what comes after it, it can say nothing."""

    named = pruned_by(entry.record)
    return [range(item.start, min(item.end, entry.index)) for item in named]


def _forget_pruned(connection: Connection, pruned: Sequence[range]) -> None:
    """What a prune record names is gone from here with it, whether its lines are already or not."""

    if pruned and connection.dialect.name == "sqlite":
        # Else the rows would lie on in the file's free pages.
        connection.exec_driver_sql("PRAGMA secure_delete=ON")
    for item in pruned:
        for table in (links, verdicts, runs):
            named = table.c.entry.between(item.start, item.stop - 1)
            connection.execute(table.delete().where(named))
    if pruned:
        count_again(connection)


def _remember(connection: Connection, origin: str, last: Outline) -> None:

    connection.execute(meta.delete().where(meta.c.key != DIGESTS))
    facts = {
        "version": VERSION,
        "origin": origin,
        "size": str(last.index + 1),
        "leaf": leaf_hash(last.line).hex(),
    }
    connection.execute(meta.insert(), [{"key": k, "value": v} for k, v in facts.items()])


def _counts(connection: Connection) -> tuple[str, str]:
    """How many verdicts and links there are, as `meta` keeps it."""

    counted = [select(func.count()).select_from(table) for table in (verdicts, links)]
    found = [str(connection.execute(query).scalar_one()) for query in counted]
    return found[0], found[1]


def _counts_kept(connection: Connection) -> tuple[int, int] | None:
    """What `meta` says they are, which was held against the tables; None where it says nothing."""
    known = {row.key: row.value for row in connection.execute(select(meta))}
    return (int(known["verdicts"]), int(known["links"])) if "links" in known else None


def _remember_counts(connection: Connection, counted: tuple[int, int] | None) -> None:
    """Keep the counts; None counts again, which takes time of a long log."""
    found = _counts(connection) if counted is None else tuple(map(str, counted))
    names = ("verdicts", "links")
    facts = [{"key": k, "value": v} for k, v in zip(names, found, strict=True)]
    connection.execute(meta.insert(), facts)


def _batches(lines: Iterator[tuple[int, bytes]]) -> Iterator[_Batch]:
    entries = starmap(Outline.of, lines)
    for first in entries:
        batch = _Batch(first)
        for entry in chain((first,), islice(entries, BATCH - 1)):
            batch.add(entry)
        yield batch
