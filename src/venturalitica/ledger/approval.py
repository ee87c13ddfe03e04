"""Approval: a person's dated, signed sign-off on one record (EU AI Act, Annex IV 2(g)).

    {"format": 1, "kind": "approval",
     "of":       {"entry", "evidence_sha256", "run_id", "light"}: the record, and its light then,
     "decision": "approved" or "rejected",
     "role":     in which function the person decided,
     "decided_at": the writer's clock, UTC,
     "keyid":    id of the key that signs for the person (one of the envelope's),
     "person":   reference to the vault,
     "comment":  reference to the vault, or null}

It is a record of its own: the one that it speaks of is never touched. Name and comment are personal
data; they can be erased, role and decision stay. A key says that its holder signed, not who that
was: give each person who signs off a key of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica._version import __version__
from venturalitica.canonical import sha256_hex
from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.ledger.cache import read_parts
from venturalitica.ledger.dsse import signers_of, statement_of
from venturalitica.ledger.encoding import is_hash, is_place
from venturalitica.ledger.heads import Head
from venturalitica.ledger.kinds import Kind, Record
from venturalitica.ledger.link import STATEMENT_TYPE, Draft
from venturalitica.ledger.signing import Signer
from venturalitica.ledger.vault import Vault, digest_of, is_reference
from venturalitica.records import Step

if TYPE_CHECKING:
    from venturalitica.ledger.index import Index
    from venturalitica.ledger.ledger import Entry, Ledger

APPROVAL = "urn:venturalitica:approval:v1"
FORMAT = 1
DECISIONS = ("approved", "rejected")
LIGHTS = ("red", "amber", "grey", "green")
"""Worst first."""

MAX_ROLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """One sign-off as it stands in the log, in the entry `index`."""

    index: int
    entry: int
    evidence_sha256: str
    run_id: str
    light: str
    decision: str
    role: str
    decided_at: str
    keyid: str
    person: Mapping[str, str]
    comment: Mapping[str, str] | None

    @classmethod
    def of(cls, predicate: Mapping[str, Any], index: int) -> Approval:
        """Read the predicate of an approval.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        check(predicate)
        target = predicate["of"]
        return cls(
            index=index,
            entry=target["entry"],
            evidence_sha256=target["evidence_sha256"],
            run_id=target["run_id"],
            light=target["light"],
            **{name: predicate[name] for name in _TEXTS},
            person=predicate["person"],
            comment=predicate["comment"],
        )

    def told(self, vault: Vault) -> dict[str, Any]:
        """As facts; `person` and `comment` are null where they were erased, or are not here.

        Raises:
            EvidenceError: the vault holds something else than was recorded.
        """
        return {
            "entry": self.index,
            "decision": self.decision,
            "role": self.role,
            "person": vault.open(self.person),
            "comment": vault.open(self.comment) if self.comment else None,
            "commented": self.comment is not None,
            "decided_at": self.decided_at,
            "light": self.light,
            "keyid": self.keyid,
        }


_TEXTS = ("decision", "role", "decided_at", "keyid")


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
    from venturalitica.ledger.contents import judged

    if not judged(entry.statement):
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
    with nullcontext(index) if index else ledger.index() as known:
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
    from venturalitica.ledger.listing import JUDGED, rows_of

    rows = rows_of(index, sorted(entries))
    return {row.index: row.evidence_sha256 for row in rows if row.kind in JUDGED}


def approval_in(line: bytes, index: int) -> Approval | None:
    """The sign-off that a line is; None for another kind, and where it cannot be read as one."""
    try:
        statement = statement_of(line)
        if statement.get("predicateType") != APPROVAL:
            return None
        approval = Approval.of(statement["predicate"], index)
        return approval if approval.keyid in signers_of(line) else None
    except (EvidenceError, KeyError, TypeError, AttributeError):
        return None  # it says of no record that it is signed off; `verify` says what is wrong


def check(predicate: Mapping[str, Any]) -> None:
    """The shape of an approval's predicate; raises `EvidenceError`."""
    target = predicate.get("of")
    if not isinstance(target, Mapping) or not _is_target(target):
        raise EvidenceError("predicate.of is missing or malformed")
    for name in _TEXTS:
        if not isinstance(predicate.get(name), str) or not predicate[name]:
            raise EvidenceError(f"predicate.{name} is missing or malformed")
    if predicate["decision"] not in DECISIONS:
        raise EvidenceError(f"predicate.decision is neither {' nor '.join(DECISIONS)}")
    if not is_reference(predicate.get("person")):
        raise EvidenceError("predicate.person is not a reference to the vault")
    if predicate.get("comment", 0) is not None and not is_reference(predicate.get("comment")):
        raise EvidenceError("predicate.comment is neither null nor a reference to the vault")


