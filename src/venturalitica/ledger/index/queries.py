"""What a page of runs asks of the index: filtered, sorted, searched, a page at a time.

A light is the worse of what is recorded and what is known since (`Known`): a record that waits for
a tracker, or that a key signed whose owner is not known, is amber at best; one that does not verify
is red. Every question takes along what is known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from sqlalchemy import and_, case, func, literal, or_, select

from venturalitica.core.record import BEGIN, KINDS
from venturalitica.core.verdict import LIGHTS, Light
from venturalitica.ledger.index.rows import as_key
from venturalitica.ledger.index.search import speaks_of, words_of
from venturalitica.ledger.index.tables import among, run_counts, runs, verdicts
from venturalitica.ledger.lifecycle.begun import UNDER_WAY

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select, Table

    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.index.rows import RunRow, VerdictRow

JUDGED = ("audit", "run")
"""Kinds that are listed unless another is asked for."""

EVERY = "all"
RANKS: Mapping[Light, int] = {light: number for number, light in enumerate(LIGHTS)}
KEYS: Mapping[str, str] = {
    "experiment": "experiment",
    "model": "model_class",
    "commit": "revision",
}
"""What runs can be grouped by, and may be without: the column that has it."""

SORTS = ("time", "light", "name", "policy", "model", "margin")
MOST_COUNTED = 10_000
"""Rows that are counted one by one; where the counters say how many, all are told."""

PORTION = 10_000
"""Entries that are asked for at once: a database takes so many parameters and no more."""


class Known(Struct, frozen=True, kw_only=True):
    """What is known of the records of a log besides what they say.

    `waiting`: entries that a tracker has not confirmed. `faults`: by entry, why a record does not
    verify. `signers`: ids of the keys that the reader knows; None where nobody asked. `refuted`:
    why the whole log does not verify; then every light is red. `begun`: by the entry with which
    it began, what is known of a run that has no end on record (`lifecycle.begun`). `unread`: the
    receipts are not read yet, and no record is known to be delivered.
    """

    waiting: Collection[int] = ()
    faults: Mapping[int, str] = field(default_factory=dict)
    signers: Collection[str] | None = None
    refuted: str = ""
    begun: Mapping[int, str] = field(default_factory=dict)
    unread: bool = False

    @property
    def stopped(self) -> tuple[int, ...]:
        """Beginnings of runs without an end which are not under way, as far as is known here."""
        return tuple(entry for entry, state in self.begun.items() if state != UNDER_WAY)

    @property
    def apart(self) -> frozenset[int]:
        """Entries of which more is known than they say themselves."""
        return frozenset({*self.waiting, *self.faults, *self.begun})

    @property
    def as_recorded(self) -> Known:
        """What is known of all records alike, without those that are `apart`."""
        return Known(signers=self.signers, refuted=self.refuted, unread=self.unread)

    def fault(self, row: RunRow) -> str:
        """Why nothing that the row says is proven; empty where that is not known."""
        return self.refuted or self.faults.get(row.index, "")

    def doubt(self, row: RunRow) -> str:
        """Why the row's light is not the recorded one, whatever a tracker has confirmed."""
        strange = "" if self.knows(row.signer) else stranger(row.signer)
        return self.fault(row) or strange or (UNREAD if self.unread else "")

    def knows(self, signer: str) -> bool:
        """Whether a key is one that the reader knows."""
        return self.signers is None or signer in self.signers


UNREAD = (
    "Being checked: this server has just been started and still reads the log and its receipts."
)


def stranger(signer: str) -> str:
    """What to say of a record by a key that the reader does not know."""
    return (
        f"Signed by key {signer[:16] or 'none'}, which is not yours and took over from none of "
        "yours: compare its id with one you got another way."
    )


Waiting = Collection[int] | Known
"""What is known: a `Known`, or only the entries that wait for a tracker."""


def known_of(waiting: Waiting) -> Known:
    """It as a `Known`."""
    return waiting if isinstance(waiting, Known) else Known(waiting=waiting)


class Filters(Struct, frozen=True, kw_only=True):
    """What is asked for; None asks for all.

    `kind` None is audits and runs, `"all"` every kind of record. `without` names what they do not
    say, one of `KEYS`. `before` are the entries before that one. `failing` is a control's id that
    is red there. `since` (inclusive) and `until` (exclusive) are RFC 3339 UTC and compared with the
    log's own time. `search` are words, each of which must be found: in the name, the policy, the
    model, a tracker, its address, or what it calls experiment or run; or as the beginning of a run
    id, a tracker's run id, a commit or a digest.
    """

    light: Light | None = None
    policy: str | None = None
    version: str | None = None
    sha256: str | None = None
    name: str | None = None
    experiment: str | None = None
    kind: str | None = None
    model: str | None = None
    commit: str | None = None
    without: str | None = None
    before: int | None = None
    failing: str | None = None
    since: str | None = None
    until: str | None = None
    search: str | None = None

    @property
    def of_each_run(self) -> bool:
        """Whether the counters do not tell apart what is asked for: each run has to be asked."""
        alone = (self.failing, self.since, self.until, self.commit, self.before)
        told = any(one is not None for one in alone) or self.without == "commit"
        return told or bool(words_of(self.search))


