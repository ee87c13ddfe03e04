"""What a log says of audits afterwards: the files of their models, the runs they are attached to,
and what a gate decided by them.

That is read from the log itself, each line held against the sealed tree, and never found by the
index, which whoever can write to the folder can edit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain, takewhile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from msgspec import Struct

from venturalitica.core.encoding import marks_in_base64, sha256_hex
from venturalitica.core.json_values import Json
from venturalitica.core.manifest import Manifest
from venturalitica.core.record import ATTACHMENT, AUDIT, DECISION, KINDS, MODEL, Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.records.decision import Decided
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.ledger.records.placement import Entry

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index

T = TypeVar("T")
About = TypeVar("About", ModelTie, Attachment)
_Found = dict[tuple[int, str], list[tuple[int, T]]]
"""By place and digest of the record that each speaks of."""


class Reader(Struct, Generic[T], frozen=True, eq=False):
    """How records of one kind are read from the lines of a log.

    A line without one of the `marks` is none of them. `read` gives what the line of an entry says;
    None for another kind, and where it cannot be read as one.
    """

    marks: tuple[bytes, ...]
    read: Callable[[bytes, int], T | None]

    def of(self, line: bytes, index: int) -> T | None:
        """What the line of entry `index` says."""
        for mark in self.marks:
            if mark in line:  # it may stand in the text of another kind
                return self.read(line, index)
        return None

    def all(self, lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, T]]:
        """Those among the lines, with their places."""
        for index, line in lines:
            found = self.of(line, index)
            if found is not None:
                yield index, found


class ReadOnce:
    """All records about others that some readers find in a log; safe from threads.

    One reading of a long log serves them all. What was read stays as it was while the log still
    holds the last record that was read: each record names the leaf of the one before it, so that
    one stands for them all.
    """

    def __init__(self, *readers: Reader[Any]) -> None:
        self._lock = threading.Lock()
        self._found: dict[Reader[Any], _Found[Any]] = {one: {} for one in readers}
        self._read = 0
        self._last: tuple[str, str] = ("", "")

    def about(self, ledger: Ledger, reader: Reader[T], entry: Entry) -> list[tuple[int, T]]:
        """What one of the readers found about `entry` and that very record, oldest first.

        Raises:
            EvidenceError: the log was altered.
        """
        with self._lock:
            self._go_on(ledger)
            said = list(self._found[reader].get((entry.index, entry.evidence_sha256), ()))
        return _still_there(ledger, said)

    def all(self, ledger: Ledger, reader: Reader[T]) -> list[tuple[int, T]]:
        """All that one of the readers found, with their places, oldest first.

        Raises:
            EvidenceError: the log was altered.
        """
        with self._lock:
            self._go_on(ledger)
            said = sorted(chain.from_iterable(self._found[reader].values()), key=itemgetter(0))
        return _still_there(ledger, said)

    def _go_on(self, ledger: Ledger) -> None:
        head = ledger.head()
        if self._read and (
            self._read > head.size or self._last != (head.origin, ledger.leaf(self._read - 1))
        ):
            self._found, self._read = {one: {} for one in self._found}, 0  # it is another log
        if self._read == head.size:
            return
        new = [
            (reader, index, said)
            for index, line in takewhile(lambda one: one[0] < head.size, ledger.lines(self._read))
            for reader in self._found
            if (said := reader.of(line, index)) is not None
        ]
        for reader, index, said in new:
            about = said.entry, said.evidence_sha256
            self._found[reader].setdefault(about, []).append((index, said))
        self._read = head.size
        self._last = (head.origin, ledger.leaf(head.size - 1))


def ties(ledger: Ledger, places: Iterable[int] | None = None) -> Iterator[tuple[int, ModelTie]]:
    """Place and contents of each record of kind `model`, oldest first; without the unreadable.

    Args:
        places: the only entries that are read, for who knows which are of that kind.

    Raises (while read):
        EvidenceError: the log was altered.
    """
    lines = ledger.lines(0) if places is None else ledger.chosen(places)
    return TIES.all(lines)


def ties_of(ledger: Ledger, entry: Entry) -> list[tuple[int, ModelTie]]:
    """Those that speak of `entry`, and of that very record."""
    return _about(ties(ledger), entry)


def attachments(
    ledger: Ledger, *, start: int = 0, places: Iterable[int] | None = None
) -> Iterator[tuple[int, Attachment]]:
    """As `ties`, of the records of kind `attachment`.

    Args:
        start: the entry to begin with.
        places: the only entries that are read, for who knows which are of that kind.

    Raises (while read):
        EvidenceError: the log was altered.
    """
    lines = ledger.lines(start) if places is None else ledger.chosen(places)
    return ATTACHMENTS.all(lines)


def decisions(ledger: Ledger, places: Iterable[int] | None = None) -> Iterator[tuple[int, Decided]]:
    """As `ties`, of the records of kind `decision`.

    Args:
        places: the only entries that are read, for who knows which are of that kind.

    Raises (while read):
        EvidenceError: the log was altered.
    """
    lines = ledger.lines(0) if places is None else ledger.chosen(places)
    return DECISIONS.all(lines)


def attached_by_record(
    ledger: Ledger, index: Index | None = None
) -> dict[tuple[int, str], list[Attachment]]:
    """All of them, by place and digest of the record that each speaks of.

    Args:
        index: says where they are, so that they alone are read; each is read from the log.
    """
    rows = () if index is None else index.runs(kind=KINDS[ATTACHMENT], newest_first=False)
    places = None if index is None else [row.index for row in rows]
    found: dict[tuple[int, str], list[Attachment]] = {}
    for _, made in attachments(ledger, places=places):
        found.setdefault((made.entry, made.evidence_sha256), []).append(made)
    return found


def of_files(ledger: Ledger, files: Manifest) -> Iterator[tuple[int, str]]:
    """Place and digest of each audit of these files, and of each record that ties them to one.

    Raises (while read):
        EvidenceError: the log was altered.
    """
    marks = marks_in_base64(files.root.encode())
    for index, line in ledger.lines(0):
        if not any(mark in line for mark in marks):
            continue
        try:
            about = _audited(statement_of(line), files)
            audit = ledger.entry(about) if about is not None and 0 <= about < index else None
        except EvidenceError:
            continue  # it was pruned, or `verify` says what is wrong with it
        if about is not None:
            yield index, sha256_hex(line)
        if audit is not None:
            yield audit.index, audit.evidence_sha256


def _audited(record: Statement, files: Manifest) -> int | None:
    """The entry of an audit to which a record ties these files, -1 where it is that audit itself;
    None where it speaks of others."""
    if record.predicate_type == MODEL and record.understood:
        tie = ModelTie.of(record.predicate)
        return tie.entry if tie.manifest.files == files.files else None
    said = record.model.get("files")
    if record.predicate_type != AUDIT or said is None:
        return None
    return -1 if Manifest.of(said).files == files.files else None


def attachments_of(
    ledger: Ledger, entry: Entry, told: ReadOnce | None = None
) -> list[tuple[int, Attachment]]:
    """Those that speak of `entry`, and of that very record.

    Args:
        told: what was read of this log before, for who asks of many records.
    """
    if told is None:
        return _about(attachments(ledger, start=entry.index), entry)
    return told.about(ledger, ATTACHMENTS, entry)


def runs_of(own: Iterable[Json], made: Iterable[Attachment]) -> tuple[Json, ...]:
    """The runs that a record names itself, and those that it is attached to, each once."""
    found = list(own)
    for attachment in made:
        if all(place_of(run) != place_of(attachment.run) for run in found):
            found.append(attachment.run)
    return tuple(found)


def superseded(made: Iterable[Attachment]) -> Mapping[tuple[object, object], Attachment]:
    """By tracker and id of a run that holds a record: what says that it belongs to another."""
    return {place_of(run): attachment for attachment in made for run in attachment.superseded}


def place_of(run: Json) -> tuple[object, object]:
    """Tracker and id of a run: only these decide, an address may be spelt in more than one way."""
    return run.get("tracker"), run.get("run_id")


def _still_there(ledger: Ledger, found: list[tuple[int, T]]) -> list[tuple[int, T]]:
    """Those that were not pruned since they were read."""
    there = {index for index, _ in ledger.chosen(index for index, _ in found)}
    return [item for item in found if item[0] in there]


def _about(found: Iterable[tuple[int, About]], entry: Entry) -> list[tuple[int, About]]:
    named = (entry.index, entry.evidence_sha256)
    return [item for item in found if (item[1].entry, item[1].evidence_sha256) == named]


def _said(kind: str, of: Callable[[Json], T], line: bytes, _: int) -> T | None:
    try:
        statement = statement_of(line)
        return of(statement.predicate) if statement.predicate_type == kind else None
    except EvidenceError:
        return None  # `verify` says what is wrong with it


TIES = Reader(marks_in_base64(MODEL.encode()), partial(_said, MODEL, ModelTie.of))
ATTACHMENTS = Reader(
    marks_in_base64(ATTACHMENT.encode()), partial(_said, ATTACHMENT, Attachment.of)
)
DECISIONS = Reader(marks_in_base64(DECISION.encode()), partial(_said, DECISION, Decided.of))
