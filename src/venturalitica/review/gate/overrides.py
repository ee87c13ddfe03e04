"""Whether an override at a version's run lets it have an alias that the gate refuses.

For these files under this alias, by a key that whoever asks has named for it, and not a minute
longer than it says. Each that does not count is told of with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.gate import Candidate, Decision, Rule
from venturalitica.core.record import OVERRIDE
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.formats.public_key import RECORDS, PublicKey, short
from venturalitica.ledger.records.decision import Overridden
from venturalitica.ledger.records.gate.override import Override, files_sha256
from venturalitica.ledger.verify.verify import verify_bundle
from venturalitica.review.gate.decide import CLOCKS
from venturalitica.review.gate.proofs import NEEDED
from venturalitica.review.gate.refusal import line

FIRM: tuple[Rule, ...] = ("too-much", "busy", "broken-gate", "error")
"""Refusals that no override lifts: files or evidence were not looked at."""


def overridden(
    decision: Decision,
    candidate: Candidate,
    alias: str,
    *,
    keys: Iterable[PublicKey],
    now: datetime,
) -> tuple[Decision, Overridden | None]:
    """A refusal, and the override under which the version may have the alias all the same.

    Where none holds, the refusal says why those that are there do not.

    Args:
        keys: those that may override.
    """
    if decision.allowed or decision.rule in FIRM or not candidate.bundles:
        return decision, None
    named = {key.keyid for key in keys if key.algorithm == RECORDS}
    faults: list[str] = []
    held: list[_Held] = []
    for data in _overrides(candidate):
        try:
            held.append(_holding(data, candidate, alias, named, now))
        except EvidenceError as error:
            faults.append(str(error))
    if held:
        return decision, max(held, key=lambda one: one.override.until).told
    if faults:
        more = f" (nor do {len(faults) - 1} more)" if len(faults) > 1 else ""
        said = f"{decision.sentence}; the override at its run does not count: {faults[0]}{more}"
        decision = replace(decision, sentence=line(said))
    return decision, None


class _Held(Struct, frozen=True):
    override: Override
    digest: str

    @property
    def told(self) -> Overridden:
        return Overridden(
            evidence_sha256=self.digest,
            keyid=self.override.keyid,
            until=timestamp(self.override.until),
            because=line(self.override.because),
        )


def _overrides(candidate: Candidate) -> Iterator[bytes]:
    for _, data in sorted(candidate.bundles.items()):
        try:
            kind = statement_of(Bundle.parse(data).envelope).predicate_type
        except EvidenceError:
            continue  # `decide` has said what is wrong with it
        if kind == OVERRIDE:
            yield data


def _holding(
    data: bytes, candidate: Candidate, alias: str, named: set[str], now: datetime
) -> _Held:
    """It, if it counts; raises `EvidenceError` with the reason why it does not."""
    for step in verify_bundle(data).steps:
        if step.ok is False or (step.ok is None and step.name in NEEDED):
            raise EvidenceError(f"{step.name}: {step.detail}")
    envelope = Bundle.parse(data).envelope
    made = Override.of(statement_of(envelope).predicate)
    if made.keyid not in signers_of(envelope):
        raise EvidenceError(f"key {short(made.keyid)}, which it names, did not sign it")
    if made.keyid not in named:
        raise EvidenceError(f"key {short(made.keyid)} is none of those that may override here")
    if (made.name, made.version) != (candidate.name, candidate.version):
        raise EvidenceError(f"it is for version {made.version} of {made.name!r}")
    if not alias:
        raise EvidenceError(f"it is for the alias {made.alias!r}: name the model by that")
    if made.alias != alias:
        raise EvidenceError(f"it is for the alias {made.alias!r}, and asked for is {alias!r}")
    if candidate.files is None or made.files_sha256 != files_sha256(candidate.files):
        raise EvidenceError("it is for other files than these")
    if made.at > now + CLOCKS:
        raise EvidenceError(f"it is dated {timestamp(made.at)[:16]}, which is still to come")
    if now >= made.until:
        raise EvidenceError(f"it ended at {timestamp(made.until)[:16]} UTC")
    return _Held(made, sha256_hex(envelope))
