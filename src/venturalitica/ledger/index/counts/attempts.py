"""Which runs tried the same before: audits of the same data, and runs in which nothing was judged.

Bounded, however long the log is: of very many the newest are found, and that there are more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from sqlalchemy import select

from venturalitica.core.record import AUDIT, COMMITMENT, KINDS, RUN
from venturalitica.core.verdict import known_light
from venturalitica.ledger.index.queries import RANKS, rows_of
from venturalitica.ledger.index.tables import runs

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.index.rows import RunRow

MOST = 500
"""Audits of the same data that are looked at, the newest."""
MOST_RUNS = 50
"""Runs of the same name that are looked at for one in which nothing was judged."""
MOST_RECORDS = 1_000
"""Records of the runs that are told of, the newest; rows of numbers and words alone."""
MOST_OF_A_RUN = 4
"""Audits that are read of each of these, the worst."""


class Before(Struct, frozen=True, kw_only=True):
    """The runs before an entry that tried the same, by their ids with the last entry of each that
    tells so, the newest first.

    `audits` is how many audits of the same data came before the entry, those of its own run among
    them; `more`: at least.
    """

    runs: tuple[tuple[str, int], ...]
    audits: int
    more: bool


def data_of_run(index: Index, run_id: str) -> tuple[str, ...]:
    """By what the data are known again that a run's audits judged, each once."""
    of_run = (runs.c.run_id == run_id, runs.c.kind == KINDS[AUDIT], runs.c.data.is_not(None))
    query = select(runs.c.data).where(*of_run).order_by(runs.c.entry).limit(MOST_RECORDS)
    with index.connect() as connection:
        return tuple(dict.fromkeys(connection.scalars(query)))


def tried_before(
    index: Index, row: RunRow, *, data: Sequence[str], before: int, unended: Collection[int]
) -> Before:
    """What tried the same as the run of `row` did, from before an entry.

    Args:
        data: by what its data are known again; none where that is not known.
        unended: the entries with which runs began that have no end on record.
    """
    audits = select(runs.c.run_id, runs.c.entry).where(runs.c.data.in_(data), runs.c.entry < before)
    ended = select(runs.c.run_id, runs.c.entry).where(
        runs.c.policy_name == row.policy_name,
        runs.c.name == row.name,
        runs.c.experiment == row.experiment,
        runs.c.kind == KINDS[RUN],
        runs.c.entry < before,
    )
    newest = runs.c.entry.desc()
    with index.connect() as connection:
        same = connection.execute(audits.order_by(newest).limit(MOST + 1)).all() if data else []
        here = connection.execute(ended.order_by(newest).limit(MOST_RUNS)).all()
        judged = select(runs.c.run_id).where(
            runs.c.run_id.in_([one.run_id for one in here]), runs.c.kind == KINDS[AUDIT]
        )
        busy = set(connection.scalars(judged)) if here else set()
    late = sorted((entry for entry in unended if entry < before), reverse=True)[:MOST_RUNS]
    begun = [one for one in rows_of(index, late) if _is_of(one, row)]
    found: dict[str, int] = {}
    for run_id, entry in (
        *((one.run_id, one.entry) for one in same[:MOST]),
        *((one.run_id, one.entry) for one in here if one.run_id not in busy),
        *((one.run_id, one.index) for one in begun),
    ):
        if run_id and run_id != row.run_id:
            found[run_id] = max(entry, found.get(run_id, -1))
    ordered = sorted(found.items(), key=lambda item: item[1], reverse=True)
    return Before(runs=tuple(ordered), audits=min(len(same), MOST), more=len(same) > MOST)


def _is_of(begun: RunRow, row: RunRow) -> bool:
    """Whether a run that began is one of the same training: of its name, under its policy text."""
    same = begun.policy_sha256 in (row.policy_sha256, None)
    return begun.name == row.name and same


def records_of(index: Index, run_ids: Collection[str]) -> tuple[RunRow, ...]:
    """The records of some runs that tell how these went, oldest first: of each its beginning, its
    end, and of many audits the worst."""
    columns = (runs.c.entry, runs.c.run_id, runs.c.kind, runs.c.light)
    query = select(*columns).where(runs.c.run_id.in_(run_ids)).order_by(runs.c.entry.desc())
    with index.connect() as connection:
        found = connection.execute(query.limit(MOST_RECORDS)).all() if run_ids else []
    entries: list[int] = []
    for run_id in run_ids:
        own = [one for one in found if one.run_id == run_id]
        audits = [one for one in own if one.kind == KINDS[AUDIT]]
        audits.sort(key=lambda one: _rank(one.light))
        entries += [one.entry for one in own if one.kind != KINDS[AUDIT]][:MOST_OF_A_RUN]
        entries += [one.entry for one in audits[:MOST_OF_A_RUN]]
    return rows_of(index, sorted(entries))


def _rank(light: str) -> int:
    """Of a light that is none of the four, nothing is known."""
    return RANKS[known_light(light)]


def committed_before(index: Index, policy: str, sha256: str, before: int) -> int | None:
    """The entry of the newest commitment to a policy text from before an entry."""
    query = select(runs.c.entry).where(
        runs.c.policy_name == policy,
        runs.c.name == "",
        runs.c.experiment == "",
        runs.c.kind == KINDS[COMMITMENT],
        runs.c.entry < before,
        runs.c.policy_sha256 == sha256,
    )
    with index.connect() as connection:
        found: int | None = connection.scalar(query.order_by(runs.c.entry.desc()).limit(1))
    return found


NEAR = 200
"""So many entries after one are looked through for what speaks of it."""


def of_kind_after(index: Index, kind: str, entry: int) -> tuple[RunRow, ...]:
    """The records of a kind that came soon after an entry, or before it in its own run."""
    near = runs.c.entry.between(entry - NEAR // 10, entry + NEAR)
    query = select(runs.c.entry).where(near, runs.c.kind == kind).order_by(runs.c.entry)
    with index.connect() as connection:
        found = connection.scalars(query.limit(MOST_RUNS)).all()
    return rows_of(index, found)
