"""The sign-offs of one record, read from the log itself.

`approval.approvals` asks the index, which is quick and good enough for a list. Whoever can write to
the folder can edit the index, though, and take a rejection out of it; what is said of one record
is read from every later line, held against the sealed tree, instead.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from venturalitica.canonical import sha256_hex
from venturalitica.errors import EntryPruned
from venturalitica.ledger.approval import APPROVAL, Approval, approval_in
from venturalitica.ledger.encoding import marks_in_base64
from venturalitica.ledger.ledger import Entry, Ledger


def signed_off(ledger: Ledger, entry: Entry) -> list[Approval]:
    """Every sign-off of `entry`, oldest first; one of another record's digest is left out.

    Raises:
        EvidenceError: the log was altered.
    """
    later = _approvals(ledger, entry.index + 1)
    return [approval for approval in later if _names(approval, entry)]


class SignOffs:
    """The sign-offs of a whole log, read once and from then on as it grows; safe from threads.

    What was read stays as it was while the log still holds the last record that was read: each
    record names the leaf of the one before it, so that one stands for them all.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: list[Approval] = []
        self._read = 0
        self._last: tuple[str, str] = ("", "")

    def of(self, ledger: Ledger, entry: Entry) -> list[Approval]:
        """What `signed_off` gives.

        Raises:
            EvidenceError: the log was altered.
        """
        with self._lock:
            self._go_on(ledger)
            fitting = [approval for approval in self._found if _names(approval, entry)]
        return [approval for approval in fitting if _is_there(ledger, approval)]

    @property
    def read(self) -> int:
        """How many entries were read so far."""
        return self._read

    def by_entry(self, ledger: Ledger) -> dict[int, tuple[Approval, ...]]:
        """All sign-offs, oldest first, by the entry that each speaks of.

        Raises:
            EvidenceError: the log was altered.
        """
        with self._lock:
            self._go_on(ledger)
            every = list(self._found)
        there = {index for index, _ in ledger.chosen(approval.index for approval in every)}
        entries = sorted({approval.entry for approval in every})
        digests = {index: sha256_hex(line) for index, line in ledger.chosen(entries)}
        found: dict[int, tuple[Approval, ...]] = {}
        for one in every:
            if one.index in there and digests.get(one.entry) == one.evidence_sha256:
                found[one.entry] = (*found.get(one.entry, ()), one)
        return found

    def _go_on(self, ledger: Ledger) -> None:
        head = ledger.head()
        if self._read and (
            self._read > head.size or self._last != (head.origin, ledger.leaf(self._read - 1))
        ):
            self._found, self._read = [], 0  # it is another log
        if self._read == head.size:
            return
        self._found += [one for one in _approvals(ledger, self._read) if one.index < head.size]
        self._read = head.size
        self._last = (head.origin, ledger.leaf(head.size - 1))


def _approvals(ledger: Ledger, start: int) -> Iterator[Approval]:
    for index, line in ledger.lines(start):
        if any(mark in line for mark in _MARKS):
            approval = approval_in(line, index)  # the mark may stand in the text of another kind
            if approval is not None:
                yield approval


def _is_there(ledger: Ledger, approval: Approval) -> bool:
    """Whether it was not pruned since it was read."""
    try:
        ledger.entry(approval.index)
    except EntryPruned:
        return False
    return True


def _names(approval: Approval, entry: Entry) -> bool:
    named = (approval.entry, approval.evidence_sha256)
    return named == (entry.index, entry.evidence_sha256)


_MARKS = marks_in_base64(APPROVAL.encode())
