"""The outbox: what the log says should be at a tracker and no receipt confirms.

What is due is read from the statements (`predicate.trackers`), what happened from
`.venturalitica/receipts.jsonl`, to which each attempt adds a line. So deleting the index loses
nothing, and losing a receipt only means that something is delivered twice, which is harmless.
A receipt says whether the report page lies beside the evidence too: it is left last, by a process
that may be killed in between.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.system.files import locked, reading, write_all

if TYPE_CHECKING:
    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.ledger import Ledger

log = logging.getLogger(__name__)

MAX_DETAIL = 500
MAX_RECEIPT = 64 * 1024
"""Longest line that is read as a receipt; we write one of some hundred bytes."""

Key = tuple[int, str, str]
Receipt = tuple[int, str, str, str]
"""Entry, tracker, run id and evidence digest."""


class Undelivered(Struct, frozen=True):
    """One entry that waits for one tracker run.

    `run` is the run as the statement names it; `attempts` counts failures so far, `last_error` is
    what the last one said. What is `kept` lies in the folder of an offline run on this machine,
    and `last_error` says where. Where only the page is missing, the evidence is `confirmed`.
    """

    index: int
    run: dict[str, Any]
    attempts: int = 0
    last_error: str = ""
    evidence_sha256: str = ""
    kept: bool = False
    confirmed: bool = False

    @property
    def tracker(self) -> str:
        """The tracker's name."""
        return str(self.run.get("tracker", ""))

    @property
    def run_id(self) -> str:
        """The tracker's own id of the run."""
        return str(self.run.get("run_id", ""))


class Attempt(Struct, frozen=True, gc=False):
    """One line of the receipts; what is `kept` on this machine only is not confirmed.

    `page` is false where the evidence is confirmed and its page was still to come. Receipts of
    versions that left both at once do not speak of it.
    """

    # A server holds one for each receipt: the garbage collector has nothing to look for in them.

    index: int
    tracker: str
    run_id: str
    confirmed: bool
    detail: str
    at: str
    evidence_sha256: str = ""
    kept: bool = False
    page: bool = True

    @property
    def key(self) -> Key:
        """Which entry was to reach which run."""
        return self.index, self.tracker, self.run_id

    @property
    def receipt(self) -> Receipt:
        """The same of one very record."""
        return self.index, self.tracker, self.run_id, self.evidence_sha256


