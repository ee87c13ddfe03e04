"""What pages read: the ledger, its index, what waits for a tracker, who signed off.

One `Desk` serves all requests, from several threads; each request takes a `Reading` from it. What
costs more than a page may is kept until the files it was read from change.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field

from venturalitica.core.json_values import Json
from venturalitica.core.record import is_tracker_run
from venturalitica.core.redact import redact_uri
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.cross_check import EDITED, Held, stamp_of
from venturalitica.ledger.lifecycle.ties import ATTACHMENTS, ReadOnce, attached_by_record, runs_of
from venturalitica.ledger.receipts import DeliveryState
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.review.health.ci import LastMade
from venturalitica.system.settings import Settings
from venturalitica.ui.kept import Kept, Stamp

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Index, Ledger, RunRow
    from venturalitica.ledger.formats.checkpoint import Checkpoint
    from venturalitica.ledger.index.cross_check import Lines, Verdicts
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ledger.outbox import Attempt, Receipt, Undelivered
    from venturalitica.ledger.records.kinds.approval import Approval
    from venturalitica.ledger.records.notes.note import Note
    from venturalitica.reports.context import ReportContext
    from venturalitica.ui.read_ahead import ReadAhead

log = logging.getLogger(__name__)

T = TypeVar("T")


class NoEvidenceYetError(EvidenceError):
    """There is no evidence log in the folder: nothing is wrong, nothing is there."""


class Desk:
    """Where evidence is read from; safe to use from threads.

    `index_url` is a database for the index (a team's); None is the ledger's own `index.db`.
    """

    def __init__(
        self, home: Path, *, settings: Settings | None = None, index_url: str | None = None
    ) -> None:
        from venturalitica.ledger.index.counts.linked import Linked

        self.home = home.absolute()
        self.files = _files_of(self.home)
        self.settings = settings or Settings.current()
        self.index_url = index_url
        self._index: Index | None = None
        self._lock = threading.Lock()
        self.kept = Kept()
        self.deliveries = DeliveryState(self.home / "receipts.jsonl")
        self.held = Held()
        self.linked = Linked()
        self.ci = LastMade()
        self.ahead: ReadAhead | None = None
        """What a server still reads of a long log, beside its first pages."""
        self._seen: Checkpoint | None = None
        self._cut = self.disproof = ""
        """What the last verification of this process found wrong with the log; empty if nothing."""

    @property
    def index_shown(self) -> str:
        """The index's address without credentials; empty where it is the ledger's own."""
        return redact_uri(self.index_url) if self.index_url else ""

    @property
    def refuted(self) -> str:
        """Why no light of this log is believed; empty where nothing speaks against it."""
        return self._cut or self.disproof

    @property
    def has_evidence(self) -> bool:
        """Whether there is a log to read, or something in its place that cannot be looked into."""
        log = self.home / "log"
        try:
            return (log / "entries.jsonl").exists() or (log / "checkpoint").exists()
        except OSError:
            return True  # opening it says what is wrong

    @contextmanager
    def reading(self, *, early: bool = False) -> Iterator[Reading]:
        """One request's view, caught up with the log.

        With `early` it does not wait for what is read ahead, and believes no light until then.

        Raises:
            NoEvidenceYetError: there is no log here yet.
            EvidenceError: it cannot be read or trusted.
        """
        from venturalitica.ledger import Ledger

        if not self.has_evidence:
            raise NoEvidenceYetError(f"{self.home}: there is no evidence here yet")
        ledger = Ledger.open(self.home)
        self._watch(ledger.head())
        with ExitStack() as stack:
            index = self._caught_up(ledger, stack)
            ahead = self.ahead if early and not index.in_memory else None
            yield Reading(self, ledger, index, self.kept, early=bool(ahead and not ahead.done))
            if ahead is not None:
                ahead.begin()

    def _watch(self, head: Checkpoint) -> None:
        """Be a witness while this server runs: an older log that is put back verifies by itself."""
        seen = self._seen
        if seen is not None and head.size <= seen.size and head != seen:
            self._cut = (
                f"This server has seen {seen.size:,} entries of the log, and now there are "
                f"{head.size:,}, or others: its end was cut off, or an older copy put back. If "
                "that was you, start the server again."
            )
            return
        self._seen = head

    @cached_property
    def told(self) -> ReadOnce:
        """What the log says of records afterwards, read from the log itself, once."""
        from venturalitica.ledger.lifecycle.approve import APPROVALS, NOTES

        return ReadOnce(APPROVALS, NOTES, ATTACHMENTS)

    def is_read_ahead(self) -> bool:
        """Whether a server still reads a long log; from now on, if it waited for a first page."""
        if self.ahead is not None:
            self.ahead.begin()
        return self.ahead is not None and not self.ahead.done

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            if self._index is not None:
                self._index.close()
                self._index = None

    def _caught_up(self, ledger: Ledger, stack: ExitStack) -> Index:
        """The one index, kept: an auditor's read-only copy has it in memory, and dear to make."""
        from venturalitica.ledger import Index

        stack.enter_context(self._lock)
        if self._index is None:
            self._index = Index.open(ledger, self.index_url)
        else:
            self._index.refresh()
        if not self._index.in_memory:
            stack.close()  # each thread has a connection of its own
        return self._index


class Reading(Struct, frozen=True):
    """One request's view of the evidence. `ledger` has no signer: nothing can be appended."""

    desk: Desk
    ledger: Ledger
    index: Index
    _kept: Kept
    early: bool = False
    """Receipts and sign-offs are not read yet: nothing is known to wait, and no light is green."""
    _stamps: dict[str, Stamp] = field(default_factory=dict)
    """Of each file when this request first asked: what is read later is newer, and never older."""
    _attached: list[Mapping[tuple[int, str], Sequence[Attachment]]] = field(default_factory=list)
    _places: dict[int, frozenset[tuple[str, str]]] = field(default_factory=dict)

    def waiting(self) -> Mapping[int, tuple[Undelivered, ...]]:
        """By entry: the tracker runs that have not confirmed it."""
        if self.early:
            return {}
        return self._kept.of("waiting", self._stamp("log", "receipts.jsonl"), self._waiting)

    def attempts(self) -> tuple[Attempt, ...]:
        """All that the receipts tell, oldest first."""
        stamp = self._stamp("receipts.jsonl")
        return self._kept.of("attempts", stamp, self.desk.deliveries.attempts)

    def last_attempt(self, entry: int, tracker: str, run_id: str) -> Attempt | None:
        """The last attempt for an entry and a run, confirmed or failed."""
        tried = self.desk.deliveries.of_entry(entry)
        ours = [one for one in tried if (one.tracker, one.run_id) == (tracker, run_id)]
        return ours[-1] if ours else None

    def page_context(self, entry: Entry) -> ReportContext:
        """All that the page of a record shows, without reading log and receipts to their ends.

        Raises:
            EvidenceError: as `record_page.page_context`.
        """
        from venturalitica.review.record_page import page_context

        return page_context(
            self.ledger,
            entry,
            told=self.desk.told,
            attempts=self.desk.deliveries.of_entry(entry.index),
            doubts=self.known(),
        )

    def runs(self, row: RunRow) -> tuple[Json, ...]:
        """The tracker runs that a record names, and those that it was attached to."""
        return runs_of(row.trackers, self.attached(row.index, row.evidence_sha256))

    def attached(self, entry: int, evidence_sha256: str) -> tuple[Attachment, ...]:
        """What the log says of where a record belongs that it does not name itself."""
        return tuple(self._attachments().get((entry, evidence_sha256), ()))

    def _attachments(self) -> Mapping[tuple[int, str], Sequence[Attachment]]:
        if not self._attached:  # a page asks hundreds of times
            made = self.kept(
                "attached", lambda: attached_by_record(self.ledger, self.index), "index.db"
            )
            self._attached.append(made)
        return self._attached[0]

    def places(self, row: RunRow) -> frozenset[tuple[str, str]]:
        """Tracker and run id of each of its runs that it can be delivered to."""
        found = self._places.get(row.index)
        if found is None:
            found = self._places[row.index] = frozenset(places_of(self.runs(row)))
        return found

    def approvals(self) -> Mapping[int, tuple[Approval, ...]]:
        """The sign-offs by the entry that each speaks of, oldest first; none of an altered log."""
        from venturalitica.ledger.lifecycle.approve import approvals

        return self._signed("sign-offs", approvals)

    def notes(self) -> Mapping[int, tuple[Note, ...]]:
        """The notes, likewise."""
        from venturalitica.ledger.lifecycle.approve import notes

        return self._signed("notes", notes)

    def _signed(self, name: str, read: Callable[..., Mapping[int, T]]) -> Mapping[int, T]:
        def make() -> Mapping[int, T]:
            try:
                return read(self.ledger, self.desk.told)
            except EvidenceError:
                return {}  # what is altered is signed by nobody; 'verify' says where

        return {} if self.early else self._kept.of(name, self._stamp("log"), make)

    def known(self) -> Known:
        """What is known of the records besides what they say: each light is the worse of both."""
        from venturalitica.ledger.index.queries import Known

        return Known(
            waiting=self.waiting().keys(),
            faults=self.desk.held.faults,
            signers=self._signers(),
            refuted=self.desk.refuted,
            begun=self.begun(),
            unread=self.early,
        )

    def begun(self) -> dict[int, str]:
        """What is known, at this moment, of runs that have no end on record; by entry."""
        from venturalitica.ledger.index.begun import unended
        from venturalitica.review.record_page import begun_here

        found = self._kept.of("begun", self._stamp("log", "index.db"), lambda: unended(self.index))
        return begun_here(self.ledger, found)

    def shown(self, find: Callable[[], T], shows: Callable[[T], Iterable[Lines]]) -> tuple[T, str]:
        """`Held.shown`, and the outbox knows what is due of each row."""
        return self.desk.held.shown(find, shows, self._are_recorded, self._make_again)

    def _are_recorded(self, rows: Sequence[RunRow], verdicts: Verdicts | None = None) -> bool:
        """Whether the log gives these rows, and the outbox knows what is due of them."""
        held = self.desk.held.are_recorded(self.ledger, self._stamp("log"), rows, verdicts)
        return held and (self.early or self._knows_what_is_due(rows))

    def _make_again(self) -> None:
        log.warning("%s: %s", self.desk.home, EDITED)
        self.index.rebuild()
        for known in (self._stamps, self._attached, self._places):
            known.clear()
        self._kept.forget()
        self.desk.linked.forget()
        self.desk.deliveries.forget()

    def _signers(self) -> frozenset[str]:
        """The keys that the reader knows, as `trust.known_signers` says."""
        from venturalitica.ledger.lifecycle.keys import known_signers

        own = self.own_keys()
        return self._kept.of(
            f"known keys {sorted(own)}",
            self._stamp("log", "index.db"),
            lambda: known_signers(self.ledger, self.index, own),
        )

    def own_keys(self) -> frozenset[str]:
        """The keys of the reader, by their ids."""
        return self._kept.of("own keys", self._own_stamp(), self._own_keys)

    def _own_stamp(self) -> Stamp:
        """Changes when the user's key does; one held elsewhere is asked once."""
        folder = self.desk.settings.config
        return () if folder is None else (stamp_of(folder),)

    def _own_keys(self) -> frozenset[str]:
        from venturalitica.review.verification import reader_keys

        return frozenset(reader_keys(self.desk.settings))

    def are_confirmed(self, receipts: Iterable[Receipt]) -> bool:
        """Whether receipts confirm all of these: (entry, tracker, run id, evidence digest)."""
        return not self.desk.deliveries.not_confirmed(receipts)

    def kept(self, name: str, make: Callable[[], T], *files: str) -> T:
        """What `make` gives, made again when the log or one of `files` (below home) changes."""
        return self._kept.of(name, self._stamp("log", *files), make)

    def _stamp(self, *names: str) -> Stamp:
        return tuple(self._stamp_of(name) for name in names)

    def _stamp_of(self, name: str) -> Stamp:
        known = self._stamps.get(name)
        if known is None:
            files = self.desk.files.get(name) or (os.path.join(self.desk.home, name),)  # noqa: PTH118
            known = self._stamps[name] = tuple(map(stamp_of, files))
        return known

    def _waiting(self) -> dict[int, tuple[Undelivered, ...]]:
        return self.desk.deliveries.waiting(self.ledger, self.index)

    def _knows_what_is_due(self, rows: Sequence[RunRow]) -> bool:
        """Each tracker run that these records name is confirmed, or waits.

        The outbox asks the index where a record is due: a link taken out of it would turn what
        waits into what was delivered.
        """
        made = self._attachments()
        due = [
            (row.index, *place, row.evidence_sha256)
            for row in rows
            for place in places_of(
                runs_of(row.trackers, made[row.index, row.evidence_sha256])
                if (row.index, row.evidence_sha256) in made
                else row.trackers
            )
        ]
        missing = self.desk.deliveries.not_confirmed(due)
        if not missing:
            return True
        waiting = {_receipt(item) for items in self.waiting().values() for item in items}
        if waiting.issuperset(missing):
            return True
        # A record may have come meanwhile: the last word is what is read now.
        late = {_receipt(item) for items in self._waiting().values() for item in items}
        return late.issuperset(self.desk.deliveries.not_confirmed(missing))


def _files_of(home: Path) -> Mapping[str, tuple[str, ...]]:
    """The files that a stamp is taken of, as text: a page takes hundreds of stamps."""
    log = home / "log"
    return {
        "log": (str(log / "entries.jsonl"), str(log / "checkpoint"), str(home / "keys")),
        "index.db": (str(home / "index.db"),),
        "receipts.jsonl": (str(home / "receipts.jsonl"),),
    }


def places_of(trackers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Tracker and run id of each run that a record names, and that it can be delivered to."""
    for run in filter(is_tracker_run, trackers):
        yield run["tracker"], run["run_id"]


def _receipt(item: Undelivered) -> Receipt:
    return item.index, item.tracker, item.run_id, item.evidence_sha256
