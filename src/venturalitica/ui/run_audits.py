"""The audits inside a monitored run, as its page shows them: each data set apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.json_values import Json, integer, mapping, text
from venturalitica.core.prior import identity_of
from venturalitica.core.verdict import Light, worst_light
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.queries import Known, light_of
from venturalitica.ledger.index.rows import Outline, run_row
from venturalitica.reports.context import ReportContext, read_statement
from venturalitica.ui.run_unread import UnreadShown, unread

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.ui.reader import Reading

MOST = 6
"""Audits that are shown beside each other; each has a page."""
MOST_CARDS = 48
"""Controls that are drawn in full, of all audits together; of more the page of each audit does."""


class InsideAudit(Struct, frozen=True):
    """One audit of a run; `drawn`: each of its controls has a card here."""

    entry: int
    light: Light
    report: ReportContext
    unread: UnreadShown
    drawn: bool = True

    @property
    def anchor(self) -> str:
        """Before the places of its controls on the page."""
        return f"audit-{self.entry}-control-"


class DataSet(Struct, frozen=True, kw_only=True):
    """The audits of one data set: its name, what is known of it, the worst of their lights.

    `digest` is the one under the key of the log, empty where there is none.
    """

    name: str
    about: str
    digest: str
    light: Light
    audits: tuple[InsideAudit, ...]


def inside_of(reading: Reading, entry: Entry) -> tuple[Entry, ...]:
    """The first audits of a run, each the very record that the run names by its digest."""
    return tuple(one for said in entry.record.audits[:MOST] if (one := _named(reading, said)))


def _named(reading: Reading, said: Json) -> Entry | None:
    place = integer(said.get("index"))
    if place is None or not 0 <= place < reading.ledger.size:
        return None
    try:
        found = reading.ledger.entry(place)
    except EvidenceError:
        return None  # pruned or altered: the table of audits leads to where that is said
    same = found.evidence_sha256 == said.get("evidence_sha256")
    return found if same and found.record.judged else None


def data_sets(entries: Sequence[Entry], known: Known) -> tuple[DataSet, ...]:
    """The audits by what they judged, each data set in the order in which it was judged first.

    Raises:
        EvidenceError: a record is of a format newer than this version knows.
    """
    apart: dict[object, list[Entry]] = {}
    for entry in entries:
        apart.setdefault(_what(entry), []).append(entry)
    room = _within(entries)
    return tuple(_data_set(found, known, room) for found in apart.values())


def _what(entry: Entry) -> object:
    """What tells a data set from others: its rows as they are known again, else its digest."""
    item = _item(entry)
    known = identity_of(item)[0] or text(item.get("hmac_sha256"))
    return (known or text(item.get("name")), integer(item.get("rows")), item.get("training_rows"))


def _item(entry: Entry) -> Json:
    return mapping(next(iter(entry.record.data), None))


def _within(entries: Sequence[Entry]) -> set[int]:
    """The audits whose controls are all drawn."""
    room, found = MOST_CARDS, set[int]()
    for entry in entries:
        room -= len(entry.record.verdict_items)
        if room >= 0:
            found.add(entry.index)
    return found


def _data_set(entries: Sequence[Entry], known: Known, room: set[int]) -> DataSet:
    item = _item(entries[0])
    audits = tuple(_audit(entry, known, drawn=entry.index in room) for entry in entries)
    return DataSet(
        name=text(item.get("name")),
        about=", ".join(_about(item)),
        digest=text(item.get("hmac_sha256")),
        light=worst_light(one.light for one in audits),
        audits=audits,
    )


def _about(item: Json) -> Iterator[str]:
    rows, trained = integer(item.get("rows")), item.get("training_rows")
    if rows is not None:
        yield f"{rows:,} row{'' if rows == 1 else 's'}"
    if trained is not None and isinstance(trained, bool):
        yield "rows of the training among them" if trained else "none of the training's rows"


def _audit(entry: Entry, known: Known, *, drawn: bool) -> InsideAudit:
    report = read_statement(entry.statement, evidence_sha256=entry.evidence_sha256)
    row = run_row(Outline.of(entry.index, entry.envelope))
    light = worst_light((report.light, light_of(row, known)))
    return InsideAudit(entry.index, light, report, unread(report), drawn)
