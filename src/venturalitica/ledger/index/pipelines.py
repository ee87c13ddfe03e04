"""Pipelines: what was judged under one policy in runs of one name at one experiment of a tracker,
and how the last of them went. Two experiments under one policy are two pipelines, whatever their
runs are called: else a red model would hide behind another's green. Runs from before a pipeline had
a tracker belong to it where it has had one experiment since.

The last run is all its records: an audit may have passed where the one before it failed, or where
the run ended with an exception afterwards. A run's own record without a policy belongs to the
pipelines of its audits; where it has none, it is a pipeline without a policy. A run that did not
end is told by its beginning; one that is under way tells nothing yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import and_, case, func, or_, select

from venturalitica.core.verdict import LIGHTS, Interval, Light
from venturalitica.ledger.index.queries import (
    JUDGED,
    RANKS,
    Waiting,
    by_hand,
    known_of,
    light_of,
    rank,
    rows_of,
)
from venturalitica.ledger.index.tables import among, run_counts, runs, verdicts

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.index.rows import RunRow

RECORDS = 4
"""Records that are looked at for each run of a trend; where runs have more, fewer runs are shown.
The oldest run shown may then lack some of its records."""

Key = tuple[str | None, str, str]


class Pipeline(Struct, frozen=True, kw_only=True):
    """One policy, run name and experiment. `last` is its newest entry, of the run `run_id`.

    `light` is the worst of that run's records and `worst` the newest entry that has it, an audit if
    one has; `records` is how many records the pipeline has. `untracked`: some of
    them are from before it had a tracker. `begun`: those of its records that are beginnings of runs
    which did not end.
    """

    policy: str | None
    name: str
    last: int
    run_id: str
    records: int
    light: Light
    worst: int
    experiment: str = ""
    untracked: bool = False
    begun: tuple[int, ...] = ()

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.policy, self.name, self.experiment


class Point(Struct, frozen=True, kw_only=True):
    """One run of a trend, by all its records in this pipeline, the newest first.

    `row` is the record with the smallest margin, or the newest if none was measured; `light` is the
    worst of them.
    """

    row: RunRow
    light: Light
    records: tuple[RunRow, ...]

    @property
    def margin(self) -> float | None:
        """The smallest margin of its controls; None where nothing was measured."""
        return self.row.margin

    @property
    def interval(self) -> Interval | None:
        """That margin's interval."""
        low, high = self.row.margin_low, self.row.margin_high
        return None if low is None or high is None else Interval(low, high)


class RunLight(Struct, frozen=True):
    """How one run of a pipeline went: its `light`, the `worst` entry, and its `last`."""

    run_id: str
    light: Light
    worst: int
    last: int


def pipelines(index: Index, waiting: Waiting = ()) -> tuple[Pipeline, ...]:
    """All of them: the worst light first, then the newest."""
    with index.connect() as connection:
        found = _found(connection, waiting)
    of_a_policy = {(item.name, item.run_id) for item in found if item.policy is not None}
    shown = [p for p in found if p.policy is not None or (p.name, p.run_id) not in of_a_policy]
    return tuple(sorted(shown, key=lambda item: (RANKS[item.light], -item.last)))


def trends(
    index: Index, of: Sequence[Pipeline], waiting: Waiting = (), *, limit: int = 30
) -> dict[Key, tuple[Point, ...]]:
    """The last runs of each pipeline, oldest first."""

    def last_runs(wanted: Sequence[Pipeline]) -> dict[Pipeline, list[list[int]]]:
        with index.connect() as connection:
            return {item: _last_runs(connection, item, limit) for item in wanted}

    # A run that is put in, or taken away, changes the newest entry of a pipeline or their number.
    found = index.memory.each(f"last {limit} runs", of, last_runs)
    places = {item.key: by_run for item, by_run in found.items()}
    entries = [e for by_run in places.values() for some in by_run for e in some]
    rows = {row.index: row for row in rows_of(index, entries)}
    with index.connect() as connection:
        amber = {row.run_id for row in rows.values() if row.light == "amber"}
        ids = _portions(sorted(amber))
        mended = frozenset[int]().union(*(_mended(connection, some) for some in ids))
    lit = {row.index: _light(row, mended, waiting) for row in rows.values()}
    return {
        key: tuple(_points(([rows[e] for e in some if e in rows] for some in by_run), lit))
        for key, by_run in places.items()
    }


def run_lights(
    index: Index,
    of: Pipeline,
    waiting: Waiting = (),
    *,
    since: int = 0,
    before: int | None = None,
    newest: int | None = None,
) -> tuple[RunLight, ...]:
    """The runs of a pipeline, by the last record of each, which is in these entries; oldest first.

    `newest` is how many there are at most.
    """
    last = func.max(runs.c.entry)
    query = select(runs.c.run_id, last).where(*_same(of)).group_by(runs.c.run_id)
    query = query.having(last >= since).order_by(last.desc()).limit(newest)
    with index.connect() as connection:
        found = connection.execute(query if before is None else query.having(last < before)).all()[
            ::-1
        ]
        lights = _lights(connection, [run_id for run_id, _ in found], waiting)
    return tuple(
        RunLight(run_id, LIGHTS[rank], worst, max(newest_entry, worst))
        for run_id, newest_entry in found
        for rank, _, worst in [_worst(lights, run_id, of.name, of.policy)]
    )


