"""Whose keys are these? What signatures cannot say by themselves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from venturalitica.errors import EvidenceError
from venturalitica.ledger.dsse import signers_of
from venturalitica.ledger.findings import Findings
from venturalitica.ledger.keys import CHECKPOINTS, RECORDS, Keys, PublicKey, as_keys, short
from venturalitica.ledger.rotation import ROTATION, Rotations, rotation_in
from venturalitica.records import Step

if TYPE_CHECKING:
    from venturalitica.ledger.index import Index
    from venturalitica.ledger.ledger import Ledger

NO_WITNESS = (
    "not checked: no checkpoint from outside was given. Files alone cannot show that an older copy "
    "of the whole log was put back; a checkpoint kept at a tracker or by the auditor can"
)


WRONG_SEALER = (
    "signed by key {key}, which the last record does not name: somebody else sealed the log"
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Which keys the reader trusts: `pinned` got out of band (nothing else passes), or `own`."""

    pinned: tuple[PublicKey, ...] | None = None
    own: tuple[PublicKey, ...] = ()

    @classmethod
    def of(cls, trusted_keys: Keys | None, known_keys: Keys) -> Trust:
        """From the arguments of `verify_ledger`."""
        pinned = None if trusted_keys is None else as_keys(trusted_keys)
        return cls(pinned, as_keys(known_keys))


def known_signers(ledger: Ledger, index: Index, own: Collection[str]) -> frozenset[str]:
    """Ids of the keys that the reader knows: his own, and those that took over from them.

    A key that lies in `keys/` is not known for that: whoever can write there lays his own beside
    it. Who has no key at all (`own` is empty) takes the one that began the log on its word.

    Raises:
        EvidenceError: the log was altered.
    """
    rotations = Rotations()
    # The index may hide a rotation, and then fewer keys are known; it cannot invent one.
    places = [row.index for row in index.runs(kind=_ROTATION, newest_first=False)]
    for _, line in ledger.chosen(places):
        if (found := rotation_in(line)) is not None:
            rotations.done.append(found)
    known = set(own) or _founders(ledger)
    return frozenset(known | rotations.heirs(known).keys())


_ROTATION = ROTATION.split(":")[2]


def _founders(ledger: Ledger) -> set[str]:
    """Who signed the first record that is still there."""
    for _, line in ledger.lines():
        try:
            return set(signers_of(line))
        except EvidenceError:
            return set()
    return set()


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
