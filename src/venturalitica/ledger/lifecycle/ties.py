"""What a log says of audits afterwards: the files of their models, the runs they are attached to,
and what a gate decided by them.

That is read from the log itself, each line held against the sealed tree, and never found by the
index, which whoever can write to the folder can edit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeVar

from venturalitica.core.encoding import marks_in_base64
from venturalitica.core.json_values import Json
from venturalitica.core.record import ATTACHMENT, DECISION, KINDS, MODEL
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.records.decision import Decided
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.ledger.records.placement import Entry

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index

T = TypeVar("T", ModelTie, Attachment, Decided)
About = TypeVar("About", ModelTie, Attachment)


def ties(ledger: Ledger, places: Iterable[int] | None = None) -> Iterator[tuple[int, ModelTie]]:
    """Place and contents of each record of kind `model`, oldest first; without the unreadable.

    Args:
        places: the only entries that are read, for who knows which are of that kind.

    Raises (while read):
        EvidenceError: the log was altered.
    """
    lines = ledger.lines(0) if places is None else ledger.chosen(places)
    return _read(lines, MODEL, ModelTie.of)


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
    return _read(lines, ATTACHMENT, Attachment.of)


def decisions(ledger: Ledger, places: Iterable[int] | None = None) -> Iterator[tuple[int, Decided]]:
    """As `ties`, of the records of kind `decision`.

    Args:
        places: the only entries that are read, for who knows which are of that kind.

    Raises (while read):
        EvidenceError: the log was altered.
    """
    lines = ledger.lines(0) if places is None else ledger.chosen(places)
    return _read(lines, DECISION, Decided.of)


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


def attachments_of(ledger: Ledger, entry: Entry) -> list[tuple[int, Attachment]]:
    """Those that speak of `entry`, and of that very record."""
    return _about(attachments(ledger, start=entry.index), entry)


class Attached:
    """The attachments of a whole log, read from it once and from then on as it grows; safe from
    threads. What was read stays while the log still holds the last record that was read: each
    record names the leaf of the one before it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[tuple[int, str], list[tuple[int, Attachment]]] = {}
        self._read = 0
        self._last: tuple[str, str] = ("", "")

    def of(self, ledger: Ledger, entry: Entry) -> list[tuple[int, Attachment]]:
        """What `attachments_of` gives.

        Raises:
            EvidenceError: the log was altered.
        """
        with self._lock:
            self._go_on(ledger)
            found = list(self._found.get((entry.index, entry.evidence_sha256), ()))
        there = {index for index, _ in ledger.chosen(index for index, _ in found)}
        return [item for item in found if item[0] in there]  # the others were pruned since

    def _go_on(self, ledger: Ledger) -> None:
        head = ledger.head()
        if self._read and (
            self._read > head.size or self._last != (head.origin, ledger.leaf(self._read - 1))
        ):
            self._found, self._read = {}, 0  # it is another log
        if self._read == head.size:
            return
        for index, made in attachments(ledger, start=self._read):
            if index < head.size:
                self._found.setdefault((made.entry, made.evidence_sha256), []).append((index, made))
        self._read = head.size
        self._last = (head.origin, ledger.leaf(head.size - 1))


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


def _about(found: Iterable[tuple[int, About]], entry: Entry) -> list[tuple[int, About]]:
    named = (entry.index, entry.evidence_sha256)
    return [item for item in found if (item[1].entry, item[1].evidence_sha256) == named]


def _read(
    lines: Iterable[tuple[int, bytes]], kind: str, of: Callable[[Json], T]
) -> Iterator[tuple[int, T]]:
    marks = marks_in_base64(kind.encode())
    for index, line in lines:
        found = _in(line, kind, of, marks)
        if found is not None:
            yield index, found


def _in(line: bytes, kind: str, of: Callable[[Json], T], marks: Collection[bytes]) -> T | None:
    if not any(mark in line for mark in marks):
        return None
    try:
        statement = statement_of(line)
        return of(statement.predicate) if statement.predicate_type == kind else None
    except EvidenceError:
        return None  # `verify` says what is wrong with it
