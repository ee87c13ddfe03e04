"""Verify a ledger or a bundle, from its files alone.

Every step is told: passed, failed with the first bad entry and what that means, or not checked and
why. Nothing is made canonical again: the bytes that are there are hashed and checked. Nothing is
executed or loaded from a record, whatever it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from venturalitica.core.encoding import MAX_LINE
from venturalitica.core.text import timestamp
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.checkpoint import Checkpoint, open_checkpoint
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.formats.merkle import leaf_hash, verify_inclusion
from venturalitica.ledger.formats.public_key import (
    CHECKPOINTS,
    Keys,
    PublicKey,
    short,
    wrong_sealer,
)
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.records.vault import opened
from venturalitica.ledger.verify.check_records import Findings
from venturalitica.ledger.verify.history import chronicles
from venturalitica.ledger.verify.read_log import Progress, Reading, Witness
from venturalitica.ledger.verify.trust import (
    NO_WITNESS,
    Trust,
    read_lineage,
    rotations_of,
    trust_step,
)
from venturalitica.system.files import reading


def verify_ledger(
    home: Path | str,
    *,
    trusted_keys: Keys | None = None,
    known_keys: Keys = (),
    tsa_roots: Sequence[bytes] = (),
    witnesses: Sequence[Witness] = (),
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Verification:
    """Verify every record of a log, its tree and its checkpoint.

    Args:
        home: the folder, usually `.venturalitica`.
        trusted_keys: keys got out of band (`read_keys`); a record by any other key fails.
        known_keys: the reader's own keys (`known_keys`); another key is said to be first seen here.
        tsa_roots: root certificates (DER) of time-stamping authorities that the reader trusts.
        witnesses: checkpoints kept outside; the log must have grown out of each.
        progress: called with (entries done, entries in all).
    """
    log = LogFiles(Path(home).absolute())
    trust = Trust.of(trusted_keys, known_keys)
    reading = Reading(log, witnesses, soon=_soon(now), tsa_roots=tsa_roots)
    reading.run(progress)
    if reading.nothing is not None:
        return Verification(str(home), (reading.nothing, *filter(None, [reading.inbox_step()])))
    steps = [
        reading.log_step(),
        reading.keys_step,
        *reading.findings.steps(),
        reading.tree_step(),
        reading.checkpoint_step(),
        reading.findings.clock_step(),
        trust_step(reading.findings, trust, reading.sealer),
        *reading.witness_steps(),
        *filter(None, [reading.inbox_step()]),
    ]
    return Verification(str(home), tuple(steps), reading.findings.about())


def verify_bundle(
    source: bytes | Path | str,
    *,
    trusted_keys: Keys | None = None,
    known_keys: Keys = (),
    tsa_roots: Sequence[bytes] = (),
    tally: bytes | None = None,
) -> Verification:
    """Verify one record from its bundle alone, given as bytes or as the path of a file.

    Args:
        tally: the pair of the vault that holds its counts (`tally.json`), to judge it again from;
            one that the record does not name fails the step `tally`.
    """
    name = "bundle" if isinstance(source, bytes) else str(source)
    try:
        data = source if isinstance(source, bytes) else bundle_bytes(Path(source))
        bundle = Bundle.parse(data)
    except EvidenceError as error:
        return Verification(name, (Step("bundle", False, str(error)),))
    counts, tally_step = _counts(bundle, tally)
    held = chronicles(None, tsa_roots, tally=counts)
    findings = Findings({key.keyid: key for key in bundle.keys}, chronicles=held)
    sealed = _bundle_checkpoint(bundle)
    read_lineage(bundle, sealed, findings)
    findings.read(bundle.envelope, bundle.index, chained=False)
    sealer = None if isinstance(sealed, EvidenceError) else sealed[1]
    steps = [
        Step("bundle", True, f"entry {bundle.index} of a log with {bundle.size}"),
        _bundle_keys_step(bundle, findings, sealer),
        *filter(None, [tally_step]),
        *findings.steps(),
        _inclusion_step(bundle, sealed),
        _bundle_checkpoint_step(bundle, sealed, findings),
        trust_step(findings, Trust.of(trusted_keys, known_keys), sealer),
        Step("witnesses", None, NO_WITNESS),
    ]
    return Verification(name, tuple(steps), findings.about())


def _counts(bundle: Bundle, tally: bytes | None) -> tuple[str | None, Step | None]:
    """The counts in a pair that was given with a bundle, and whether it is the record's own."""
    if tally is None:
        return None, None
    try:
        digest = statement_of(bundle.envelope).tally_kept
        if not digest:
            return None, Step("tally", False, "the record names no tally outside of it")
        counts = opened(tally, digest, "the tally")
    except EvidenceError as error:
        return None, Step("tally", False, str(error))
    return counts, Step("tally", True, f"the one that the record names, SHA-256 {digest[:16]}")


