"""Memory: the signed, hash-linked log of evidence, and everything that is read from it.

    ledger       `Ledger`: append, read, bundle
    outbox       what trackers have not confirmed yet
    receipts     the same for who is asked many times

    formats      what is signed, and how, without I/O
    signing      the keys that sign
    records      kinds of record besides audits and runs
    log          append, and survive
    verify       `verify_ledger`, `verify_bundle`
    rejudge      are the verdicts what policy and counts give?
    index        finds records; can be deleted
    memory       what was read of an index, as long as it stays so
    carrying     a log's records from one machine to another
    lifecycle    approve, erase, prune, look after keys

Names are resolved when first used, so importing this room costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venturalitica.ledger.formats.public_key import PublicKey, read_keys
    from venturalitica.ledger.index.index import Index
    from venturalitica.ledger.index.rows import RunRow, VerdictRow
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.outbox import Outbox, Undelivered
    from venturalitica.ledger.records.placement import Entry
    from venturalitica.ledger.signing.signer import Signer, known_keys, load_signer
    from venturalitica.ledger.verify.read_log import Witness
    from venturalitica.ledger.verify.verify import verify_bundle, verify_ledger

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
]

_HOMES = {
    "Entry": "records.placement",
    "Index": "index.index",
    "Ledger": "ledger",
    "Outbox": "outbox",
    "PublicKey": "formats.public_key",
    "RunRow": "index.rows",
    "Signer": "signing.signer",
    "Undelivered": "outbox",
    "VerdictRow": "index.rows",
    "Witness": "verify.read_log",
    "known_keys": "signing.signer",
    "load_signer": "signing.signer",
    "read_keys": "formats.public_key",
    "verify_bundle": "verify.verify",
    "verify_ledger": "verify.verify",
}


def __getattr__(name: str) -> object:
    import importlib

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
