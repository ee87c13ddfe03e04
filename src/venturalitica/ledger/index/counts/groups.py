"""Runs by what they have in common: their experiment, their model, their commit.

By the counters where these tell apart what is asked for. Nearly every run may have a commit of its
own, which no counter makes fewer, and other questions are of each run: then the newest that fit are
grouped, and the page says that there are more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import func, select

from venturalitica.core.verdict import LIGHTS, Light
from venturalitica.ledger.index.queries import (
    KEYS,
    Filters,
    Known,
    Waiting,
    _conditions,
    _places,
    find_rows,
    known_of,
    rank,
)
from venturalitica.ledger.index.tables import among, run_counts, runs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from venturalitica.ledger.index.index import Index


MOST_GROUPED = 5_000
"""Records that are grouped one by one."""


class RunGroup(Struct, frozen=True, kw_only=True):
    """The runs that have a key in common; it is empty where nothing of the kind is recorded.

    `last` is the newest entry; `lights` how many have each light, the worst first.
    """

    key: str
    last: int
    lights: tuple[tuple[Light, int], ...]

    @property
    def records(self) -> int:
        """How many records it has."""
        return sum(count for _, count in self.lights)

    @property
    def worst(self) -> Light:
        """The worst light in it."""
        return self.lights[0][0] if self.lights else "grey"


class GroupPage(Struct, frozen=True, kw_only=True):
    """One page of groups, and how many there are. `older`: there are records before this entry that
    fit and are in none of them; None where all are."""

    groups: tuple[RunGroup, ...]
    total: int
    older: int | None = None


def find_groups(
    index: Index,
    by: str,
    filters: Filters,
    *,
    waiting: Waiting = (),
    sort: str = "time",
    descending: bool = True,
    offset: int = 0,
    limit: int = 50,
) -> GroupPage:
    """The groups of the records that fit.

    Args:
        by: one of `KEYS`.
        sort: "light" sorts by the worst one, "name" by the key, all else by the newest record.
            Those that sort alike have the newest first.
    """
    known = known_of(waiting)
    with index.connect() as connection:
        if by == "commit" or filters.of_each_run:
            found, older = _one_by_one(connection, by, filters, known)
        else:
            found, older = _by_counters(connection, by, filters, known), None
    keys = _sorted(found, sort, descending=descending)
    here = [_group(key, found[key]) for key in keys[offset : offset + limit]]
    if not filters.of_each_run and by != "commit":
        here = [_with_newest(index, by, filters, known, group) for group in here]
    return GroupPage(groups=tuple(here), total=len(keys), older=older)


Counts = dict[str, list[int]]
"""By the key how many have each light, in the order of `LIGHTS`, and then the newest entry. Bare
lists: there may be ten thousand, of which a page shows fifty."""

_NONE = [0] * len(LIGHTS)


def _add(found: Counts, key: str | None, light: int, count: int, last: int) -> None:
    group = found.setdefault(key or "", [*_NONE, -1])
    group[light] += count
    group[-1] = max(group[-1], last)


def _sorted(found: Counts, sort: str, *, descending: bool) -> list[str]:
    """The keys; of those that sort alike the newest first."""
    keys = [key for key, group in found.items() if any(group[:-1])]
    keys.sort(key=lambda key: found[key][-1], reverse=sort != "time" or descending)
    if sort == "light":
        keys.sort(key=lambda key: _worst(found[key]), reverse=descending)
    elif sort == "name":
        keys.sort(reverse=descending)
    return keys


def _worst(group: list[int]) -> int:
    return next(light for light, count in enumerate(group) if count)


def _group(key: str, counted: list[int]) -> RunGroup:
    lights = tuple((light, n) for light, n in zip(LIGHTS, counted, strict=False) if n)
    return RunGroup(key=key, last=counted[-1], lights=lights)


def _by_counters(connection: Connection, by: str, filters: Filters, known: Known) -> Counts:
    found: Counts = {}
    number, column = rank(known.as_recorded, of=run_counts), run_counts.c[KEYS[by]]
    counted = (func.sum(run_counts.c.count), func.max(run_counts.c.last))
    query = select(column, number, *counted).where(
        *_conditions(filters, known.as_recorded, run_counts)
    )
    for key, light, count, last in connection.execute(query.group_by(column, number)):
        _add(found, key, light, int(count), last)
    if known.apart:
        # Of these more is known than was recorded: each is taken out, and put to where it is now.
        own = runs.c[KEYS[by]]
        for sign, what in ((-1, known.as_recorded), (1, known)):
            number = rank(what)
            query = select(own, number, func.count(), func.max(runs.c.entry))
            query = query.where(among(known.apart, "apart"), *_conditions(filters, what))
            for key, light, count, last in connection.execute(query.group_by(own, number)):
                _add(found, key, light, sign * count, last)
    return found


def _one_by_one(
    connection: Connection, by: str, filters: Filters, known: Known
) -> tuple[Counts, int | None]:
    """Of the newest that fit; and the entry before which there are more."""
    places = _places(connection, filters, known).add_columns(runs.c[KEYS[by]], rank(known))
    rows = connection.execute(places.order_by(runs.c.entry.desc()).limit(MOST_GROUPED + 1)).all()
    found: Counts = {}
    for entry, key, light in rows[:MOST_GROUPED]:
        _add(found, key, light, 1, entry)
    return found, rows[MOST_GROUPED - 1][0] if len(rows) > MOST_GROUPED else None


def _with_newest(
    index: Index, by: str, filters: Filters, known: Known, group: RunGroup
) -> RunGroup:
    """It with its newest record as things stand now: the counters know it as it was recorded."""
    if group.last not in known.apart or filters.light is None:
        return group
    same = within(filters, by, group.key)
    newest = find_rows(index, same, waiting=known, limit=1)
    return replace(group, last=newest[0].index) if newest else group


def within(filters: Filters, by: str, key: str) -> Filters:
    """What asks for the records of one group."""
    return replace(filters, **({by: key} if key else {"without": by}))
