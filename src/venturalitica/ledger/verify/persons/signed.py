"""What persons signed about records: each speaks of an earlier one, and of that very one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.record import APPROVAL, NOTE
from venturalitica.core.verdict import LIGHTS
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.formats.merkle import Head
from venturalitica.ledger.log.tail import lines_of
from venturalitica.ledger.records.chronicle import Chronicle, Record
from venturalitica.ledger.records.kinds.approval import Approval
from venturalitica.ledger.records.notes.note import Note

Signed = Approval | Note


class Persons(Chronicle):
    """The chronicle of one kind of them: `one` is what it is called, `does` what it does to the
    record that it names, and `done` what then happened to that."""

    kind: ClassVar[str]
    one: ClassVar[str]
    does: ClassVar[str]
    done: ClassVar[str]

    def __init__(self, home: Path | None) -> None:
        self._home = home
        self._found: list[Signed] = []
        self._pruned: list[Head] = []

    def of(self, predicate: Mapping[str, Any], index: int) -> Signed:
        """Read one; raises `EvidenceError`."""
        raise NotImplementedError

    def read(self, record: Record) -> None:
        """Take in one of the kind."""
        if record.kind != self.kind:
            return
        signed = self.of(record.statement.predicate, record.index)
        # Signed before it was there, it would speak of a record that nobody has seen.
        if signed.entry >= record.index:
            raise EvidenceError(f"it {self.does} entry {signed.entry}, which is not before it")
        # Else it could be put into the mouth of anyone whose key id is known.
        if signed.keyid not in record.signers:
            raise EvidenceError("the key that it names for the person did not sign it")
        self._found.append(signed)

    def pass_over(self, head: Head) -> None:
        """A record that one speaks of may have been pruned since."""
        self._pruned.append(head)

    def step(self) -> Step | None:
        """Hold each against the record that it names; None where there is nothing to say."""
        if not self._found:
            return None
        if self._home is None:
            detail = f"not checked: the record that was {self.done} is not in the bundle"
            return Step(self.name, None, detail)
        gone = [one for one in self._found if self._is_pruned(one)]
        held = [one for one in self._found if one not in gone]
        try:
            lines = lines_of(self._home, {one.entry for one in held})
            faults = ((one, self._fault(one, lines.get(one.entry))) for one in held)
            one, fault = next((item for item in faults if item[1]), (None, ""))
        except EvidenceError as error:
            return Step(self.name, False, str(error))
        if one is not None:
            detail = f"entry {one.index}: {fault}; {self.meaning}"
            return Step(self.name, False, detail, one.index)
        return self._told(len(held), len(gone))

    def _told(self, held: int, gone: int) -> Step:
        texts = [f"{self._many(held)} of the very records they name"] if held else []
        if gone:
            texts.append(f"{self._many(gone)} of records that were pruned since: not checked")
        return Step(self.name, True if not gone else None, "; ".join(texts))

    def _is_pruned(self, signed: Signed) -> bool:
        return any(head.start <= signed.entry < head.end for head in self._pruned)

    def _fault(self, signed: Signed, line: bytes | None) -> str:
        """What is wrong with one of the record in `line`; empty where nothing is."""
        # By its digest: an index alone would be true of whatever is put in that place later.
        if line is None or sha256_hex(line) != signed.evidence_sha256:
            return f"it {self.does} another record than entry {signed.entry}"
        statement = statement_of(line)
        if not statement.judged:
            return f"it {self.does} entry {signed.entry}, which is no audit and no run"
        if not statement.understood:
            return ""
        if statement.run.id != signed.run_id:
            return f"it names another run than entry {signed.entry} does"
        # It may have been worse than recorded: a tracker had not confirmed it yet.
        light = statement.light
        if isinstance(signed, Approval) and LIGHTS.index(signed.light) > LIGHTS.index(light):
            return f"it says that entry {signed.entry} was {signed.light}, which is {light}"
        return ""

    def _many(self, count: int) -> str:
        return f"1 {self.one}" if count == 1 else f"{count} {self.one}s"


class Approvals(Persons):
    """The chronicle `approvals`."""

    name = "approvals"
    meaning = "a sign-off does not speak of the record that is in the log"
    kind, one, does, done = APPROVAL, "sign-off", "signs off", "signed off"

    def of(self, predicate: Mapping[str, Any], index: int) -> Approval:
        """Read a sign-off."""
        return Approval.of(predicate, index)


class Notes(Persons):
    """The chronicle `notes`."""

    name = "notes"
    meaning = "a note does not speak of the record that is in the log"
    kind, one, does, done = NOTE, "note", "is a note on", "noted on"

    def of(self, predicate: Mapping[str, Any], index: int) -> Note:
        """Read a note."""
        return Note.of(predicate, index)
