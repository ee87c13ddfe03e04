"""A bundle's lineage: the rotations that tie its keys to those that a reader may know."""

from __future__ import annotations

from venturalitica.errors import EvidenceError
from venturalitica.ledger.bundle import Bundle, Proven
from venturalitica.ledger.findings import Findings
from venturalitica.ledger.keys import PublicKey
from venturalitica.ledger.merkle import leaf_hash, verify_inclusion
from venturalitica.ledger.note import Checkpoint
from venturalitica.ledger.rotation import Rotations
from venturalitica.ledger.trust import rotations_of


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
