"""Placing on the market: the day from which the ten years of Article 18 count.

The days are read from the log itself and never found by the index, which whoever can write to the
folder can edit: a later day taken out of it would let `prune` take records too early.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct, field

from venturalitica._version import __version__
from venturalitica.core.encoding import marks_in_base64
from venturalitica.core.record import FORMAT, MODEL_SUBJECT, PLACEMENT, Statement, statement_json
from venturalitica.core.retention import RetentionTerm, day_of
from venturalitica.errors import EvidenceError, listed
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.index.index import Index
from venturalitica.ledger.records.kinds.placement import Placement

if TYPE_CHECKING:
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.records.placement import Entry

SHORTEST = 4
"""Characters of a digest or run id that a reference needs."""


class Placed(Struct, frozen=True):
    """The days on which the models of a log were placed on the market, by digest."""

    days: Mapping[str, date] = field(default_factory=dict)

    def day(self, record: Statement, appended: date) -> date | None:
        """The day from which the ten years of a record count; None where it is not recorded.

        The latest of its models. A record that names no model (a monitor's, an audit of data) may
        belong to any of the log: the latest of all counts, or its own day if that is later.
        """
        digests = [digest for _, digest in record.models]
        if digests:
            found = [self.days.get(digest) for digest in digests]
            return None if None in found else max(filter(None, found))
        return max((appended, *self.days.values())) if self.days else None


def placings(ledger: Ledger) -> Placed:
    """What the log says of placing; of several days for one model, the latest counts.

    Raises:
        EvidenceError: the log was altered.
    """
    return _placed(ledger.lines())


def _placed(lines: Iterable[tuple[int, bytes]]) -> Placed:
    days: dict[str, date] = {}
    for placement in _placements(lines):
        days[placement.sha256] = max(placement.on, days.get(placement.sha256, date.min))
    return Placed(days)


def _placements(lines: Iterable[tuple[int, bytes]]) -> Iterator[Placement]:
    for _, line in lines:
        if not any(mark in line for mark in _MARKS):
            continue
        try:
            record = statement_of(line)
            if record.predicate_type == PLACEMENT and record.understood:
                yield Placement.of(record.predicate)
        except EvidenceError:
            continue  # it places nothing; `verify` says what is wrong with it


def kept_until(ledger: Ledger, record: Statement, term: RetentionTerm) -> date | None:
    """The last day on which a record must be kept; None where that hangs on a day not recorded.

    For a page, which may ask the index: a day that somebody took out of it frees no record.

    Raises:
        EvidenceError: the record does not say when it was appended, or the log was altered.
    """
    appended = day_of(record.link.appended_at)
    if not term.from_placed:
        return term.last_day(appended)
    with Index.open(ledger) as index:
        places = [row.index for row in index.runs(kind="placement")]
    return term.last_day(appended, _placed(ledger.chosen(places)).day(record, appended))


_MARKS = marks_in_base64(PLACEMENT.encode())


def model_meant(ledger: Ledger, text: str) -> tuple[str, str]:
    """Name and digest of the one judged model that `text` means.

    Args:
        text: the beginning of the model's SHA-256 or of a run id, the number of an entry, or the
            name of the model (its class) or of its run.

    Raises:
        EvidenceError: it means none, or several; they are listed.
    """
    fitting: dict[str, tuple[str, list[int]]] = {}
    every: dict[str, list[str]] = defaultdict(list)
    for entry in ledger.entries():
        record = entry.record
        for name, digest in record.models if record.judged else ():
            every[digest].append(name)
            if _means(text, name, digest, entry.index, record):
                fitting.setdefault(digest, (name, []))[1].append(entry.index)
    if len(fitting) == 1:
        ((digest, (name, _)),) = fitting.items()
        return name, digest
    if fitting:
        shown = [
            f"{digest[:12]} ({name}, entries {listed(entries, 3)})"
            for digest, (name, entries) in fitting.items()
        ]
        raise EvidenceError(f"'{text}' means {len(fitting)} models: {listed(shown)}; give a digest")
    known = [f"{digest[:12]} ({names[0]})" for digest, names in every.items()]
    raise EvidenceError(
        f"no judged model in {ledger.home} fits '{text}' (there are: {listed(known) or 'none'}); "
        f"give a name, an entry, or {SHORTEST} or more characters of a digest or run id"
    )


def _means(text: str, name: str, digest: str, index: int, record: Statement) -> bool:
    if text.isdecimal() and len(text) < 2 * SHORTEST:
        return int(text) == index
    begins = len(text) >= SHORTEST and (
        digest.startswith(text.lower()) or record.run.id.startswith(text)
    )
    return begins or text in (name, record.run.name)


def place(ledger: Ledger, name: str, sha256: str, on: date) -> Entry:
    """Append the record that this model was placed on the market on that day.

    Raises:
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written.
    """
    said = Placement(name, sha256, on).to_json()
    predicate = {"format": FORMAT, "kind": "placement", "package": __version__, **said}
    return ledger.append(statement_json(PLACEMENT, [(f"{MODEL_SUBJECT}{name}", sha256)], predicate))