class Outbox:
    """The outbox of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.path: Path = ledger.home / "receipts.jsonl"

    def waiting(
        self,
        index: Index | None = None,
        attempts: Iterable[Attempt] | None = None,
        *,
        pages: bool = False,
    ) -> list[Undelivered]:
        """What waits, oldest first; `index` is asked where one is open already.

        Args:
            attempts: all of them, for who has read them already.
            pages: also what is confirmed, where its page is not at the run.

        Raises:
            EvidenceError: the log was altered.
        """
        from venturalitica.ledger.index.index import Index

        confirmed, whole, failures = _state(self.attempts() if attempts is None else attempts)
        done = whole if pages else confirmed
        with contextlib.nullcontext(index) if index else Index.open(self._ledger) as links:
            due = links.links(confirmed=done)
        waiting: dict[Key, Undelivered] = {}
        for entry, digest, run in due:
            key = (entry, str(run.get("tracker", "")), str(run.get("run_id", "")))
            if (*key, digest) not in done:
                item = undelivered(entry, run, digest, failures.get(key, []))
                waiting.setdefault(key, replace(item, confirmed=(*key, digest) in confirmed))
        return list(waiting.values())

    def confirm(
        self,
        index: int,
        tracker: str,
        run_id: str,
        detail: str = "",
        *,
        page: bool = True,
        digest: str = "",
    ) -> None:
        """Record that a tracker has an entry, byte for byte as it read back, and its page too.

        Args:
            digest: the entry's own, for who has read it already; else it is read from the log.
        """
        self._add(index, tracker, run_id, "confirmed", detail, digest, page=page)

    def keep(self, index: int, tracker: str, run_id: str, where: str, *, digest: str = "") -> None:
        """Record that an entry lies with an offline run on this machine, which no server has."""
        self._add(index, tracker, run_id, "kept", where, digest)

    def failed(self, index: int, tracker: str, run_id: str, error: str) -> None:
        """Record that a delivery failed; credentials in `error` are removed."""
        self._add(index, tracker, run_id, "failed", error)

    def attempts(self) -> Iterator[Attempt]:
        """All that was tried, oldest first; a line that cannot be read is passed over.

        Raises (while read):
            EvidenceError: the file cannot be read.
        """
        return read_attempts(self.path)

    def _add(
        self,
        index: int,
        tracker: str,
        run_id: str,
        outcome: str,
        detail: str,
        digest: str = "",
        **more: bool,
    ) -> None:
        from venturalitica.core.redact import redact_text

        line = {
            "index": index,
            "tracker": tracker,
            "run_id": run_id,
            "outcome": outcome,
            "detail": redact_text(detail)[:MAX_DETAIL],
            "at": timestamp(datetime.now(UTC)),
            # The digest ties the receipt to this very record, should the log ever be another one.
            "evidence_sha256": digest or self._ledger.entry(index).evidence_sha256,
            **more,
        }
        try:
            _append_line(self.path, json.dumps(line).encode())
        except OSError as error:
            raise EvidenceError(
                f"{self.path}: the receipt could not be written: {error.strerror or error}"
            ) from error


def undelivered(
    entry: int, run: dict[str, Any], digest: str, tried: Sequence[Attempt]
) -> Undelivered:
    """An entry that waits for a run, of which so much was tried."""
    last = tried[-1] if tried else None
    failed = sum(not attempt.kept for attempt in tried)
    kept = last is not None and last.kept
    return Undelivered(entry, run, failed, last.detail if last else "", digest, kept)


def read_attempts(path: Path) -> Iterator[Attempt]:
    """All that was tried, oldest first; a line that cannot be read is passed over.

    Raises (while read):
        EvidenceError: the file cannot be read.
    """
    stream = open_receipts(path)
    if stream is not None:
        with stream:
            for number, line in enumerate(bounded_lines(stream), 1):
                attempt = attempt_in(line)
                if attempt is not None:
                    yield attempt
                elif line.strip():
                    log.debug("%s:%d is not a receipt and is passed over", path, number)


def open_receipts(path: Path) -> BinaryIO | None:
    """The file of receipts to read; None while there is none.

    Raises:
        EvidenceError: it cannot be read.
    """
    try:
        return reading(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EvidenceError(
            f"{path}: the receipts cannot be read: {error.strerror}; remove what is "
            "there, and 'venturalitica sync' delivers again"
        ) from error


def _state(
    attempts: Iterable[Attempt],
) -> tuple[set[Receipt], set[Receipt], dict[Key, list[Attempt]]]:
    """What is confirmed, what of it with its page, and what failed."""
    confirmed: set[Receipt] = set()
    whole: set[Receipt] = set()
    failures: dict[Key, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.confirmed:
            confirmed.add(attempt.receipt)
            if attempt.page:
                whole.add(attempt.receipt)
        else:
            failures.setdefault(attempt.key, []).append(attempt)
    return confirmed, whole, failures


def bounded_lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; one that is too long is cut into pieces, none of which is a receipt."""
    while line := stream.readline(MAX_RECEIPT):
        yield line


def _append_line(path: Path, line: bytes) -> None:
    # Without locks two receipts may spoil each other, and none is synced to the disk, for which a
    # training would wait: what one that is lost confirms is delivered twice.
    with locked(path, create=True, required=False) as descriptor:
        end = os.fstat(descriptor).st_size
        torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
        try:
            write_all(descriptor, (b"\n" if torn else b"") + line + b"\n")
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, end)
            raise


def attempt_in(line: bytes) -> Attempt | None:
    """What a line tells; None where it is no receipt."""
    try:
        value = json.loads(line.decode())  # of bytes it would guess the encoding, each time
        return Attempt(
            int(value["index"]),
            str(value["tracker"]),
            str(value["run_id"]),
            {"confirmed": True, "failed": False, "kept": False}[value["outcome"]],
            str(value.get("detail", "")),
            str(value.get("at", "")),
            str(value.get("evidence_sha256", "")),
            value["outcome"] == "kept",
            value.get("page") is not False,
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