KIND = Kind(APPROVAL, FORMAT, check)


class Approvals:
    """The chronicle `approvals`: each speaks of an earlier record, and of that very one."""

    name = "approvals"
    meaning = "a sign-off does not speak of the record that is in the log"

    def __init__(self, home: Path | None) -> None:
        self._home = home
        self._found: list[Approval] = []
        self._pruned: list[Head] = []

    def read(self, record: Record) -> None:
        """Take in an approval."""
        if record.kind != APPROVAL:
            return
        approval = Approval.of(record.predicate, record.index)
        if approval.entry >= record.index:
            raise EvidenceError(f"it signs off entry {approval.entry}, which is not before it")
        if approval.keyid not in record.signers:
            raise EvidenceError("the key that it names for the person did not sign it")
        self._found.append(approval)

    def pass_over(self, head: Head) -> None:
        """A record that was signed off may have been pruned since."""
        self._pruned.append(head)

    def step(self) -> Step | None:
        """Hold each against the record that it names; None where there is nothing to say."""
        if not self._found:
            return None
        if self._home is None:
            detail = "not checked: the record that was signed off is not in the bundle"
            return Step(self.name, None, detail)
        gone = [one for one in self._found if self._is_pruned(one)]
        held = [one for one in self._found if one not in gone]
        try:
            lines = _lines(self._home, {one.entry for one in held})
            faults = ((one, _fault(one, lines.get(one.entry))) for one in held)
            one, fault = next((item for item in faults if item[1]), (None, ""))
        except EvidenceError as error:
            return Step(self.name, False, str(error))
        if one is not None:
            detail = f"entry {one.index}: {fault}; {self.meaning}"
            return Step(self.name, False, detail, one.index)
        return self._told(len(held), len(gone))

    def _told(self, held: int, gone: int) -> Step:
        texts = [f"{_many(held)} of the very records they name"] if held else []
        if gone:
            texts.append(f"{_many(gone)} of records that were pruned since: not checked")
        return Step(self.name, True if not gone else None, "; ".join(texts))

    def _is_pruned(self, approval: Approval) -> bool:
        return any(head.start <= approval.entry < head.end for head in self._pruned)


def _lines(home: Path, wanted: set[int]) -> dict[int, bytes]:
    """These entries' lines out of the log; a second, quick reading."""
    if not wanted:
        return {}
    parts = read_parts(home / "log" / "entries.jsonl", 0, max(wanted) + 1)
    return {part.index: part.line for part in parts if part.index in wanted}


def _fault(approval: Approval, line: bytes | None) -> str:
    """What is wrong with a sign-off of the record in `line`; empty where nothing is."""
    from venturalitica.ledger.contents import judged, understood

    if line is None or sha256_hex(line) != approval.evidence_sha256:
        return f"it signs off another record than entry {approval.entry}"
    statement = statement_of(line)
    if not judged(statement):
        return f"it signs off entry {approval.entry}, which is no audit and no run"
    if not understood(statement):
        return ""
    run, light = statement["predicate"].get("run"), statement["predicate"].get("light")
    if not isinstance(run, Mapping) or run.get("id") != approval.run_id:
        return f"it names another run than entry {approval.entry} does"
    # It may have been worse than recorded: a tracker had not confirmed it yet.
    if light not in LIGHTS or LIGHTS.index(approval.light) > LIGHTS.index(light):
        return f"it says that entry {approval.entry} was {approval.light}, which is {light}"
    return ""


def _statement(
    entry: Entry,
    decision: str,
    role: str,
    light: str,
    keyid: str,
    at: datetime,
    sealed: Sequence[Mapping[str, str]],
) -> dict[str, Any]:
    from datetime import UTC

    run = entry.statement["predicate"].get("run") or {}
    predicate = {
        "format": FORMAT,
        "kind": "approval",
        "package": __version__,
        "of": {
            "entry": entry.index,
            "evidence_sha256": entry.evidence_sha256,
            "run_id": str(run.get("id", "")),
            "light": light,
        },
        "decision": decision,
        "role": role[:MAX_ROLE],
        "decided_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "keyid": keyid,
        "person": dict(sealed[0]),
        "comment": dict(sealed[1]) if len(sealed) > 1 else None,
    }
    check(predicate)
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": f"record/{entry.index}", "digest": {"sha256": entry.evidence_sha256}}],
        "predicateType": APPROVAL,
        "predicate": predicate,
    }


def _is_target(target: Mapping[str, Any]) -> bool:
    whole = is_place(target.get("entry"))
    texts = isinstance(target.get("run_id"), str) and target.get("light") in LIGHTS
    return whole and texts and is_hash(target.get("evidence_sha256"))


def _many(count: int) -> str:
    return "1 sign-off" if count == 1 else f"{count} sign-offs"