def _worst(
    lights: Mapping[tuple[str, str, str | None], tuple[int, bool, int]],
    run_id: str,
    name: str,
    policy: str | None,
) -> tuple[int, bool, int]:
    """The run's own record, which may name no policy, speaks for each of its pipelines."""
    found = [lights[key] for one in {policy, None} if (key := (run_id, name, one)) in lights]
    return min(found, key=lambda item: (item[0], item[1], -item[2]))


def _last_runs(connection: Connection, pipeline: Pipeline, limit: int) -> list[list[int]]:
    """The entries of its last runs: the oldest run first, of each the newest entry first."""
    query = select(runs.c.entry, runs.c.run_id).where(*_same(pipeline))
    query = query.order_by(runs.c.entry.desc()).limit(limit * RECORDS)
    by_run: dict[str, list[int]] = {}
    for entry, run_id in connection.execute(query):
        by_run.setdefault(run_id, []).append(entry)
    return [*reversed(list(by_run.values())[:limit])]


def _light(row: RunRow, mended: frozenset[int], waiting: Waiting) -> Light:
    return light_of(replace(row, light="green") if row.index in mended else row, waiting)


def _points(of: Iterable[list[RunRow]], lit: Mapping[int, Light]) -> Iterator[Point]:
    for rows in of:
        if rows:
            light = min((lit[row.index] for row in rows), key=RANKS.__getitem__)
            measured = [(row.margin, -row.index, row) for row in rows if row.margin is not None]
            row = min(measured)[2] if measured else rows[0]
            yield Point(row=row, light=light, records=tuple(rows))


def _found(connection: Connection, waiting: Waiting) -> list[Pipeline]:
    stopped = known_of(waiting).stopped
    groups = _groups(connection)
    groups = _with_stopped(connection, groups, stopped) if stopped else groups
    run_ids = _run_ids(connection, [group.last for group in groups])
    lights = _lights(connection, sorted(set(run_ids.values())), waiting)
    found = []
    for group in groups:
        run_id = run_ids[group.last]
        number, _, newest = _worst(lights, run_id, group.name, group.policy)
        found.append(
            Pipeline(
                policy=group.policy,
                name=group.name,
                last=group.last,
                run_id=run_id,
                records=group.records,
                light=LIGHTS[number],
                worst=newest,
                experiment=group.experiment,
                untracked=group.untracked,
                begun=group.begun,
            )
        )
    return found


class _Group(Struct, frozen=True):
    policy: str | None
    name: str
    experiment: str
    first: int
    last: int
    records: int
    untracked: bool = False
    begun: tuple[int, ...] = ()

    @property
    def key(self) -> Key:
        return self.policy, self.name, self.experiment

    def with_beginning(self, entry: int) -> _Group:
        """It, and the beginning of one more run."""
        return replace(
            self,
            first=min(self.first, entry),
            last=max(self.last, entry),
            records=self.records + 1,
            begun=(*self.begun, entry),
        )


def _with_stopped(
    connection: Connection, groups: list[_Group], stopped: Collection[int]
) -> list[_Group]:
    """These, with the runs that did not end: each where its audits are.

    One that was stopped before its first audit, or before its tracker's run was open, belongs where
    runs of its name were last: the next of them takes its place.
    """
    found = {group.key: group for group in groups}
    of = (runs.c.run_id, runs.c.policy_name, runs.c.name, runs.c.experiment)
    query = select(runs.c.entry, *of).where(among(stopped, "stopped")).order_by(runs.c.entry)
    rows = connection.execute(query).all()
    own: dict[str, set[Key]] = {}
    for some in _portions([row.run_id for row in rows]):
        audits = select(*of).where(runs.c.run_id.in_(some), runs.c.kind.in_(JUDGED)).distinct()
        for run_id, *key in connection.execute(audits):
            own.setdefault(run_id, set()).add(_key_among(found, *key))
    for entry, run_id, *key in rows:
        places = own.get(run_id) or {_nearest(found.values(), *key)}
        for place in places:
            group = found.get(place) or _Group(*place, entry, entry, 0)
            found[place] = group.with_beginning(entry)
    return list(found.values())


def _key_among(found: Collection[Key], policy: str | None, name: str, experiment: str) -> Key:
    """Where a record is: what went before the one experiment of a pipeline was put to that."""
    key = (policy, name, experiment)
    return next((one for one in found if one[:2] == key[:2]), key) if key not in found else key


