"""What the counters of the index answer: what filters offer, the lights, the pruned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import func, select

from venturalitica.core.verdict import LIGHTS, Light
from venturalitica.ledger.index.counts.kept import counted_runs
from venturalitica.ledger.index.queries import JUDGED, Known, Waiting, known_of, rank, told
from venturalitica.ledger.index.tables import among, run_counts, verdict_counts

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from venturalitica.ledger.index.index import Index


class Choices(Struct, frozen=True, kw_only=True):
    """What there is to choose from, the most used first; cut at some hundred."""

    policies: tuple[str, ...]
    names: tuple[str, ...]
    models: tuple[str, ...]
    kinds: tuple[str, ...]
    controls: tuple[str, ...]


def choices(index: Index, *, limit: int = 200) -> Choices:
    """What the filters of a page offer."""
    with index.connect() as connection:

        def used(column: ColumnElement[Any], *where: ColumnElement[bool]) -> tuple[str, ...]:
            total = func.sum(column.table.c.count)
            query = select(column).where(column.is_not(None), column != "", *where)
            query = query.group_by(column).order_by(total.desc(), column).limit(limit)
            return tuple(connection.scalars(query))

        judged = run_counts.c.kind.in_(JUDGED)
        return Choices(
            policies=used(run_counts.c.policy_name, judged),
            names=used(run_counts.c.name, judged),
            models=used(run_counts.c.model_class, judged),
            kinds=used(run_counts.c.kind),
            controls=used(verdict_counts.c.control),
        )


def lights_of(index: Index, waiting: Waiting = ()) -> tuple[tuple[Light, int], ...]:
    """How many audits and runs have each light, the worst first."""
    known = known_of(waiting)
    found = Counter[int]()
    with index.connect() as connection:
        number = rank(known.as_recorded, of=run_counts)
        query = (
            select(number, func.sum(run_counts.c.count))
            .where(told((), run_counts))
            .group_by(number)
        )
        for one, count in (*connection.execute(query), *apart(connection, known)):
            found[one] += int(count)
    return tuple((LIGHTS[one], count) for one, count in sorted(found.items()) if count)


def apart(
    connection: Connection, known: Known, *columns: ColumnElement[Any], begun: bool = True
) -> Iterator[tuple[Any, ...]]:
    """What is put to counts by recorded lights: `columns`, the light's rank, and how many.

    Each entry that more is known of is taken from the rank that it says, and put to the one that it
    has; with `begun` the beginnings of runs are put there too, which are not among those counted.
    """
    if not known.apart:
        return
    here = among(known.apart, "apart")
    for sign, what in ((-1, known.as_recorded), (1, known)):
        number = rank(what)
        counted = told(what.begun if begun else ())
        query = select(*columns, number, func.count()).where(here, counted)
        for *found, count in connection.execute(query.group_by(*columns, number)):
            yield (*found, sign * count)


def gaps(index: Index) -> int:
    """How many entries before the last are not there any more: they were pruned."""
    with index.connect() as connection:
        last = connection.execute(select(func.max(run_counts.c.last))).scalar_one()
        return 0 if last is None else int(last) + 1 - counted_runs(connection)
