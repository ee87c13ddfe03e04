"""Signing off, writing notes, and the sign-offs and notes of a log.

They are read from the log itself, each line held against the sealed tree, and never found by the
index: whoever can write to the folder can edit that, and take a rejection out of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, TypeVar

from venturalitica._version import __version__
from venturalitica.core.encoding import marks_in_base64
from venturalitica.core.record import APPROVAL, FORMAT, NOTE, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.rows import Outline
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.lifecycle.ties import Reader, ReadOnce
from venturalitica.ledger.records.kinds.approval import MAX_ROLE, Approval, approval_in, check
from venturalitica.ledger.records.notes.note import Note, note_in, problems_of
from venturalitica.ledger.records.placement import Entry
from venturalitica.ledger.records.vault import MAX_TEXT, Pair
from venturalitica.ledger.signing.signer import Signer

S = TypeVar("S", bound=Approval | Note)

APPROVALS = Reader(marks_in_base64(APPROVAL.encode()), approval_in)
NOTES = Reader(marks_in_base64(NOTE.encode()), note_in)


def signed_off(ledger: Ledger, entry: Entry, told: ReadOnce | None = None) -> list[Approval]:
    """Every sign-off of `entry`, oldest first; one of another record's digest is left out.

    Args:
        told: what was read of this log before, for who asks of many records.

    Raises:
        EvidenceError: the log was altered.
    """
    return _about(APPROVALS, ledger, entry, told)


def noted(ledger: Ledger, entry: Entry, told: ReadOnce | None = None) -> list[Note]:
    """Every note on `entry`, likewise.

    Raises:
        EvidenceError: the log was altered.
    """
    return _about(NOTES, ledger, entry, told)


def _about(reader: Reader[S], ledger: Ledger, entry: Entry, told: ReadOnce | None) -> list[S]:
    if told is not None:
        return [signed for _, signed in told.about(ledger, reader, entry)]
    later = reader.all(ledger.lines(entry.index + 1))
    return [signed for _, signed in later if _names(signed, entry)]


def approvals(ledger: Ledger, told: ReadOnce | None = None) -> dict[int, tuple[Approval, ...]]:
    """The sign-offs of the log, oldest first, by the entry that each speaks of.

    One whose digest is not that of the entry, or that the key which it names did not sign, is left
    out; `verify` says that it is a fault.

    Args:
        told: what was read of this log before, for who asks again as it grows.

    Raises:
        EvidenceError: the log was altered.
    """
    return _by_entry(ledger, _every(APPROVALS, ledger, told))


def notes(ledger: Ledger, told: ReadOnce | None = None) -> dict[int, tuple[Note, ...]]:
    """The notes of the log, likewise.

    Raises:
        EvidenceError: the log was altered.
    """
    return _by_entry(ledger, _every(NOTES, ledger, told))


def _every(reader: Reader[S], ledger: Ledger, told: ReadOnce | None) -> list[S]:
    return [signed for _, signed in (told or ReadOnce(reader)).all(ledger, reader)]


class LateSignOffs:
    """Sign-offs and notes of a log from its end, as far as they are asked for: whoever signed one
    did so after the record was there."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._approvals: list[Approval] = []
        self._notes: list[Note] = []
        self._start = ledger.size

    def last(self, entries: Collection[int]) -> dict[int, Approval]:
        """The last sign-off of each of these entries that has one.

        Raises:
            EvidenceError: the log was altered.
        """
        self._go_back(entries)
        found = _by_entry(self._ledger, _on(self._approvals, entries))
        return {entry: several[-1] for entry, several in found.items()}

    def notes(self, entries: Collection[int]) -> dict[int, int]:
        """How many notes there are on each of these entries that has any.

        Raises:
            EvidenceError: the log was altered.
        """
        self._go_back(entries)
        found = _by_entry(self._ledger, _on(self._notes, entries))
        return {entry: len(several) for entry, several in found.items()}

    def _go_back(self, entries: Collection[int]) -> None:
        start, stop = min(entries, default=self._start) + 1, self._start
        if start >= stop:
            return
        approved, noted = list[Approval](), list[Note]()
        for index, line in takewhile(lambda one: one[0] < stop, self._ledger.lines(start)):
            approved += filter(None, (APPROVALS.of(line, index),))
            noted += filter(None, (NOTES.of(line, index),))
        self._approvals[:0], self._notes[:0], self._start = approved, noted, start


def _on(every: Iterable[S], entries: Collection[int]) -> list[S]:
    wanted = set(entries)
    return [one for one in every if one.entry in wanted]


def every_sign_off(ledger: Ledger) -> list[Approval]:
    """All sign-offs of the log, oldest first, whatever record each names.

    Raises:
        EvidenceError: the log was altered.
    """
    return [approval for _, approval in APPROVALS.all(ledger.lines(0))]


def _by_entry(ledger: Ledger, every: Sequence[S]) -> dict[int, tuple[S, ...]]:
    """Those that name the digest of the entry that they speak of, by that entry."""
    entries = sorted({one.entry for one in every})
    outlines = (Outline.of(*item) for item in ledger.chosen(entries))
    digests = {one.index: one.evidence_sha256 for one in outlines if one.record.judged}
    found: dict[int, tuple[S, ...]] = {}
    for one in every:
        if digests.get(one.entry) == one.evidence_sha256:
            found[one.entry] = (*found.get(one.entry, ()), one)
    return found


def _names(signed: Approval | Note, entry: Entry) -> bool:
    named = (signed.entry, signed.evidence_sha256)
    return named == (entry.index, entry.evidence_sha256)


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


def note(
    ledger: Ledger,
    entry: Entry,
    *,
    person: str,
    text: str,
    keyid: str,
    at: datetime,
    control: str | None = None,
    cosigners: Sequence[Signer] = (),
) -> Entry:
    """Append a note on `entry`; `keyid` names the ledger's signer or one of `cosigners`.

    Raises:
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written, `entry` is no audit and no run, has no such control,
            or name or text are none that a note may have.
    """
    if not entry.record.judged:
        raise EvidenceError(f"entry {entry.index} is no audit and no run: only those have notes")
    if problems := problems_of(person, text):
        raise EvidenceError(" ".join(problems))
    if control is not None and control not in {one.control for one in entry.record.verdicts}:
        raise EvidenceError(f"entry {entry.index} has no verdict on a control {control!r}")
    pairs = [Pair.of(said, limit=MAX_TEXT) for said in (person, text)]
    made = Note(
        index=-1,
        entry=entry.index,
        evidence_sha256=entry.evidence_sha256,
        run_id=entry.record.run.id,
        control=control,
        noted_at=timestamp(at),
        keyid=keyid,
        person=pairs[0].reference,
        text=pairs[1].reference,
    )
    return ledger.append(made.statement(), cosigners=cosigners, pairs=pairs)
