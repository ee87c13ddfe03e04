"""The index: a projection of the log for questions and pages. It can be deleted and rebuilt.

SQLite in `.venturalitica/index.db` by default; any SQLAlchemy URL (PostgreSQL) for a team. It is
caught up with the log each time it is opened, and rebuilt where it does not fit: made by another
version, of another log, longer than the log, or broken. It proves nothing: `verify` reads the log.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from venturalitica.errors import EvidenceError
from venturalitica.ledger.projection import run_row, tracker_rows, verdict_rows

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Select

    from venturalitica.ledger.ledger import Entry, Ledger

log = logging.getLogger(__name__)

VERSION = "1"
"""Raise it when a table changes: an index of another version is rebuilt, never migrated."""

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One entry of the log, as a list shows it. Times are RFC 3339 UTC."""

    index: int
    kind: str
    run_id: str
    name: str
    parent: str | None
    sequence: int
    source: str
    started_at: str
    ended_at: str
    appended_at: str
    policy_name: str | None
    policy_version: str | None
    policy_sha256: str | None
    light: str
    passed: int
    failed: int
    not_evaluated: int
    errors: int
    model_class: str | None
    exception: str | None
    evidence_sha256: str
    trackers: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """One verdict of one entry."""

    index: int
    position: int
    control: str
    metric: str
    status: str
    light: str
    on_fail: str
    must: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    article: str | None


