"""Whose keys are these? What signatures cannot say by themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from venturalitica.core.link import Link
from venturalitica.core.record import Statement
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.bundle import Bundle, Proven
from venturalitica.ledger.formats.checkpoint import Checkpoint
from venturalitica.ledger.formats.dsse import Envelope
from venturalitica.ledger.formats.merkle import leaf_hash, node_hash, verify_inclusion
from venturalitica.ledger.formats.public_key import (
    CHECKPOINTS,
    RECORDS,
    Keys,
    PublicKey,
    as_keys,
    short,
)
from venturalitica.ledger.verify.check_records import Findings
from venturalitica.ledger.verify.history import Rotations

NO_WITNESS = (
    "not checked: no checkpoint from outside was given. Files alone cannot show that an older copy "
    "of the whole log was put back; a checkpoint kept at a tracker or by the auditor can"
)


class Trust(Struct, frozen=True):
    """Which keys the reader trusts: `pinned` got out of band (nothing else passes), or `own`."""

    pinned: tuple[PublicKey, ...] | None = None
    own: tuple[PublicKey, ...] = ()

    @classmethod
    def of(cls, trusted_keys: Keys | None, known_keys: Keys) -> Trust:
        """From the arguments of `verify_ledger`."""
        pinned = None if trusted_keys is None else as_keys(trusted_keys)
        return cls(pinned, as_keys(known_keys))


def trust_step(findings: Findings, trust: Trust, sealer: PublicKey | None) -> Step:
    """Whether the keys that signed are the reader's, or follow from them through rotations."""
    if trust.pinned is not None:
        return _pinned_step(findings, trust.pinned, sealer)
    own = {key.keyid for key in trust.own}
    heirs = rotations_of(findings).heirs(own)
    strangers = [item for item in findings.signers.items() if item[0] not in own | heirs.keys()]
    if findings.signers and not strangers:
        through = _through(heirs, findings.signers)
        return Step("trust", True, f"every record is signed by your own key{through}")
    seen = ", ".join(_seen(findings, keyid, first) for keyid, first in strangers)
    return Step(
        "trust",
        None,
        f"not checked: key first seen here: {seen or 'none'}. Whoever holds a key can write "
        "a whole log with it; compare its id with one you got another way, or give the keys you "
        "trust (--keys)",
    )


def _pinned_step(
    findings: Findings, pinned: tuple[PublicKey, ...], sealer: PublicKey | None
) -> Step:
    records = {key.keyid for key in pinned if key.algorithm == RECORDS}
    seals = {key.keyid for key in pinned if key.algorithm == CHECKPOINTS}
    if not records:
        return Step("trust", False, f"none of the keys given signs records ({RECORDS})")
    heirs = rotations_of(findings).heirs(records | seals)
    for keyid, first in sorted(findings.signers.items(), key=lambda item: item[1]):
        if keyid not in records | heirs.keys():
            detail = f"entry {first} is signed by key {short(keyid)}, which you do not trust"
            return Step("trust", False, detail, first)
    if not findings.signers:
        return Step("trust", False, "no record is signed by a key that you trust")
    # Without a seal's key among those given, the step `checkpoint` holds it to the last record.
    if seals and (sealer is None or sealer.keyid not in seals | heirs.keys()):
        return Step("trust", False, "the checkpoint is not signed by a key that you trust")
    used = {*findings.signers, *([sealer.keyid] if sealer else [])}
    through = _through(heirs, used)
    return Step("trust", True, f"every record is signed by a key that you trust{through}")


def rotations_of(findings: Findings) -> Rotations:
    """The rotations that were read; none where nobody listened for them."""
    found = (item for item in findings.chronicles if isinstance(item, Rotations))
    return next(found, Rotations())


def _through(heirs: Mapping[str, tuple[int, ...]], used: Iterable[str]) -> str:
    """How keys that were not given came to be trusted."""
    entries = sorted({entry for keyid in used for entry in heirs.get(keyid, ())})
    if not entries:
        return ""
    several = "rotations in entries" if len(entries) > 1 else "rotation in entry"
    return f", or that took over from it through the {several} {', '.join(map(str, entries))}"


def _seen(findings: Findings, keyid: str, first: int) -> str:
    for item in rotations_of(findings).done:
        if item.new.record.keyid == keyid and item.index == first:
            return f"{short(keyid)} (from entry {first}, after {short(item.old.record.keyid)})"
    return f"{short(keyid)} (from entry {first})"


