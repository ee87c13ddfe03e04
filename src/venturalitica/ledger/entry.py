"""`Entry`: one record of the log, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from venturalitica.core.encoding import sha256_hex
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.formats.merkle import leaf_hash


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log.

    `envelope` is the line without its newline; `evidence_sha256` is its SHA-256 and names the
    record everywhere outside; `leaf_sha256` is its RFC 6962 leaf hash. `checkpoint` is the signed
    note that covered it when it was read or appended. `new_key` is True for an entry just appended
    that is the first of its key, in a log of other keys none of which introduces it.
    """

    index: int
    leaf_sha256: str
    evidence_sha256: str
    envelope: bytes = field(repr=False)
    statement: dict[str, Any] = field(repr=False)
    checkpoint: str = field(repr=False)
    new_key: bool = False

    @property
    def signer(self) -> str:
        """Id of the key that it names first as its signer; empty where it names none."""
        try:
            return signers_of(self.envelope)[0]
        except EvidenceError:
            return ""


def entry_of(index: int, line: bytes, checkpoint: str) -> Entry:
    """The entry that a line of the log is, under a checkpoint that seals it."""
    return Entry(
        index, leaf_hash(line).hex(), sha256_hex(line), line, statement_of(line), checkpoint
    )
