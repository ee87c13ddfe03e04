"""Succession: how a user's new key comes into a log that the old one signed.

One user's key serves many ledgers. When it was rotated, each of them learns of it by a rotation
record before the first record that the new key signs there; the retired private key is kept for
nothing else. So training goes on unbroken, and every log says itself who followed whom.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from venturalitica.errors import RetiredKeyError
from venturalitica.ledger.entry import Entry
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.formats.public_key import short
from venturalitica.ledger.log.key_history import (
    active_in,
    last_signed_by,
    refuse_retired,
)
from venturalitica.ledger.records.placement import Link
from venturalitica.ledger.records.rotation import ROTATION, Pair, Rotation
from venturalitica.ledger.signing.signer import FileSigner, Signer

log = logging.getLogger(__name__)


class Append(Protocol):
    """`Ledger.append`, which itself asks here whether the log must be told first."""

    def __call__(self, statement: Mapping[str, Any], *, cosigners: Sequence[Signer]) -> Entry:
        """Sign a statement, with the cosigners, and append it."""


AUTOMATIC = "this user's key was rotated; this log is told before the new key's first record"


def announce(append: Append, entries: Path, signer: Signer) -> bool:
    """Tell a log, by its `append`, that `signer` follows keys of the same user, if it knows not.

    Returns:
        Whether the key is new: others signed this log until now, and none of them introduces it.
        The private key may be lost, or somebody else writes here; either way it is said.

    Raises:
        EvidenceError: the log cannot be written.
    """
    end = size_of(entries)
    if not end or last_signed_by(entries, signer.keyid, end) is not None:
        return False
    if isinstance(signer, FileSigner) and _introduce(append, entries, signer, end):
        return False
    _say_new(entries.parents[1], signer)
    return True


def _introduce(append: Append, entries: Path, signer: FileSigner, end: int) -> bool:
    followed = [old for old in signer.predecessors() if active_in(entries, old.keyid, end)]
    for old in followed:
        # Another process may have told the log in the meantime, which is as good.
        with contextlib.suppress(RetiredKeyError):
            hand_over(append, old, signer, reason=AUTOMATIC)
    return bool(followed)


def _say_new(home: Path, signer: Signer) -> None:
    source = getattr(signer, "source", "")
    log.warning(
        "new key %s%s: other keys signed the log in %s until now, and none of them introduces it. "
        "Is the private key lost, or VENTURALITICA_CONFIG another? Put the old key back to go on "
        "under it; else keep this one, and give its id ('venturalitica keys show') to those who "
        "verify",
        short(signer.keyid),
        f" ({source})" if source else "",
        home,
    )


def hand_over(append: Append, old: FileSigner, new: FileSigner, *, reason: str) -> Entry:
    """Append the rotation record of `old` and `new` to a ledger that is open with `new`.

    Raises:
        RetiredKeyError: the log has retired one of them already.
        EvidenceError: it cannot be written; the log is as it was.
    """
    statement = Rotation(pair_of(old), pair_of(new), reason).statement()
    Rotation.of(statement["predicate"])  # a malformed one would be a fault of the log for ever
    entry = append(statement, cosigners=(old,))
    log.info(
        "key %s handed over to %s in entry %d", short(old.keyid), short(new.keyid), entry.index
    )
    return entry


def pair_of(signer: FileSigner) -> Pair:
    """Both public keys of a signer."""
    return Pair(signer.public, signer.checkpoint_signer().public)


def check_unsealed(line: bytes, entries: Path, end: int) -> None:
    """Raise `EvidenceError` for a line, found unsealed at byte `end`, by a key that is retired.

    A thief with a retired key could put a line behind the checkpoint for the next writer to seal.
    """
    signers = signers_of(line)
    refuse_retired(entries, signers, end)
    statement = statement_of(line)
    if statement.get("predicateType") == ROTATION:
        rotation = Rotation.of(statement["predicate"])
        rotation.check_signed(signers, Link.of(statement))


def size_of(entries: Path) -> int:
    """Bytes of the log; 0 where there is none."""
    return entries.stat().st_size if entries.exists() else 0
