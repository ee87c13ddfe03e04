"""The sign-offs of one record, read from the log itself.

`approval.approvals` asks the index, which is quick and good enough for a list. Whoever can write to
the folder can edit the index, though, and take a rejection out of it; what is said of one record
is read from every later line, held against the sealed tree, instead.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from venturalitica._version import __version__
from venturalitica.core.encoding import marks_in_base64, sha256_hex
from venturalitica.core.record import APPROVAL, FORMAT, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EntryPruned, EvidenceError, SigningKeyError
from venturalitica.ledger.index.index import Index
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.records.approval import MAX_ROLE, Approval, approval_in, check
from venturalitica.ledger.records.placement import Draft, Entry
from venturalitica.ledger.records.vault import Vault, digest_of
from venturalitica.ledger.signing.signer import Signer


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


def approve(
    ledger: Ledger,
    entry: Entry,
    *,
    person: str,
    role: str,
    decision: str,
    light: str,
    keyid: str,
    at: datetime,
    comment: str = "",
    cosigners: Sequence[Signer] = (),
) -> Entry:
    """Append a sign-off on `entry`; `keyid` names the ledger's signer or one of `cosigners`.

    Raises:
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written, or `entry` is no audit and no run.
    """
    if not entry.record.judged:
        raise EvidenceError(
            f"entry {entry.index} is no audit and no run: only those can be signed off"
        )
    vault = Vault(ledger.home)
    sealed: list[Mapping[str, str]] = []
    try:
        sealed.append(vault.seal(person))
        sealed += [vault.seal(comment)] if comment else []
        statement = _statement(entry, decision, role, light, keyid, at, sealed)
        Draft(statement)
    except EvidenceError:
        _forget(vault, sealed)
        raise
    try:
        return ledger.append(statement, cosigners=cosigners)
    except SigningKeyError:
        # Nothing was signed, so nothing can refer to them. After other faults something may.
        _forget(vault, sealed)
        raise


def _forget(vault: Vault, sealed: Sequence[Mapping[str, str]]) -> None:
    for reference in sealed:
        vault.erase(digest_of(reference))


def approvals(ledger: Ledger, *, index: Index | None = None) -> dict[int, list[Approval]]:
    """The sign-offs of the log, oldest first, by the entry that each speaks of.

    `index` is asked where one is open already.

    They are found by the index, which is good enough for a list; of one record, `signed_off` finds
    them in the log. One whose digest is not that of the entry, or that the key which it names did
    not sign, is left out; `verify` says that it is a fault.
    """
    with nullcontext(index) if index else Index.open(ledger) as known:
        places = [row.index for row in known.runs(kind="approval", newest_first=False)]
        made = [approval_in(line, place) for place, line in ledger.chosen(places)]
        told = [approval for approval in made if approval]
        digests = _digests(known, {approval.entry for approval in told})
    found: dict[int, list[Approval]] = {}
    for approval in told:
        if digests.get(approval.entry) == approval.evidence_sha256:
            found.setdefault(approval.entry, []).append(approval)
    return found


def _digests(index: Index, entries: set[int]) -> dict[int, str]:
    """Those of the audits and runs among these entries."""
    if not entries:
        return {}
    from venturalitica.ledger.index.queries import JUDGED, rows_of

    rows = rows_of(index, sorted(entries))
    return {row.index: row.evidence_sha256 for row in rows if row.kind in JUDGED}


def _statement(
    entry: Entry,
    decision: str,
    role: str,
    light: str,
    keyid: str,
    at: datetime,
    sealed: Sequence[Mapping[str, str]],
) -> dict[str, Any]:

    predicate = {
        "format": FORMAT,
        "kind": "approval",
        "package": __version__,
        "of": {
            "entry": entry.index,
            "evidence_sha256": entry.evidence_sha256,
            "run_id": entry.record.run.id,
            "light": light,
        },
        "decision": decision,
        "role": role[:MAX_ROLE],
        "decided_at": timestamp(at),
        "keyid": keyid,
        "person": dict(sealed[0]),
        "comment": dict(sealed[1]) if len(sealed) > 1 else None,
    }
    check(predicate)
    subject = (f"record/{entry.index}", entry.evidence_sha256)
    return statement_json(APPROVAL, [subject], predicate)