def read_lineage(
    bundle: Bundle, sealed: tuple[Checkpoint, PublicKey] | EvidenceError, findings: Findings
) -> None:
    """Take the lineage of a bundle into `findings`; what is wrong with it is a fault there.

    Nothing of it is taken where there is no checkpoint under which it could be proven.
    """
    if isinstance(sealed, EvidenceError):
        return
    for item in bundle.lineage:
        fault = _fault(item, sealed[0], findings)
        if fault:
            findings.fault(Rotations.name, item.index, fault)
            return


def _fault(item: Proven, checkpoint: Checkpoint, findings: Findings) -> str:
    """What is wrong with one record of the lineage; empty where it was taken in."""
    proven = verify_inclusion(
        leaf=leaf_hash(item.envelope),
        index=item.index,
        size=checkpoint.size,
        proof=item.proof,
        root=checkpoint.root,
    )
    if not proven:
        return "it is not proven to be in the log of the checkpoint"
    rotations = rotations_of(findings)
    known = len(rotations.done)
    # Read apart: its signers are not the record's, and are not what the reader has to trust.
    apart = Findings(findings.keys, origin=checkpoint.origin, chronicles=(rotations,))
    apart.read(item.envelope, item.index, chained=False)
    if apart.faults:
        return next(message for _, message in apart.faults.values())
    return "" if len(rotations.done) > known else "it is not the record of a rotation"


NAME = "one log"
MEANING = "two logs were kept under one name (a split view), or one of the two was made afterwards"
Entries = tuple[int, int]


class Views(Struct, dict=True):
    """Collects what bundles that verify prove of their logs; `step` tells in the end."""

    bundles: int = 0
    _known: dict[str, dict[Entries, tuple[bytes, str]]] = field(default_factory=dict)
    _places: set[tuple[str, int]] = field(default_factory=set)
    _fault: Step | None = None

    def read(self, data: bytes, name: str) -> None:
        """Take in a bundle that verifies; `name` is what it is called in messages."""
        try:
            bundle = Bundle.parse(data)
            payload = Envelope.parse(bundle.envelope).payload
            link = Statement.read(payload).link
        except EvidenceError:
            return  # it does not verify alone, and its own steps say why
        self.bundles += 1
        self._places.add((link.origin, bundle.index))
        known = self._known.setdefault(link.origin, {})
        for entries, digest in _proven(bundle, link):
            before, teller = known.setdefault(entries, (digest, name))
            if before != digest and self._fault is None:
                self._fault = _contradiction(entries, bundle.index, name, teller)

    def step(self) -> Step:
        """Whether the bundles contradict each other."""
        if self._fault is not None:
            return self._fault
        logs = len(self._known)
        if len(self._places) <= logs:
            return Step(NAME, None, "not checked: there are no two records of one log here")
        of = "one log" if logs == 1 else f"{logs} logs"
        return Step(
            NAME, True, f"{self.bundles} bundles of {of} say the same wherever their proofs meet"
        )


def _contradiction(entries: Entries, index: int, name: str, teller: str) -> Step:
    first, end = entries
    what = f"entry {first}" if end == first + 1 else f"entries {first} to {end - 1}"
    who = f"{name} and {teller} say" if name != teller else f"{name} itself says"
    detail = f"{who} different things of {what} of one log; {MEANING}"
    return Step(NAME, False, detail, first if end == first + 1 else index)


def _proven(bundle: Bundle, link: Link) -> Iterator[tuple[Entries, bytes]]:
    """(first entry, end) and hash: of subtrees that never change, and of the whole tree."""
    if link.previous is not None:
        yield (bundle.index - 1, bundle.index), bytes.fromhex(link.previous)
    low, high, digest = bundle.index, bundle.index + 1, leaf_hash(bundle.envelope)
    yield (low, high), digest
    siblings = _siblings(bundle.index, 0, bundle.size)
    for (first, end), sibling in zip(siblings, bundle.proof, strict=False):
        yield (first, end), sibling
        left = first < low
        digest = node_hash(sibling, digest) if left else node_hash(digest, sibling)
        low, high = min(low, first), max(high, end)
        yield (low, high), digest


def _siblings(index: int, low: int, high: int) -> list[Entries]:
    """Which entries each hash of an inclusion proof is over, the leaf's sibling first."""
    if high - low == 1:
        return []
    # RFC 6962, section 2.1: left is the largest power of two that is smaller than the whole.
    middle = low + (1 << ((high - low - 1).bit_length() - 1))
    if index < middle:
        return [*_siblings(index, low, middle), (middle, high)]
    return [*_siblings(index, middle, high), (low, middle)]
