"""The kinds of record besides audits and runs, and what each is held against while a log is read.

A kind is one small module of this room: it builds the statement, checks its shape, and remembers
over a whole log what the log must agree with (a `Chronicle`). It is entered here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.verdict import About
from venturalitica.core.verification import Step


@dataclass(frozen=True, slots=True)
class Record:
    """One record as a chronicle reads it: its signatures hold, it is in its place, it can be read.

    `signers` are the ids of the keys that signed it; `line` is the envelope as it stands.
    """

    index: int
    statement: Mapping[str, Any] = field(repr=False)
    signers: tuple[str, ...]
    line: bytes = field(repr=False)
    understood: bool = True

    @property
    def evidence_sha256(self) -> str:
        """SHA-256 of its line; taken when it is asked for, which few chronicles do."""
        return sha256_hex(self.line)

    @property
    def kind(self) -> str:
        """Its predicateType; empty where this version does not know it, or its format."""
        return str(self.statement["predicateType"]) if self.understood else ""

    @property
    def predicate(self) -> Mapping[str, Any]:
        """Its predicate."""
        found: Mapping[str, Any] = self.statement["predicate"]
        return found


@runtime_checkable
class LeavesOver(Protocol):
    """A chronicle that may have to pass over some records, and says so beside its own step."""

    def left_over(self) -> Step | None:
        """What was not checked, and why; None where everything was."""
        ...


@runtime_checkable
class Tells(Protocol):
    """A chronicle that tells what the records say, beside what they are held against."""

    def about(self) -> About:
        """All that was read."""
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record: its predicateType, its format, the check of its shape."""

    predicate_type: str
    format: int
    check: Callable[[Mapping[str, Any]], None]
