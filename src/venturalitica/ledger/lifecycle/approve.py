"""Signing off, and the sign-offs of a log.

They are read from the log itself, each line held against the sealed tree, and never found by the
index: whoever can write to the folder can edit that, and take a rejection out of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from venturalitica._version import __version__
from venturalitica.core.encoding import marks_in_base64
from venturalitica.core.record import APPROVAL, FORMAT, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.rows import Outline
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.lifecycle.ties import Reader, ReadOnce
from venturalitica.ledger.records.kinds.approval import MAX_ROLE, Approval, approval_in, check
from venturalitica.ledger.records.placement import Entry
from venturalitica.ledger.records.vault import MAX_TEXT, Pair
from venturalitica.ledger.signing.signer import Signer


def signed_off(ledger: Ledger, entry: Entry, told: ReadOnce | None = None) -> list[Approval]:
    """Every sign-off of `entry`, oldest first; one of another record's digest is left out.

    Args:
        told: what was read of this log before, for who asks of many records.

    Raises:
        EvidenceError: the log was altered.
    """
    if told is not None:
        return [approval for _, approval in told.about(ledger, APPROVALS, entry)]
    later = _approvals(ledger, entry.index + 1)
    return [approval for approval in later if _names(approval, entry)]


def approvals(ledger: Ledger, told: ReadOnce | None = None) -> dict[int, tuple[Approval, ...]]:
    """The sign-offs of the log, oldest first, by the entry that each speaks of.

    One whose digest is not that of the entry, or that the key which it names did not sign, is left
    out; `verify` says that it is a fault.

    Args:
        told: what was read of this log before, for who asks again as it grows.

    Raises:
        EvidenceError: the log was altered.
    """
    found = (told or ReadOnce(APPROVALS)).all(ledger, APPROVALS)
    return _by_entry(ledger, [approval for _, approval in found])


class LateSignOffs:
    """The sign-offs of a log from its end, as far as they are asked for: whoever signed a record
    off did so after it was there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._found: list[Approval] = []
        self._start = ledger.size

    def last(self, entries: Collection[int]) -> dict[int, Approval]:
        """The last sign-off of each of these entries that has one.

        Raises:
            EvidenceError: the log was altered.
        """
        start = min(entries, default=self._start) + 1
        if start < self._start:
            self._found[:0] = _approvals(self._ledger, start, self._start)
            self._start = start
        wanted = set(entries)
        found = _by_entry(self._ledger, [one for one in self._found if one.entry in wanted])
        return {entry: several[-1] for entry, several in found.items()}


def every_sign_off(ledger: Ledger) -> list[Approval]:
    """All sign-offs of the log, oldest first, whatever record each names.

    Raises:
        EvidenceError: the log was altered.
    """
    return list(_approvals(ledger, 0))


def _by_entry(ledger: Ledger, every: Sequence[Approval]) -> dict[int, tuple[Approval, ...]]:
    """Those that name the digest of the entry that they speak of, by that entry."""
    entries = sorted({approval.entry for approval in every})
    outlines = (Outline.of(*item) for item in ledger.chosen(entries))
    digests = {one.index: one.evidence_sha256 for one in outlines if one.record.judged}
    found: dict[int, tuple[Approval, ...]] = {}
    for one in every:
        if digests.get(one.entry) == one.evidence_sha256:
            found[one.entry] = (*found.get(one.entry, ()), one)
    return found


def _approvals(ledger: Ledger, start: int, stop: int | None = None) -> Iterator[Approval]:
    lines = ledger.lines(start)
    within = lines if stop is None else takewhile(lambda one: one[0] < stop, lines)
    return (approval for _, approval in APPROVALS.all(within))


def _names(approval: Approval, entry: Entry) -> bool:
    named = (approval.entry, approval.evidence_sha256)
    return named == (entry.index, entry.evidence_sha256)


APPROVALS = Reader(marks_in_base64(APPROVAL.encode()), approval_in)


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
    pairs = [Pair.of(text, limit=MAX_TEXT) for text in (person, comment)[: 2 if comment else 1]]
    statement = _statement(entry, decision, role, light, keyid, at, pairs)
    return ledger.append(statement, cosigners=cosigners, pairs=pairs)


def _statement(
    entry: Entry,
    decision: str,
    role: str,
    light: str,
    keyid: str,
    at: datetime,
    pairs: Sequence[Pair],
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
        "person": pairs[0].reference,
        "comment": pairs[1].reference if len(pairs) > 1 else None,
    }
    check(predicate)
    subject = (f"record/{entry.index}", entry.evidence_sha256)
    return statement_json(APPROVAL, [subject], predicate)