def _bundle_checkpoint(bundle: Bundle) -> tuple[Checkpoint, PublicKey] | EvidenceError:
    publics = {key.raw_ed25519(): key for key in bundle.keys if key.algorithm == CHECKPOINTS}
    try:
        checkpoint, public = open_checkpoint(bundle.checkpoint, publics)
    except EvidenceError as error:
        return error
    return checkpoint, publics[public]


def _bundle_keys_step(bundle: Bundle, findings: Findings, sealer: PublicKey | None) -> Step:
    used = set(findings.signers) | ({sealer.keyid} if sealer else set())
    for rotation in rotations_of(findings).done:
        used |= {rotation.old.record.keyid, rotation.new.record.keyid}
    spare = [key.keyid for key in bundle.keys if key.keyid not in used]
    if spare and ("signatures" in findings.faults or sealer is None):
        # Whoever alters a record makes its key one that signed nothing: that is not the fault.
        return Step("keys", None, "not checked: a signature does not hold, whose is not known")
    if spare:
        return Step("keys", False, f"key {short(spare[0])} signed nothing in this bundle")
    names = ", ".join(f"{key.algorithm} {short(key.keyid)}" for key in bundle.keys)
    return Step("keys", bool(used), f"in the bundle: {names or 'none'}")


def _inclusion_step(bundle: Bundle, sealed: tuple[Checkpoint, PublicKey] | EvidenceError) -> Step:
    if isinstance(sealed, EvidenceError):
        return Step("tree", None, "not checked: there is no checkpoint that can be trusted")
    checkpoint = sealed[0]
    proven = checkpoint.size == bundle.size and verify_inclusion(
        leaf=leaf_hash(bundle.envelope),
        index=bundle.index,
        size=bundle.size,
        proof=bundle.proof,
        root=checkpoint.root,
    )
    if not proven:
        return Step("tree", False, "the record is not proven to be in the log of the checkpoint")
    return Step("tree", True, f"proven to be entry {bundle.index} under the checkpoint")


def _bundle_checkpoint_step(
    bundle: Bundle, sealed: tuple[Checkpoint, PublicKey] | EvidenceError, findings: Findings
) -> Step:
    link = findings.link
    if isinstance(sealed, EvidenceError):
        return Step("checkpoint", False, str(sealed))
    checkpoint, sealer = sealed
    if link is None:
        return Step("checkpoint", False, "the record names no key that could have signed it")
    if link.origin != checkpoint.origin:
        return Step("checkpoint", False, "it is the checkpoint of another log than the record's")
    if link.checkpoint_key == sealer.keyid:
        return Step("checkpoint", True, f"signed by key {short(sealer.keyid)}")
    if bundle.index == bundle.size - 1:
        return Step("checkpoint", False, wrong_sealer(sealer.keyid))
    own = [*findings.signers, link.checkpoint_key]
    through = rotations_of(findings).heirs(own).get(sealer.keyid)
    if through:
        told = f"which took over from the record's through the rotation in entry {through[-1]}"
        return Step("checkpoint", True, f"signed by key {short(sealer.keyid)}, {told}")
    return Step(
        "checkpoint",
        None,
        f"signed by key {short(sealer.keyid)}, which this record does not name: another writer "
        "appended since; verify the whole log, or trust that key",
    )


def _soon(now: datetime | None) -> str:
    # Two minutes: clocks of two machines may differ that much without anybody's doing.
    moment = now or datetime.now(UTC)
    try:
        return timestamp(moment + timedelta(minutes=2))
    except OverflowError:  # a clock at the end of time
        return timestamp(moment)


def bundle_bytes(path: Path) -> bytes:
    """The bytes of a bundle's file, not more of them than are read.

    Raises:
        EvidenceError: there is no such file, or it cannot be read.
    """
    if not path.is_file():
        raise EvidenceError(f"{path}: no such file")
    try:
        with reading(path) as stream:
            return stream.read(2 * MAX_LINE + 1)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror}") from error
