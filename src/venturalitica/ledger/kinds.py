"""The kinds of record besides audits and runs, and what each is held against while a log is read.

A kind is one small module of this room: it builds the statement, checks its shape, and remembers
over a whole log what the log must agree with (a `Chronicle`). It is entered here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from venturalitica.canonical import sha256_hex
from venturalitica.ledger.heads import Head
from venturalitica.records import About, Step


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


class Chronicle(Protocol):
    """What a kind remembers over a log. `name` is its step, `meaning` what a fault of it means."""

    name: str
    meaning: str

    def read(self, record: Record) -> None:
        """Take in the next record, of whatever kind; `record.kind` is empty if it is unknown here.

        Raises:
            EvidenceError: it contradicts what was read before.
        """
        ...

    def step(self) -> Step | None:
        """What to say when all was read and nothing contradicted; None where there is nothing."""
        ...


@runtime_checkable
class ReadsHeads(Protocol):
    """A chronicle that is told of pruned entries too: a later record may refer to one of them."""

    def pass_over(self, head: Head) -> None:
        """Take in the head that stands in the place of pruned entries."""
        ...


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


@cache
def kinds() -> dict[str, Kind]:
    """The kinds that this version knows, by predicateType."""
    from venturalitica.ledger import approval, erasure, pruning, rotation

    known: tuple[Kind, ...] = (rotation.KIND, approval.KIND, erasure.KIND, pruning.KIND)
    return {kind.predicate_type: kind for kind in known}


def chronicles(home: Path | None) -> tuple[Chronicle, ...]:
    """Fresh chronicles for one reading; `home` is the ledger's folder, None for a bundle alone."""
    from venturalitica.ledger.about import Telling
    from venturalitica.ledger.approval import Approvals
    from venturalitica.ledger.erasure import Vaulted
    from venturalitica.ledger.pruning import Retention
    from venturalitica.ledger.rejudge import Verdicts
    from venturalitica.ledger.rotation import Rotations
    from venturalitica.ledger.run_audits import RunAudits

    alone = home is None
    held = (Verdicts(), RunAudits(alone=alone), Rotations(), Approvals(home))
    return (*held, Vaulted(home), Retention(alone=alone), Telling(alone=alone))