class RunPage(Struct, frozen=True):
    """One page of rows, and how many fit in all; `more` of them where so many were not counted."""

    rows: tuple[RunRow, ...]
    total: int
    more: bool = False


def light_of(row: RunRow, waiting: Waiting) -> Light:
    """The light to show; of a light that is none of the four, nothing is known."""
    known = known_of(waiting)
    if row.light == "red" or known.fault(row):
        return "red"
    if row.light == "amber" or row.index in known.waiting or row.index in known.stopped:
        return "amber"
    if row.light != "green":
        return "grey"
    return "green" if known.knows(row.signer) and not known.unread else "amber"


def find_page(
    index: Index,
    filters: Filters,
    *,
    waiting: Waiting = (),
    sort: str = "time",
    descending: bool = True,
    offset: int = 0,
    limit: int = 50,
) -> RunPage:
    """The rows of one page, and how many fit in all; those that sort alike are newest first."""
    order = _order(sort, waiting, descending=descending)
    if filters.of_each_run:
        # One look through the runs finds the page, and counts.
        most = max(MOST_COUNTED + 1, offset + limit)
        with index.connect() as connection:
            places = _places(connection, filters, waiting).order_by(*order).limit(most)
            entries = connection.scalars(places).all()
        total = min(len(entries), MOST_COUNTED)
        rows = rows_of(index, entries[offset : offset + limit])
        return RunPage(rows, total, len(entries) > total)
    with index.connect() as connection:
        places = _places(connection, filters, waiting).order_by(*order)
        entries = connection.scalars(places.offset(offset).limit(limit)).all()
    found = rows_of(index, entries)
    if not offset and len(found) < limit:
        return RunPage(found, len(found))
    with index.connect() as connection:
        return RunPage(found, _total(connection, filters, known_of(waiting)))


def find_rows(
    index: Index,
    filters: Filters,
    *,
    waiting: Waiting = (),
    sort: str = "time",
    descending: bool = True,
    before: int | None = None,
    after: int | None = None,
    offset: int = 0,
    limit: int = 50,
) -> tuple[RunRow, ...]:
    """The rows of one page alone, of entries `before` one and `after` one where these are given."""
    with index.connect() as connection:
        places = _places(connection, filters, waiting)
        places = places.where(*([runs.c.entry < before] if before is not None else []))
        places = places.where(*([runs.c.entry > after] if after is not None else []))
        places = places.order_by(*_order(sort, waiting, descending=descending))
        found = connection.scalars(places.offset(offset).limit(limit)).all()
    return rows_of(index, found)


def find_entries(
    index: Index,
    filters: Filters,
    *,
    waiting: Waiting = (),
    sort: str = "time",
    descending: bool = True,
) -> tuple[int, ...]:
    """The entries of all rows that fit, in their order: numbers alone, where rows are many."""
    with index.connect() as connection:
        places = _places(connection, filters, waiting)
        found = connection.scalars(places.order_by(*_order(sort, waiting, descending=descending)))
        return tuple(found.all())


def _places(connection: Connection, filters: Filters, waiting: Waiting) -> Select[Any]:
    """The entries that fit, from narrow rows; the wide rows are read of a page alone."""
    spoken = [speaks_of(connection, word) for word in words_of(filters.search)]
    return select(runs.c.entry).where(*_conditions(filters, waiting), *spoken)


def _total(connection: Connection, filters: Filters, known: Known) -> int:
    """How many fit, by the counters, which tell apart what is asked for."""

    def count(among_those: ColumnElement[bool] | None, known: Known, of: Table = runs) -> int:
        number = func.count() if of is runs else func.coalesce(func.sum(run_counts.c.count), 0)
        query = select(number).select_from(of).where(*_conditions(filters, known, of))
        query = query if among_those is None else query.where(among_those)
        return int(connection.execute(query).scalar_one())

    total = count(None, known.as_recorded, run_counts)
    if known.apart:
        # Of these more is known than was recorded: each is taken out, and put to where it is now.
        apart = among(known.apart, "apart")
        total += count(apart, known) - count(apart, known.as_recorded)
    return total


def rows_of(index: Index, entries: Iterable[int]) -> tuple[RunRow, ...]:
    """The rows of these entries, in the order given; those that are not there are left out."""

    def find(wanted: list[int]) -> dict[int, RunRow]:
        found: dict[int, RunRow] = {}
        for start in range(0, len(wanted), PORTION):
            here = runs.c.entry.in_(wanted[start : start + PORTION])
            found |= {row.index: row for row in index.rows(select(runs).where(here))}
        return found

    return tuple(index.memory.each("rows", entries, find).values())


