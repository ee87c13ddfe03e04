"""The kinds of record besides audits and runs, and what each is held against while a log is read.

A kind is one small module of this room: it builds the statement, checks its shape, and remembers
over a whole log what the log must agree with (a `Chronicle`). It is entered here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from venturalitica.records import Step


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a chronicle reads it: its signatures hold, it is in its place, it can be read.

    `signers` are the ids of the keys that signed it; `evidence_sha256` is the SHA-256 of its line.
    """

    index: int
    statement: Mapping[str, Any] = field(repr=False)
    signers: tuple[str, ...]
    evidence_sha256: str

    @property
    def kind(self) -> str:
        """Its predicateType."""
        return str(self.statement["predicateType"])

    @property
    def predicate(self) -> Mapping[str, Any]:
        """Its predicate."""
        found: Mapping[str, Any] = self.statement["predicate"]
        return found


class Chronicle(Protocol):
    """What a kind remembers over a log. `name` is its step, `meaning` what a fault of it means."""

    name: str
    meaning: str

    def read(self, record: Record) -> None:
        """Take in the next record, of whatever kind.

        Raises:
            EvidenceError: it contradicts what was read before.
        """
        ...

    def step(self) -> Step | None:
        """What to say when all was read and nothing contradicted; None where there is nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record: its predicateType, its format, the check of its shape."""

    predicate_type: str
    format: int
    check: Callable[[Mapping[str, Any]], None]


def kinds() -> dict[str, Kind]:
    """The kinds that this version knows, by predicateType."""
    known: tuple[Kind, ...] = ()
    return {kind.predicate_type: kind for kind in known}


def chronicles(home: Path | None) -> tuple[Chronicle, ...]:
    """Fresh chronicles for one reading; `home` is the ledger's folder, None for a bundle alone."""
    return ()