class Index:
    """Answers about the runs of a ledger; a context manager that closes its connections."""

    def __init__(self, ledger: Ledger, engine: Engine) -> None:
        self._ledger = ledger
        self._engine = engine

    @classmethod
    def open(cls, ledger: Ledger, url: str | None = None) -> Index:
        """Open the index of a ledger and catch it up with the log.

        Raises:
            EvidenceError: the log was altered, or the database cannot be used.
        """
        index = cls(ledger, _engine(ledger.home / "index.db", url))
        try:
            index._catch_up_or_rebuild(None if url else ledger.home / "index.db")
        except BaseException:
            index.close()
            raise
        return index

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    def rebuild(self) -> int:
        """Forget all and read the log again; gives how many entries were read."""
        from venturalitica.ledger.tables import metadata

        with self._engine.begin() as connection:
            metadata.drop_all(connection)
        return self._catch_up()

    def runs(
        self,
        *,
        kind: str | None = None,
        name: str | None = None,
        policy: str | None = None,
        light: str | None = None,
        since: str | None = None,
        until: str | None = None,
        newest_first: bool = True,
        limit: int | None = None,
    ) -> tuple[RunRow, ...]:
        """The entries that fit all that is given, newest first.

        Args:
            policy: name of the policy, or the beginning (8 or more digits) of its SHA-256.
            since: RFC 3339 UTC, compared with `appended_at`, inclusive; `until` exclusive.
        """
        from sqlalchemy import or_, select

        from venturalitica.ledger.tables import runs

        query = select(runs)
        for column, wanted in ((runs.c.kind, kind), (runs.c.name, name), (runs.c.light, light)):
            if wanted is not None:
                query = query.where(column == wanted)
        if policy is not None:
            digest = runs.c.policy_sha256.startswith(policy, autoescape=True)
            named = runs.c.policy_name == policy
            query = query.where(or_(named, digest) if len(policy) >= 8 else named)
        if since is not None:
            query = query.where(runs.c.appended_at >= since)
        if until is not None:
            query = query.where(runs.c.appended_at < until)
        order = runs.c.entry.desc() if newest_first else runs.c.entry
        return self._rows(query.order_by(order).limit(limit))

    def find(self, ref: str) -> tuple[RunRow, ...]:
        """Entries by index, or by the beginning of a run id, tracker run id or evidence digest.

        Gives none where nothing fits; several where the beginning is not enough.
        """
        from sqlalchemy import or_, select

        from venturalitica.ledger.tables import links, runs

        if ref.isdecimal() and len(ref) < 8:
            return self._rows(select(runs).where(runs.c.entry == int(ref)))
        if len(ref) < 4:
            return ()
        linked = select(links.c.entry).where(links.c.run_id.startswith(ref, autoescape=True))
        fits = or_(
            runs.c.run_id.startswith(ref, autoescape=True),
            runs.c.evidence_sha256.startswith(ref, autoescape=True),
            runs.c.entry.in_(linked),
        )
        return self._rows(select(runs).where(fits).order_by(runs.c.entry))

    def verdicts(self, index: int) -> tuple[VerdictRow, ...]:
        """The verdicts of one entry, in the order of its policy."""
        from sqlalchemy import select

        from venturalitica.ledger.tables import verdicts

        query = select(verdicts).where(verdicts.c.entry == index).order_by(verdicts.c.position)
        with self._engine.connect() as connection:
            rows = connection.execute(query).mappings()
            return tuple(VerdictRow(**_renamed(row)) for row in rows)

    def links(self) -> tuple[tuple[int, str, dict[str, Any]], ...]:
        """Every tracker run that an entry should reach: (index, evidence digest, run), in order."""
        import json

        from sqlalchemy import select

        from venturalitica.ledger.tables import links, runs

        query = (
            select(links.c.entry, runs.c.evidence_sha256, links.c.run)
            .join(runs, runs.c.entry == links.c.entry)
            .order_by(links.c.entry, links.c.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            return tuple((entry, digest, json.loads(run)) for entry, digest, run in rows)

    def _rows(self, query: Select[Any]) -> tuple[RunRow, ...]:
        import json

        with self._engine.connect() as connection:
            rows = [_renamed(row) for row in connection.execute(query).mappings()]
        return tuple(
            RunRow(**row | {"trackers": tuple(json.loads(row["trackers"]))}) for row in rows
        )

    def _catch_up_or_rebuild(self, file: Path | None) -> None:
        from sqlalchemy.exc import DatabaseError, DBAPIError

        try:
            self._catch_up()
        except DatabaseError as error:
            if file is None or "locked" in str(error):
                raise EvidenceError(f"the index cannot be used: {error.orig}") from error
            log.debug("index %s is broken and rebuilt", file, exc_info=True)
            self._engine.dispose()
            for name in (file, file.with_name(file.name + "-journal")):
                with contextlib.suppress(FileNotFoundError):
                    name.unlink()
            try:
                self._catch_up()
            except DBAPIError as again:
                raise EvidenceError(f"{file}: the index cannot be used: {again.orig}") from again

    def _catch_up(self) -> int:
        from venturalitica.ledger.tables import metadata

        head = self._ledger.head()
        with self._engine.begin() as connection:
            metadata.create_all(connection)
            done = self._fitting(connection)
            if done is None:
                metadata.drop_all(connection)
                metadata.create_all(connection)
                done = 0
            if done == head.size:
                return 0
            added = 0
            for batch in _batches(self._ledger.entries(done)):
                _insert(connection, batch)
                _remember(connection, head.origin, batch[-1])
                added += len(batch)
            return added

    def _fitting(self, connection: Connection) -> int | None:
        """How many entries are in already; None where the index is of something else."""
        from sqlalchemy import select

        from venturalitica.ledger.tables import meta

        known = {row.key: row.value for row in connection.execute(select(meta))}
        if not known:
            return 0
        head = self._ledger.head()
        if known.get("version") != VERSION or known.get("origin") != head.origin:
            return None
        done = int(known["size"])
        if done > head.size:
            return None
        last = self._ledger.entry(done - 1)
        return done if last.leaf_sha256 == known["leaf"] else None


def _engine(path: Path, url: str | None) -> Engine:
    from sqlalchemy import create_engine, event
    from sqlalchemy.exc import ArgumentError
    from sqlalchemy.pool import NullPool, StaticPool

    from venturalitica.redact import redact_uri

    if url is not None:
        try:
            return create_engine(url)
        except (ArgumentError, ImportError) as error:
            raise EvidenceError(
                f"the index cannot be opened at {redact_uri(url)}: {error}"
            ) from error
    if not os.access(path.parent, os.W_OK) and not path.exists():
        # An auditor's read-only copy: the index lives as long as this process.
        return create_engine("sqlite://", poolclass=StaticPool)
    # No pool, so that a forked child shares no connection; no WAL, which has a corruption bug with
    # two writers in the SQLite that some Pythons ship. BEGIN IMMEDIATE: one writer, others wait.
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _insert(connection: Connection, batch: Sequence[Entry]) -> None:
    from venturalitica.ledger.tables import links, runs, verdicts

    for table, rows in (
        (runs, [run_row(entry) for entry in batch]),
        (verdicts, [row for entry in batch for row in verdict_rows(entry)]),
        (links, [row for entry in batch for row in tracker_rows(entry)]),
    ):
        if rows:
            connection.execute(table.insert(), rows)


def _remember(connection: Connection, origin: str, last: Entry) -> None:
    from venturalitica.ledger.tables import meta

    connection.execute(meta.delete())
    facts = {
        "version": VERSION,
        "origin": origin,
        "size": str(last.index + 1),
        "leaf": last.leaf_sha256,
    }
    connection.execute(meta.insert(), [{"key": k, "value": v} for k, v in facts.items()])


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    for entry in entries:
        batch.append(entry)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _renamed(row: Any) -> dict[str, Any]:
    values = dict(row)
    values["index"] = values.pop("entry")
    return values
