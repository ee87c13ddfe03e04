"""Memory: the signed, hash-linked log of evidence, and everything that is read from it.

    dsse       envelopes: what is signed, and how
    signing    the keys that sign: made, loaded, guarded
    keys       public keys, carried beside the log
    merkle     the RFC 6962 tree: roots, inclusion and consistency proofs
    note       C2SP signed notes and checkpoints
    proof      C2SP proofs as text
    log        the append discipline: lock, one write, fsync, checkpoint
    cache      tree hashes and line offsets, rebuilt whenever they do not fit
    ledger     `Ledger`: append, read, bundle
    index      a projection for questions; can be deleted
    outbox     what trackers have not confirmed yet
    contents   does a statement agree with itself?
    verify     `verify_ledger`, `verify_bundle`

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