def verdicts_of(index: Index, entries: Iterable[int]) -> dict[int, tuple[VerdictRow, ...]]:
    """The verdicts of some entries in one question, each in the order of its policy."""

    def find(wanted: list[int]) -> dict[int, tuple[VerdictRow, ...]]:
        found: dict[int, list[VerdictRow]] = {entry: [] for entry in wanted}
        query = select(verdicts).where(verdicts.c.entry.in_(wanted))
        for row in index.verdict_rows(query.order_by(verdicts.c.entry, verdicts.c.position)):
            found[row.index].append(row)
        return {entry: tuple(rows) for entry, rows in found.items()}

    return index.memory.each("verdicts", entries, find)


def rank(
    waiting: Waiting, light: ColumnElement[str] | None = None, of: Table = runs
) -> ColumnElement[int]:
    """The light as a number: 0 is red, 3 is green. `light_of` says the same of one row.

    `of` is `run_counts` for what is `as_recorded`: a group is of no one entry.
    """
    known = known_of(waiting)
    light = of.c.light if light is None else light
    if known.refuted:
        return literal(0)
    steps: list[tuple[Any, int]] = [(light == "red", 0), (light == "amber", 1)]
    if known.faults:
        steps.insert(0, (among(known.faults, "faults"), 0))
    for name in ("waiting", "stopped"):
        if late := getattr(known, name):
            steps.append((among(late, name), 1))
    if known.unread:
        steps.append((light == "green", 1))
    elif known.signers is not None:
        steps.append((and_(light == "green", of.c.signer.not_in(sorted(known.signers))), 1))
    return case(*steps, (light == "green", 3), else_=2)


def told(begun: Collection[int], of: Table = runs) -> ColumnElement[bool]:
    """Audits and runs, and those of which there is only a beginning.

    By hand: nearly all are of these kinds, so an index by kind only has all of them sorted again.
    """
    judged = by_hand(of.c.kind).in_(JUDGED)
    return or_(judged, among(begun, "begun")) if begun else judged


def by_hand(column: Any) -> ColumnElement[str]:
    """The column, for which no index is looked through."""
    return func.coalesce(column, "")


def _conditions(filters: Filters, waiting: Waiting, of: Table = runs) -> list[ColumnElement[bool]]:
    known = known_of(waiting)
    found: list[ColumnElement[bool]] = []
    if filters.kind is None:
        found.append(told(known.begun, of))
    else:
        # Of a run that ended its own record tells; when it began is told there.
        begun = [among(known.begun, "ends")] if known.begun else []
        found.append(or_(of.c.kind != KINDS[BEGIN], *begun))
        found += [of.c.kind == as_key(filters.kind)] if filters.kind != EVERY else []
    same = {
        of.c.policy_name: filters.policy,
        of.c.policy_version: filters.version,
        of.c.policy_sha256: filters.sha256,
        of.c.name: filters.name,
        of.c.experiment: filters.experiment,
        of.c.model_class: filters.model,
    }
    found += [column == as_key(wanted) for column, wanted in same.items() if wanted is not None]
    if filters.without is not None:
        column = KEYS[filters.without]
        found.append(or_(of.c[column].is_(None), of.c[column] == ""))
    if filters.commit is not None:
        found.append(runs.c.revision == as_key(filters.commit))
    if filters.before is not None:
        found.append(runs.c.entry < filters.before)
    if filters.light is not None:
        found.append(rank(known, of=of) == RANKS[filters.light])
    if filters.failing is not None:
        found.append(_red_at(filters.failing))
    if filters.since is not None:
        found.append(runs.c.appended_at >= as_key(filters.since))
    if filters.until is not None:
        found.append(runs.c.appended_at < as_key(filters.until))
    return found


def _red_at(control: str) -> ColumnElement[bool]:
    red = select(verdicts.c.entry).where(
        verdicts.c.control == as_key(control), verdicts.c.light == "red"
    )
    return runs.c.entry.in_(red)


def _order(sort: str, waiting: Waiting, *, descending: bool) -> list[Any]:
    columns: dict[str, list[Any]] = {
        "time": [],
        "light": [rank(waiting)],
        "name": [runs.c.name],
        "policy": [runs.c.policy_name, runs.c.policy_version],
        "model": [runs.c.model_class],
        "margin": [runs.c.margin],
    }
    newest = runs.c.entry.desc()
    if sort == "time":
        return [newest if descending else runs.c.entry]
    found = columns[sort]
    # What was not measured comes last, whichever way round the rest is.
    missing = [column.is_(None) for column in found if sort in ("margin", "model", "policy")]
    return [*missing, *(c.desc() if descending else c.asc() for c in found), newest]
