"""Evidence that holds: bundles that were verified, with what each is about."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.gate import Candidate, SignOff
from venturalitica.core.manifest import Manifest
from venturalitica.core.record import APPROVAL, AUDIT, DECISION, MODEL, OVERRIDE, Statement
from venturalitica.core.verification import Verification
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.records.decision import Decided
from venturalitica.ledger.records.kinds.approval import approval_in
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.ledger.verify.verify import verify_bundle

NEEDED = ("bundle", "keys", "signatures", "chain", "statements", "tree", "checkpoint")
"""Steps of a verification that must have held: one that could not be made proves nothing."""


class Proof(Struct, frozen=True):
    """A bundle that was verified. `digest` is the SHA-256 of its envelope, `tally` the pair that
    was found for it, `index` its entry in its log."""

    name: str
    record: Statement
    digest: str
    signers: tuple[str, ...]
    tally: bytes | None
    index: int

    @property
    def at(self) -> str:
        """When it was judged, by its writer's clock."""
        return self.record.run.ended_at or self.record.appended_at


class Sorted(Struct, frozen=True):
    """What was found: judgements, ties of files to these, sign-offs, decisions; and why the rest
    is none of them."""

    audits: tuple[Proof, ...] = ()
    ties: tuple[tuple[Proof, ModelTie], ...] = ()
    sign_offs: tuple[SignOff, ...] = ()
    decisions: tuple[Decided, ...] = ()
    faults: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
    """Why bundles that are whole are signed by nobody who is named."""


def sort(candidate: Candidate, keys: Mapping[str, Any]) -> Sorted:
    """Verify each bundle of a candidate; `keys` are arguments of `verify_bundle`."""
    audits: list[Proof] = []
    ties: list[tuple[Proof, ModelTie]] = []
    sign_offs = [one for one in candidate.sign_offs if _may_sign(one, keys)]
    faults: list[str] = []
    strangers: list[str] = []
    decisions: list[Decided] = []
    whose = _whose(keys)
    for name, data in sorted(candidate.bundles.items()):
        try:
            proof = _proven(name, data, candidate.tallies, keys, whose)
        except StrangerError as error:
            if not _is_override(data):  # whose key counts there is asked apart
                strangers.append(f"{name}: {error}")
            continue
        except EvidenceError as error:
            faults.append(f"{name}: {error}")
            continue
        if proof.record.predicate_type == AUDIT:
            audits.append(proof)
        elif proof.record.predicate_type == MODEL:
            ties.append((proof, ModelTie.of(proof.record.predicate)))
        elif proof.record.predicate_type == APPROVAL:
            sign_offs += _sign_offs(data)
        elif proof.record.predicate_type == DECISION:
            decisions.append(Decided.of(proof.record.predicate))
    newest = sorted(audits, key=lambda proof: proof.at, reverse=True)
    return Sorted(
        audits=tuple(newest),
        ties=tuple(ties),
        sign_offs=tuple(sign_offs),
        decisions=tuple(decisions),
        faults=tuple(faults),
        strangers=tuple(strangers),
    )


class StrangerError(EvidenceError):
    """It is whole, and signed by a key that the reader does not name."""


_KNOWN: OrderedDict[Hashable, Proof] = OrderedDict()
MOST_KNOWN = 256
MOST_REMEMBERED = 1 << 20
"""Bytes of a bundle and its tally: a server that is asked all day has other uses of its memory."""


def _proven(
    name: str,
    data: bytes,
    tallies: Mapping[str, bytes],
    keys: Mapping[str, Any],
    whose: Hashable,
) -> Proof:
    """The proof of a bundle. What held is remembered by the digests of all that was read for it,
    and by whose keys count: another byte, tally or key, and it is verified anew. No clock enters.
    """
    bundle = Bundle.parse(data)
    record = statement_of(bundle.envelope)
    tally = tallies.get(record.tally_kept) if record.tally_kept else None
    about = (sha256_hex(data), None if tally is None else sha256_hex(tally), whose)
    known = _KNOWN.get(about)
    if known is None:
        _refuse_unproven(verify_bundle(data, tally=tally, **keys))
        signers = signers_of(bundle.envelope)
        digest = sha256_hex(bundle.envelope)
        known = Proof(name, record, digest, signers, tally, bundle.index)
        if len(data) + len(tally or b"") <= MOST_REMEMBERED:
            _KNOWN[about] = known
            while len(_KNOWN) > MOST_KNOWN:
                _KNOWN.popitem(last=False)
    return replace(known, name=name)


def _whose(keys: Mapping[str, Any]) -> Hashable:
    """The arguments of `verify_bundle`, to compare: which keys and roots, by their bytes."""
    return tuple(
        (name, tuple(sorted(given.items())) if isinstance(given, Mapping) else given and (*given,))
        for name, given in sorted(keys.items())
    )


def _refuse_unproven(found: Verification) -> None:
    for step in found.steps:
        if step.ok is not True and step.name == "trust":
            # Anybody can make a key: what is signed by one that nobody named proves nothing.
            raise StrangerError(step.detail.removeprefix("not checked: "))
        if step.ok is False or (step.ok is None and step.name in NEEDED):
            raise EvidenceError(f"{step.name}: {step.detail}")


def _is_override(data: bytes) -> bool:
    return statement_of(Bundle.parse(data).envelope).predicate_type == OVERRIDE


def _sign_offs(data: bytes) -> Iterator[SignOff]:
    bundle = Bundle.parse(data)
    made = approval_in(bundle.envelope, bundle.index)
    if made is not None:
        yield SignOff(made.evidence_sha256, made.keyid, made.role, made.decision, made.decided_at)


def _may_sign(one: SignOff, keys: Mapping[str, Any]) -> bool:
    pinned = keys.get("trusted_keys")
    if pinned is None:
        return True
    named = pinned if isinstance(pinned, Mapping) else {key.keyid for key in pinned}
    return one.keyid in named


def manifest_of(proof: Proof) -> Manifest | None:
    """The files that an audit itself was about; None where it was about no files."""
    said = proof.record.model.get("files")
    return None if said is None else Manifest.of(said)
