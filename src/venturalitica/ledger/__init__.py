"""Memory: the signed, hash-linked log of evidence, and everything that is read from it.

The log
    ledger       `Ledger`: append, read, bundle
    log          the append discipline: lock, one write, fsync, checkpoint
    tail         where the log ends, and what it needs from whoever holds the keys
    lock         one writer at a time
    lockless     the same without locks, by the `inbox`; `waiting` says what waits there
    link         what ties a statement to its place
    cache        tree hashes and line offsets, rebuilt whenever they do not fit
    search       which lines did a key sign?
    files        files that are there after a power cut, or not at all
    encoding     strict reading of what may be hostile

Standards
    dsse         envelopes: what is signed, and how
    merkle       the RFC 6962 tree: roots, inclusion and consistency proofs
    note         C2SP signed notes and checkpoints
    proof        C2SP proofs as text
    bundle       one record that can be verified alone

Keys
    signing      the keys that sign: made, loaded, guarded
    external     signers from outside: a KMS, say
    keys         public keys, carried beside the log
    keyring      the user's key files: in use, next, retired
    rotation     a key hands over to the next, in a record that both sign
    succession   a user's new key comes into each log that the old one signed
    lineage      the rotations that a bundle carries
    custody      which keys there are, and what they signed: for people

Kinds of record besides audits and runs
    kinds        where each is entered, and what a log is held against for it
    approval     a person signs a record off; `signed_off` reads that from the log itself
    vault        values that may be personal, beside the log; can be erased
    erasure      the record of an erasure; `eraser` does it
    retention    how long a record is kept
    pruning      the record of a pruning; `planning` finds what, `pruner` does it
    heads        what stays in the log of entries that were pruned; `rewriting` puts them there

Verifying
    verify       `verify_ledger`, `verify_bundle`
    reading      one pass over a log
    findings     what it found: a step for each thing
    contents     does a statement agree with itself?
    policy_names does it call its policy what the policy's bytes do?
    rejudge      are its verdicts what policy and counts give? `compared` with them, the counts
                 read by `tally_form`
    run_audits   are a run's audits in the log as it says?
    about        what the records say: dates, policies, lights, signers
    trust        whose keys are these?
    views        do several bundles tell of one and the same log?

Questions
    index        a projection that can be deleted: `tables` it is in, `projection` into them
    faithful     does the index say what the log says?
    listing      what a page of runs asks of it
    pipelines    what was judged under one policy in runs of one name
    margins      how far a value is from its threshold
    outbox       what trackers have not confirmed yet

Names are resolved when first used, so importing this room costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venturalitica.ledger.index import Index, RunRow, VerdictRow
    from venturalitica.ledger.keys import PublicKey, read_keys
    from venturalitica.ledger.ledger import Entry, Ledger
    from venturalitica.ledger.outbox import Outbox, Undelivered
    from venturalitica.ledger.reading import Witness
    from venturalitica.ledger.signing import Signer, known_keys, load_signer
    from venturalitica.ledger.verify import verify_bundle, verify_ledger, verify_path

__all__ = [
    "Entry",
    "Index",
    "Ledger",
    "Outbox",
    "PublicKey",
    "RunRow",
    "Signer",
    "Undelivered",
    "VerdictRow",
    "Witness",
    "known_keys",
    "load_signer",
    "read_keys",
    "verify_bundle",
    "verify_ledger",
    "verify_path",
]

_HOMES = {
    "Entry": "ledger",
    "Index": "index",
    "Ledger": "ledger",
    "Outbox": "outbox",
    "PublicKey": "keys",
    "RunRow": "index",
    "Signer": "signing",
    "Undelivered": "outbox",
    "VerdictRow": "index",
    "Witness": "reading",
    "known_keys": "signing",
    "load_signer": "signing",
    "read_keys": "keys",
    "verify_bundle": "verify",
    "verify_ledger": "verify",
    "verify_path": "verify",
}


def __getattr__(name: str) -> object:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
