"""One record as it is read while a log is verified, and who listens: a `Chronicle` of each kind."""

from __future__ import annotations

from typing import ClassVar

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.record import Statement
from venturalitica.core.verdict import About
from venturalitica.core.verification import Step
from venturalitica.ledger.formats.merkle import Head


class Record(Concise, frozen=True):
    """One record as a chronicle reads it: its signatures hold, it is in its place, it can be read.

    `signers` are the ids of the keys that signed it; `line` is the envelope as it stands.
    """

    unsaid = frozenset({"statement", "line"})

    index: int
    statement: Statement
    signers: tuple[str, ...]
    line: bytes

    @property
    def evidence_sha256(self) -> str:
        """SHA-256 of its line; taken when it is asked for, which few chronicles do."""
        return sha256_hex(self.line)

    @property
    def kind(self) -> str:
        """Its predicateType; empty where this version does not know it, or its format."""
        return self.statement.predicate_type if self.statement.understood else ""


class Chronicle:
    """What a kind remembers over a log. `name` is its step, `meaning` what a fault of it means."""

    name: ClassVar[str] = ""
    meaning: ClassVar[str] = ""

    def read(self, record: Record) -> None:
        """Take in the next record, of whatever kind; `record.kind` is empty if it is unknown here.

        Raises:
            EvidenceError: it contradicts what was read before.
        """

    def pass_over(self, head: Head) -> None:
        """Take in the head that stands in the place of pruned entries, which may be named later."""

    def step(self) -> Step | None:
        """What to say when all was read and nothing contradicted; None where there is nothing."""

    def left_over(self) -> Step | None:
        """Which records had to be passed over, and why; None where none was."""

    def about(self) -> About | None:
        """What the records say, beside what they are held against; None from who does not tell."""
