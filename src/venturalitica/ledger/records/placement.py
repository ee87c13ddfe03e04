"""What ties a statement to its place: `predicate.log`, set in by the ledger and signed with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import rfc8785

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import (
    MAX_ITEMS,
    MAX_LINE,
    canonical_json,
    check_depth,
    check_items,
    sha256_hex,
)
from venturalitica.core.json_values import Json
from venturalitica.core.link import Link
from venturalitica.core.record import LOG, PREDICATE, Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.formats.merkle import leaf_hash


class Draft:
    """A statement that waits for its place.

    All of it is made canonical here, outside the lock; `payload` only sets the link in.
    """

    def __init__(self, statement: Mapping[str, Any]) -> None:
        self.predicate_type = _checked(statement).predicate_type
        self._outer = _parts({k: v for k, v in statement.items() if k != PREDICATE})
        self._inner = _parts(statement[PREDICATE])
        size = sum(map(len, self._outer.values())) + sum(map(len, self._inner.values()))
        if size * 4 // 3 > MAX_LINE - 64 * 1024:
            raise EvidenceError(
                f"the statement is {size} bytes long; a record holds at most {MAX_LINE * 3 // 4}"
            )
        if size > MAX_ITEMS:
            parts = b",".join((*self._outer.values(), *self._inner.values()))
            check_items(parts, what="the statement", spare=1000)

    def payload(self, link: Link, late: Mapping[str, Any] | None = None) -> bytes:
        """The canonical JSON of the statement with its link, and what is known only with it."""
        parts = _parts({**(late or {}), LOG: link.to_json()})
        predicate = _object(self._inner | parts)
        return _object(self._outer | {PREDICATE: predicate})


def _checked(statement: Mapping[str, Any]) -> Statement:
    read = Statement.of(statement)
    if read.frame_fault:
        raise EvidenceError(f"the statement cannot be recorded: {read.frame_fault}")
    if LOG in read.predicate:
        raise EvidenceError(f"predicate.{LOG} is written by the ledger; leave it out")
    check_depth(statement, what="the statement")
    return read


def _parts(value: Mapping[str, Any]) -> dict[str, bytes]:
    if not all(isinstance(key, str) for key in value):
        raise EvidenceError("the statement cannot be written as JSON: a key is not text")
    try:
        return {key: canonical_json(item) for key, item in value.items()}
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise EvidenceError(f"the statement cannot be written as JSON: {error}") from error


def _object(parts: Mapping[str, bytes]) -> bytes:
    # RFC 8785 sorts keys by UTF-16 code units.
    ordered = sorted(parts.items(), key=lambda item: item[0].encode("utf-16-be"))
    return b"{%b}" % b",".join(canonical_json(key) + b":" + part for key, part in ordered)


class Entry(Concise, frozen=True):
    """One record of the log.

    `envelope` is the line without its newline; `evidence_sha256` is its SHA-256 and names the
    record everywhere outside; `leaf_sha256` is its RFC 6962 leaf hash. `checkpoint` is the signed
    note that covered it when it was read or appended. `new_key` is True for an entry just appended
    that is the first of its key, in a log of other keys none of which introduces it.
    """

    unsaid = frozenset({"envelope", "statement", "checkpoint"})

    index: int
    leaf_sha256: str
    evidence_sha256: str
    envelope: bytes
    statement: Json
    checkpoint: str
    new_key: bool = False

    @property
    def record(self) -> Statement:
        """Its statement, typed."""
        return Statement.of(self.statement)

    @property
    def signer(self) -> str:
        """Id of the key that it names first as its signer; empty where it names none."""
        try:
            return signers_of(self.envelope)[0]
        except EvidenceError:
            return ""


def entry_of(index: int, line: bytes, checkpoint: str, *, new_key: bool = False) -> Entry:
    """The entry that a line of the log is, under a checkpoint that seals it."""
    digests = leaf_hash(line).hex(), sha256_hex(line)
    return Entry(index, *digests, line, statement_of(line).json, checkpoint, new_key)
