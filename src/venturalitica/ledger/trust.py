"""Whose keys are these? What signatures cannot say by themselves."""

from __future__ import annotations

from dataclasses import dataclass

from venturalitica.ledger.findings import Findings
from venturalitica.ledger.keys import CHECKPOINTS, RECORDS, Keys, PublicKey, as_keys, short
from venturalitica.records import Step

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


def trust_step(findings: Findings, trust: Trust, sealer: PublicKey | None) -> Step:
    if trust.pinned is not None:
        return _pinned_step(findings, trust.pinned, sealer)
    own = {key.keyid for key in trust.own}
    strangers = {keyid: first for keyid, first in findings.signers.items() if keyid not in own}
    if findings.signers and not strangers:
        return Step("trust", True, "every record is signed by your own key")
    seen = ", ".join(f"{short(keyid)} (from entry {first})" for keyid, first in strangers.items())
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
    for keyid, first in sorted(findings.signers.items(), key=lambda item: item[1]):
        if keyid not in records:
            detail = f"entry {first} is signed by key {short(keyid)}, which you do not trust"
            return Step("trust", False, detail, first)
    if not findings.signers:
        return Step("trust", False, "no record is signed by a key that you trust")
    if seals and (sealer is None or sealer.keyid not in seals):
        return Step("trust", False, "the checkpoint is not signed by a key that you trust")
    return Step("trust", True, "every record is signed by a key that you trust")