def _nearest(groups: Iterable[_Group], policy: str | None, name: str, experiment: str) -> Key:
    """Where runs like that were last; what is not known of it fits all."""
    fitting = [
        group
        for group in groups
        if group.name == name
        and policy in (None, group.policy)
        and experiment in ("", group.experiment)
    ]
    return max(fitting, key=lambda group: group.last).key if fitting else (policy, name, experiment)


def _groups(connection: Connection) -> list[_Group]:
    of = (run_counts.c.policy_name, run_counts.c.name, run_counts.c.experiment)
    ends = func.min(run_counts.c.first), func.max(run_counts.c.last)
    query = select(*of, *ends, func.sum(run_counts.c.count))
    rows = connection.execute(query.where(run_counts.c.kind.in_(JUDGED)).group_by(*of))
    by_name: dict[tuple[str | None, str], list[_Group]] = {}
    for policy, name, experiment, first, last, records in rows:
        group = _Group(policy, name, experiment, first, last, int(records))
        by_name.setdefault((group.policy, group.name), []).append(group)
    return [group for groups in by_name.values() for group in _joined(groups)]


def _joined(groups: list[_Group]) -> list[_Group]:
    """Those of one policy and name; what went before its one experiment is put to that."""
    if len(groups) != 2:
        return groups
    before, since = sorted(groups, key=lambda group: group.experiment)
    if before.experiment or before.last > since.first:
        return groups
    return [
        replace(since, first=before.first, records=before.records + since.records, untracked=True)
    ]


def _run_ids(connection: Connection, entries: list[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in _portions(entries):
        query = select(runs.c.entry, runs.c.run_id).where(runs.c.entry.in_(some))
        found |= {row.entry: row.run_id for row in connection.execute(query)}
    return found


def _lights(
    connection: Connection, run_ids: list[str], waiting: Waiting
) -> dict[tuple[str, str, str | None], tuple[int, bool, int]]:
    """By run id, name and policy: the worst rank, and which record has it.

    An audit before the run's own record, which only says that an audit inside was red; and what an
    audit left out is no fault where the run's record says that another audit judged it.
    """
    group = (runs.c.run_id, runs.c.name, runs.c.policy_name, runs.c.kind)
    found: dict[tuple[str, str, str | None], tuple[int, bool, int]] = {}
    for some in _portions(run_ids):
        number = _number(_mended(connection, some), waiting)
        query = select(*group, number, func.max(runs.c.entry)).group_by(*group, number)
        # Few runs of many: by their ids, and not by a kind that nearly all have.
        stopped = known_of(waiting).stopped
        kinds = by_hand(runs.c.kind).in_(JUDGED)
        query = query.where(
            runs.c.run_id.in_(some), or_(kinds, among(stopped, "stopped")) if stopped else kinds
        )
        for run_id, name, policy, kind, one, entry in connection.execute(query):
            key, this = (run_id, name, policy), (one, kind != "audit", entry)
            found[key] = min(found.get(key, this), this)
    return found


def _mended(connection: Connection, run_ids: Iterable[str]) -> frozenset[int]:
    """Audits that are amber as a whole only, since a phase left controls out, of green runs.

    The run's own record is green only where its audits judged every control between them.
    """
    ids = list(run_ids)
    own = runs.alias("own")
    green = select(own.c.run_id).where(own.c.kind == "run", own.c.light == "green")
    worse = select(verdicts.c.entry).where(
        verdicts.c.entry == runs.c.entry, verdicts.c.light != "green"
    )
    query = select(runs.c.entry).where(
        runs.c.run_id.in_(ids),
        by_hand(runs.c.kind) == "audit",
        runs.c.light == "amber",
        runs.c.run_id.in_(green.where(own.c.run_id.in_(ids))),
        ~worse.exists(),
    )
    return frozenset(connection.scalars(query))


def _number(mended: frozenset[int], waiting: Waiting) -> ColumnElement[int]:
    """The light as a number, as `rank` has it."""
    if not mended:
        return rank(waiting)
    return rank(waiting, case((among(mended, "mended"), "green"), else_=runs.c.light))


def _same(pipeline: Pipeline) -> list[ColumnElement[bool]]:
    policy = runs.c.policy_name
    same = policy.is_(None) if pipeline.policy is None else policy == pipeline.policy
    at = (pipeline.experiment, "") if pipeline.untracked else (pipeline.experiment,)
    named = (runs.c.name == pipeline.name, runs.c.experiment.in_(at))
    judged = and_(same, *named, runs.c.kind.in_(JUDGED))
    return [or_(judged, runs.c.entry.in_(pipeline.begun)) if pipeline.begun else judged]


def _portions(values: list[Any], size: int = 10_000) -> Iterator[list[Any]]:
    """Some at a time: a database takes so many parameters and no more."""
    return (values[start : start + size] for start in range(0, len(values), size))
