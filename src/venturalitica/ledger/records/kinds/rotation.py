"""Rotation: a record in which a key hands over to the next, signed by both.

    {"format": 1, "kind": "key-rotation",
     "old": {"record": {"keyid", "pem"}, "checkpoint": {"keyid", "pem"}},
     "new": {"record": {"keyid", "pem"}, "checkpoint": {"keyid", "pem"}},
     "reason": text}

From the next entry on nothing may be signed or sealed by the old keys: who stole them cannot go on.
Who trusts the old key trusts the new one through this record, since the old key signed it; and
nobody can appoint a key that is not his, since the new key signed it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.core.link import Link
from venturalitica.core.record import FORMAT, ROTATION, statement_json
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.public_key import (
    CHECKPOINTS,
    RECORDS,
    PublicKey,
    exact_key,
)

MAX_REASON = 1000


class Pair(Struct, frozen=True):
    """The two public keys of one secret: `record` signs records, `checkpoint` seals the log."""

    record: PublicKey
    checkpoint: PublicKey

    def to_json(self) -> dict[str, Any]:
        """As it stands in a rotation record."""
        pairs = (("record", self.record), ("checkpoint", self.checkpoint))
        return {name: {"keyid": key.keyid, "pem": key.pem} for name, key in pairs}

    @property
    def keyids(self) -> tuple[str, str]:
        """Both ids."""
        return self.record.keyid, self.checkpoint.keyid


class Rotation(Struct, frozen=True):
    """Who handed over to whom, in which entry (-1 before it is appended)."""

    old: Pair
    new: Pair
    reason: str = ""
    index: int = -1

    def statement(self) -> dict[str, Any]:
        """The statement that both keys sign."""
        predicate = {
            "format": FORMAT,
            "kind": "key-rotation",
            "package": __version__,
            "old": self.old.to_json(),
            "new": self.new.to_json(),
            "reason": self.reason[:MAX_REASON],
        }
        keys = (("key/old", self.old.record.keyid), ("key/new", self.new.record.keyid))
        return statement_json(ROTATION, keys, predicate)

    @classmethod
    def of(cls, predicate: Mapping[str, Any], index: int = -1) -> Rotation:
        """Read the predicate of a rotation record.

        Raises:
            EvidenceError: a key of it is missing, misnamed or of another kind.
        """
        reason = predicate.get("reason")
        if not isinstance(reason, str):
            raise EvidenceError("predicate.reason is missing or malformed")
        found = cls(_pair(predicate, "old"), _pair(predicate, "new"), reason, index)
        if set(found.old.keyids) & set(found.new.keyids):
            raise EvidenceError("the old and the new key are the same")
        return found

    def check_signed(self, signers: Iterable[str], link: Link) -> None:
        """Raise unless exactly both keys signed it, and the new one seals it."""
        if set(signers) != {self.old.record.keyid, self.new.record.keyid}:
            raise EvidenceError("it is not signed by both the old and the new key, and by no other")
        if link.checkpoint_key != self.new.checkpoint.keyid:
            raise EvidenceError("it is not sealed by the new key")


def check(predicate: Mapping[str, Any]) -> None:
    """The shape of a rotation's predicate; raises `EvidenceError`."""
    Rotation.of(predicate)


def _pair(predicate: Mapping[str, Any], name: str) -> Pair:
    found = predicate.get(name)
    if not isinstance(found, Mapping) or found.keys() != {"record", "checkpoint"}:
        raise EvidenceError(f"predicate.{name} is missing or malformed")
    return Pair(
        _key(found["record"], RECORDS, f"{name}.record"),
        _key(found["checkpoint"], CHECKPOINTS, f"{name}.checkpoint"),
    )


def _key(found: Any, algorithm: str, what: str) -> PublicKey:
    texts = isinstance(found, Mapping) and [found.get("keyid"), found.get("pem")]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise EvidenceError(f"predicate.{what} is missing or malformed")
    keyid, pem = texts
    key = exact_key(str(pem).encode("utf-8", "replace"), keyid=str(keyid), what=f"predicate.{what}")
    if key.algorithm != algorithm:
        raise EvidenceError(f"predicate.{what} is {key.algorithm}; expected {algorithm}")
    return key
