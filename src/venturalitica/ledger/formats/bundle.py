"""A bundle: one record that can be verified alone and offline.

    {"format":     "venturalitica/bundle/v1",
     "envelope":   the log line, exactly (its SHA-256 is the evidence digest),
     "index":      its place, "size": entries under the checkpoint,
     "proof":      RFC 6962 inclusion proof, hexadecimal, the leaf's sibling first,
     "checkpoint": the signed note,
     "keys":       {id: PEM} of the keys that signed envelope and checkpoint}

Where keys were rotated it is `venturalitica/bundle/v2`, which has one field more: the rotation
records that tie its keys to earlier ones, for readers who know only those.

     "lineage":    [{"envelope", "index", "proof"}], by index, proven under the same checkpoint

Canonical JSON (RFC 8785), and read in no other spelling: a bundle has no byte that may change.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import (
    MAX_LINE,
    canonical_json,
    decode_hash,
    is_place,
    parse_object,
)
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.public_key import PublicKey, exact_key, short

FORMAT = "venturalitica/bundle/v1"
FORMAT_2 = "venturalitica/bundle/v2"
MAX_LINEAGE = 1000
_FIELDS = {"format", "envelope", "index", "size", "proof", "checkpoint", "keys"}


class Proven(Struct, frozen=True):
    """Another record of the same log: its line, its place, its inclusion proof."""

    envelope: bytes
    index: int
    proof: tuple[bytes, ...]

    def to_json(self) -> dict[str, Any]:
        """As it stands in a bundle."""
        return {
            "envelope": self.envelope.decode("utf-8"),
            "index": self.index,
            "proof": [digest.hex() for digest in self.proof],
        }


class Bundle(Struct, frozen=True):
    """The parts of a bundle; nothing in it is verified yet."""

    envelope: bytes
    index: int
    size: int
    proof: tuple[bytes, ...]
    checkpoint: bytes
    keys: tuple[PublicKey, ...]
    lineage: tuple[Proven, ...] = ()

    def to_json(self) -> bytes:
        """The bytes of `evidence.json`."""
        lineage = {"lineage": [item.to_json() for item in self.lineage]} if self.lineage else {}
        return canonical_json(
            lineage
            | {
                "format": FORMAT_2 if lineage else FORMAT,
                "envelope": self.envelope.decode("utf-8"),
                "index": self.index,
                "size": self.size,
                "proof": [digest.hex() for digest in self.proof],
                "checkpoint": self.checkpoint.decode("utf-8"),
                "keys": {key.keyid: key.pem for key in self.keys},
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Bundle:
        """Read a bundle.

        Raises:
            EvidenceError: it is not one, or not in its canonical spelling.
        """
        value = parse_object(data, what="the bundle", limit=2 * MAX_LINE)
        if value.get("format") not in (FORMAT, FORMAT_2):
            raise EvidenceError(
                f"the file is not a bundle: its format is {str(value.get('format'))[:80]!r}, "
                f"expected {FORMAT!r} or {FORMAT_2!r}"
            )
        fields = _FIELDS | ({"lineage"} if value["format"] == FORMAT_2 else set())
        if value.keys() != fields:
            raise EvidenceError(f"the bundle's fields are not {', '.join(sorted(fields))}")
        bundle = cls(
            _text(value, "envelope"),
            _number(value, "index"),
            _number(value, "size"),
            _proof(value["proof"]),
            _text(value, "checkpoint"),
            _keys(value["keys"]),
            _lineage(value["lineage"]) if "lineage" in value else (),
        )
        if bundle.to_json() != data:
            raise EvidenceError(
                "the bundle is not spelt as it was written (spaces, a newline at the end, or "
                "another order of keys); fetch the original file again"
            )
        return bundle


def _text(value: dict[str, Any], name: str) -> bytes:
    if not isinstance(value[name], str):
        raise EvidenceError(f"the bundle's {name} is not text")
    try:
        return str(value[name]).encode("utf-8")
    except UnicodeEncodeError:
        raise EvidenceError(f"the bundle's {name} is not Unicode text") from None


def _number(value: dict[str, Any], name: str) -> int:
    number = value[name]
    if not is_place(number):
        raise EvidenceError(f"the bundle's {name} is not a whole number from 0")
    return int(number)


def _proof(value: Any) -> tuple[bytes, ...]:
    if not isinstance(value, list) or len(value) > 64:
        raise EvidenceError("the bundle's proof is not a list of at most 64 hashes")
    return tuple(decode_hash(item, what="a hash of the bundle's proof") for item in value)


def _lineage(value: Any) -> tuple[Proven, ...]:
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_LINEAGE:
        raise EvidenceError(f"the bundle's lineage is not a list of 1 to {MAX_LINEAGE} records")
    found = tuple(map(_proven, value))
    places = [item.index for item in found]
    if places != sorted(set(places)):
        raise EvidenceError("the bundle's lineage is not in the order of the log")
    return found


def _proven(value: Any) -> Proven:
    if not isinstance(value, dict) or value.keys() != {"envelope", "index", "proof"}:
        raise EvidenceError("a record of the bundle's lineage has other fields than it should")
    return Proven(_text(value, "envelope"), _number(value, "index"), _proof(value["proof"]))


def _keys(value: Any) -> tuple[PublicKey, ...]:
    if not isinstance(value, dict) or not all(isinstance(pem, str) for pem in value.values()):
        raise EvidenceError("the bundle's keys are not an object of PEM texts")
    return tuple(
        exact_key(
            pem.encode("utf-8", "replace"), keyid=keyid, what=f"key {short(keyid)} of the bundle"
        )
        for keyid, pem in value.items()
    )
