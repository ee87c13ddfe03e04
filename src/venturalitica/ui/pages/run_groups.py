"""The list of runs by groups: those of one experiment, model or commit, a line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.verdict import Light
from venturalitica.ledger.index.counts.groups import GroupPage, RunGroup, find_groups
from venturalitica.ledger.index.queries import KEYS, light_of, rows_of
from venturalitica.ui.pages.run_query import LONGEST, RunQuery

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow
    from venturalitica.ui.reader import Reading


class ListedGroup(Struct, frozen=True, kw_only=True):
    """One line: the runs that have `key` in common, or say nothing of the kind where it is empty.

    `newest` is the row of its newest record, `light` that one's; `list` is what asks for its runs,
    None where the key is too long for an address.
    """

    key: str
    worst: Light
    lights: tuple[tuple[Light, int], ...]
    records: int
    newest: RunRow
    light: Light
    list: RunQuery | None


def read_groups(
    reading: Reading, query: RunQuery, *, each: int
) -> tuple[GroupPage, tuple[ListedGroup, ...], str]:
    """The groups of a page, their lines, and whether the index had to be made again.

    The newest record of each is held against the log, and gives the key.
    """
    (page, rows), edited = reading.shown(
        lambda: _find(reading, query, each), lambda one: [(one[1], None)]
    )
    known = reading.known()
    named = {row.index: row for row in rows}
    lines = tuple(
        _line(query, group, named[group.last], light_of(named[group.last], known))
        for group in page.groups
        if group.last in named
    )
    return page, lines, edited


def _find(reading: Reading, query: RunQuery, each: int) -> tuple[GroupPage, Sequence[RunRow]]:
    page = find_groups(
        reading.index,
        query.group,
        query.filters,
        waiting=reading.known(),
        sort=query.sort,
        descending=query.order == "desc",
        offset=(query.page - 1) * each,
        limit=each,
    )
    return page, rows_of(reading.index, [group.last for group in page.groups])


def _line(query: RunQuery, group: RunGroup, newest: RunRow, light: Light) -> ListedGroup:
    key = str(getattr(newest, KEYS[query.group]) or "")
    return ListedGroup(
        key=key,
        worst=group.worst,
        lights=group.lights,
        records=group.records,
        newest=newest,
        light=light,
        list=_within(query, key),
    )


def _within(query: RunQuery, key: str) -> RunQuery | None:
    """What asks for the runs of a group, one by one."""
    if len(key) > LONGEST or key != key.strip():
        return None
    alone = replace(query, group="", page=1, sort="time", order="desc")
    return replace(alone, **({query.group: key} if key else {"without": query.group}))
