"""The index: a projection of the log for questions and pages. It can be deleted and rebuilt.

SQLite in `.venturalitica/index.db` by default; any SQLAlchemy URL (PostgreSQL) for a team. It is
caught up with the log each time it is opened, and rebuilt where it does not fit: made by another
version, of another log, longer than the log, broken, or with rows missing. It proves nothing:
`verify` reads the log.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Collection, Sequence
from itertools import starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, Select, func, or_, select
from sqlalchemy.exc import DatabaseError, DBAPIError, IntegrityError, OperationalError

from venturalitica.core.causes import said
from venturalitica.core.record import BEGIN, KINDS
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.catch_up import (
    VERSION,
    _batches,
    _counts,
    _counts_kept,
    _forget_pruned,
    _pruned_before,
    _remember,
    _remember_counts,
)
from venturalitica.ledger.index.counts.kept import are_as_counted, counted_runs, counted_verdicts
from venturalitica.ledger.index.cross_check import stamp_of
from venturalitica.ledger.index.rows import Outline, RunRow, VerdictRow, as_key, spelt
from venturalitica.ledger.index.search import begins
from venturalitica.ledger.index.tables import (
    among,
    engine_of,
    links,
    make_again,
    meta,
    prepare,
    run_of,
    runs,
    verdicts,
)
from venturalitica.ledger.memory import Memory

if TYPE_CHECKING:
    from venturalitica.ledger.ledger import Ledger


log = logging.getLogger(__name__)

ALTERED = "the index was altered; 'venturalitica reindex' makes it again from the log"


class Index:
    """Answers about the runs of a ledger; a context manager that closes its connections."""

    def __init__(self, ledger: Ledger, engine: Engine, *, own: bool = True) -> None:
        self._ledger = ledger
        self._engine = engine
        self._own = own
        self._looked_at: object = None
        self.memory = Memory(on=own)
        """What was read of it and is so still; nothing of a database that others write to."""

    @classmethod
    def open(cls, ledger: Ledger, url: str | None = None) -> Index:
        """Open the index of a ledger and catch it up with the log.

        Raises:
            EvidenceError: the log was altered, or the database cannot be used.
        """
        index = cls(ledger, engine_of(ledger.home / "index.db", url), own=not url)
        try:
            index.refresh()
        except BaseException:
            index.close()
            raise
        return index

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()

    @property
    def in_memory(self) -> bool:
        """Whether it lives in this process alone, on one connection: one thread at a time."""
        return self._engine.dialect.name == "sqlite" and not self._engine.url.database

    def refresh(self) -> None:
        """Catch up with the log again, as opening does.

        Raises:
            EvidenceError: the log was altered, or the database cannot be used.
        """
        file = self._ledger.home / "index.db"
        self._catch_up_or_rebuild(file if self._own else None)

    def rebuild(self) -> int:
        """Forget all and read the log again; gives how many entries were read.

        Others that read meanwhile are answered as before, or wait until it is done.
        """
        return self._catch_up(anew=True)

    def runs(
        self,
        *,
        kind: str | None = None,
        without: Sequence[str] = (),
        begun: Collection[int] | None = None,
        name: str | None = None,
        policy: str | None = None,
        light: str | None = None,
        since: str | None = None,
        until: str | None = None,
        newest_first: bool = True,
        limit: int | None = None,
        before: int | None = None,
    ) -> tuple[RunRow, ...]:
        """The entries that fit all that is given, newest first.

        Args:
            name: of the run, or what its tracker calls the experiment or its own run.
            without: kinds that are left out.
            begun: the beginnings of runs that are given; all, and none `without`, where it is None.
            policy: name of the policy, or the beginning (8 or more digits) of its SHA-256.
            since: RFC 3339 UTC, compared with `appended_at`, inclusive; `until` exclusive.
            before: only entries before this one, to go on with a list.
        """

        query = select(runs)
        if name is not None:
            said_there = spelt(name)
            at = or_(links.c.experiment_name == said_there, links.c.run_name == said_there)
            linked = runs.c.entry.in_(select(links.c.entry).where(at))
            query = query.where(or_(runs.c.name == as_key(name), linked))
        for column, wanted in ((runs.c.kind, kind), (runs.c.light, light)):
            if wanted is not None:
                query = query.where(column == as_key(wanted))
        if without:
            query = query.where(or_(runs.c.kind.not_in(without), among(begun or (), "told")))
        if begun is not None:
            query = query.where(or_(runs.c.kind != KINDS[BEGIN], among(begun, "begun")))
        if policy is not None:
            named = runs.c.policy_name == as_key(policy)
            digest = begins(runs.c.policy_sha256, policy)
            query = query.where(or_(named, digest) if len(policy) >= 8 else named)
        if since is not None:
            query = query.where(runs.c.appended_at >= as_key(since))
        if until is not None:
            query = query.where(runs.c.appended_at < as_key(until))
        if before is not None:
            query = query.where(runs.c.entry < before)
        order = runs.c.entry.desc() if newest_first else runs.c.entry
        return self.rows(query.order_by(order).limit(limit))

    def find(self, ref: str) -> tuple[RunRow, ...]:
        """Entries by index, or by the beginning of a run id, tracker run id or evidence digest.

        Gives none where nothing fits; several where the beginning is not enough.
        """

        if ref.isdecimal() and len(ref) < 8:
            return self.rows(select(runs).where(runs.c.entry == int(ref)))
        if len(ref) < 4:
            return ()
        linked = select(links.c.entry).where(begins(links.c.run_id, ref))
        own = (begins(column, ref) for column in (runs.c.run_id, runs.c.evidence_sha256))
        fits = or_(*own, runs.c.entry.in_(linked))
        return self.rows(select(runs).where(fits).order_by(runs.c.entry))

    def verdicts(self, index: int) -> tuple[VerdictRow, ...]:
        """The verdicts of one entry, in the order of its policy."""

        query = select(verdicts).where(verdicts.c.entry == index).order_by(verdicts.c.position)
        return self.verdict_rows(query)

    def verdict_rows(self, query: Select[Any]) -> tuple[VerdictRow, ...]:
        """What a selection of whole rows of `verdicts` gives."""
        with self._engine.connect() as connection:
            return tuple(VerdictRow(*row) for row in connection.execute(query))

    def links(
        self, *, confirmed: Collection[tuple[int, str, str, str]] = (), start: int = 0
    ) -> tuple[tuple[int, str, dict[str, Any]], ...]:
        """Every tracker run that an entry should reach: (index, evidence digest, run), in order.

        `confirmed` are left out, unread: (index, tracker, run id, evidence digest); so are entries
        before `start`.
        """

        query = (
            select(
                links.c.entry, links.c.tracker, links.c.run_id, runs.c.evidence_sha256, links.c.run
            )
            .join(runs, runs.c.entry == links.c.entry)
            .where(links.c.entry >= start)
            .order_by(links.c.entry, links.c.position)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query)
            try:
                return tuple(
                    (entry, digest, json.loads(run))
                    for entry, tracker, run_id, digest, run in rows
                    if (entry, tracker, run_id, digest) not in confirmed
                )
            except (ValueError, TypeError) as error:
                raise EvidenceError(ALTERED) from error

    def kinds_from(self, start: int) -> tuple[int, frozenset[str]]:
        """How many entries there are, and the kinds of those from `start`."""
        query = select(runs.c.entry, runs.c.kind).where(runs.c.entry >= start)
        with self._engine.connect() as connection:
            found = connection.execute(query).all()
        last = max((entry for entry, _ in found), default=start - 1)
        return last + 1, frozenset(kind for _, kind in found)

    def connect(self) -> Connection:
        """A connection to ask of (`listing`); a context manager."""
        return self._engine.connect()

    def rows(self, query: Select[Any]) -> tuple[RunRow, ...]:
        """What a selection of whole rows of `runs` gives."""
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        try:
            return tuple(map(run_of, rows))
        except (ValueError, TypeError) as error:
            raise EvidenceError(ALTERED) from error

    def _catch_up_or_rebuild(self, file: Path | None) -> None:

        try:
            self._catch_up()
        except DatabaseError as error:
            if isinstance(error, OperationalError) and (file is None or "locked" in str(error)):
                raise self._unusable(error) from error
            log.debug("the index is broken and rebuilt", exc_info=True)
            if file is not None:
                self._engine.dispose()
                for name in (file, file.with_name(file.name + "-journal")):
                    with contextlib.suppress(FileNotFoundError):
                        name.unlink()
            try:
                self._catch_up(anew=True)
            except IntegrityError as again:
                raise EvidenceError(
                    f"{self._ledger.home}: one record stands in the log twice, so at least one was "
                    "moved; run 'venturalitica verify' to see which"
                ) from again
            except DBAPIError as again:
                raise self._unusable(again) from again

    def _unusable(self, error: DBAPIError) -> EvidenceError:
        where = f"{self._ledger.home / 'index.db'}: " if self._own else ""
        return EvidenceError(f"{where}the index cannot be used: {said(error.orig or error)}")

    def _catch_up(self, *, anew: bool = False) -> int:

        head = self._ledger.head()
        with self._engine.begin() as connection:
            prepare(connection)
            done = None if anew else self._fitting(connection)
            if done is None:
                self.memory.forget()
                make_again(connection)
                done = 0
            if done == head.size:
                return 0
            added, counts = 0, _counts_kept(connection)
            for batch in _batches(self._ledger.lines(done)):
                linked = batch.insert(connection)
                if batch.pruned:
                    self.memory.forget()
                    counts = None
                elif counts is not None:
                    counts = counts[0] + len(batch.verdicts), counts[1] + linked
                _forget_pruned(connection, batch.pruned)
                _remember(connection, head.origin, batch.last)
                added += len(batch.runs)
            _remember_counts(connection, counts)
        # What was whole before is whole with what was put in: it is not counted again for that.
        if self._own and self._looked_at is not None:
            self._looked_at = stamp_of(self._ledger.home / "index.db")
        return added

    def _fitting(self, connection: Connection) -> int | None:
        """How many entries are in already; None where the index is of something else."""

        known = {row.key: row.value for row in connection.execute(select(meta))}
        if not known:
            return 0
        head = self._ledger.head()
        if known.get("version") != VERSION or known.get("origin") != head.origin:
            return None
        size = known.get("size", "")
        done = int(size) if size.isdecimal() and len(size) < 16 else 0
        if not 0 < done <= head.size:
            return None
        if self._ledger.leaf(done - 1) != known.get("leaf"):
            return None
        return done if self._is_whole(connection, done, known) else None

    def _is_whole(self, connection: Connection, done: int, said: dict[str, str]) -> bool:
        """Whether no row was taken away: each entry has its own, but for the pruned.

        Counting is quick, and done again only when the file is another than at the last count.
        """
        stamp = stamp_of(self._ledger.home / "index.db") if self._own else "somewhere else"
        known = stamp is not None and stamp == self._looked_at
        if known and self._own:
            return True
        if not are_as_counted(connection):
            return self._is_edited("its counters are not those that were put there")
        if known:
            return True  # nobody tells when others write to a database elsewhere
        self.memory.forget()
        of_verdicts, of_links = _counts(connection)
        whole = (of_verdicts, of_links) == (said.get("verdicts"), said.get("links"))
        whole = whole and str(counted_verdicts(connection)) == of_verdicts
        whole = whole and self._has_every_run(connection, done)
        self._looked_at = stamp if whole else None
        return whole or self._is_edited("rows are missing")

    def _is_edited(self, why: str) -> bool:
        log.warning("%s: the index is made again: %s", self._ledger.home, why)
        self._looked_at = None
        return False

    def _has_every_run(self, connection: Connection, done: int) -> bool:
        """As many rows as entries that are not pruned, all of them of such entries, all counted."""

        pruned = self._pruned(connection)
        kept = [runs.c.entry >= 0, runs.c.entry < done]
        kept += [~runs.c.entry.between(item.start, item.stop - 1) for item in pruned]
        every = select(func.count()).select_from(runs)
        count = connection.execute(every).scalar_one()
        # With none pruned the first and the last say that no other entry is there.
        ends = connection.execute(select(func.min(runs.c.entry), func.max(runs.c.entry))).one()
        if count != counted_runs(connection):
            return False
        if not pruned:
            return count == done and tuple(ends) == (0, done - 1)
        fitting = connection.execute(every.where(*kept)).scalar_one()
        gone: set[int] = set().union(*pruned)
        return count == fitting == done - len(gone)

    def pruned_to(self) -> int:
        """The place after the last entry that was pruned; 0 where none was."""
        with self._engine.connect() as connection:
            return max((item.stop for item in self._pruned(connection)), default=0)

    def _pruned(self, connection: Connection) -> list[range]:
        """What the log's own prune records name."""

        query = select(runs.c.entry).where(runs.c.kind == "prune").order_by(runs.c.entry)
        places = connection.execute(query).scalars().all()
        records = starmap(Outline.of, self._ledger.chosen(places))
        return [item for record in records for item in _pruned_before(record)]
