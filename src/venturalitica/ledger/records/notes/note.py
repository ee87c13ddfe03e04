"""Note: what a person has to say about one record, signed and dated, without deciding on it.

    {"format": 3, "kind": "note", "package": version,
     "of":       {"entry", "evidence_sha256", "run_id"}: the record,
     "control":  id of the control that it is about, or null,
     "noted_at": the writer's clock, UTC,
     "keyid":    id of the key that signs for the person (one of the envelope's),
     "person":   reference to the vault,
     "text":     reference to the vault}

No light changes by one, and no gate asks for one. Name and text are personal data: they lie in the
vault, where they can be erased. That there was a note, of which record and by which key stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.core.encoding import is_hash, is_place, is_reference
from venturalitica.core.json_values import mapping
from venturalitica.core.record import FORMAT, NOTE, statement_json
from venturalitica.core.text import visible
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import signers_of, statement_of
from venturalitica.ledger.records.vault import Vault

MAX_NOTE = 2_000
MAX_NAME = 200
MAX_CONTROL = 200
"""Longest text, name and control of a note, in characters: a remark, not a document."""


class Note(Struct, frozen=True, kw_only=True):
    """One note as it stands in the log, in the entry `index`."""

    index: int
    entry: int
    evidence_sha256: str
    run_id: str
    control: str | None
    noted_at: str
    keyid: str
    person: Mapping[str, str]
    text: Mapping[str, str]

    @classmethod
    def of(cls, predicate: Mapping[str, Any], index: int) -> Note:
        """Read the predicate of a note.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        cls.check(predicate)
        return cls(
            index=index,
            **{name: predicate["of"][name] for name in ("entry", "evidence_sha256", "run_id")},
            **{name: predicate[name] for name in _FIELDS},
        )

    @staticmethod
    def check(predicate: Mapping[str, Any]) -> None:
        """The shape of a note's predicate; raises `EvidenceError`."""
        target, control = mapping(predicate.get("of")), predicate.get("control", 0)
        named = is_place(target.get("entry")) and isinstance(target.get("run_id"), str)
        if not named or not is_hash(target.get("evidence_sha256")):
            raise EvidenceError("predicate.of is missing or malformed")
        if control is not None and not (
            isinstance(control, str) and 0 < len(control) <= MAX_CONTROL
        ):
            raise EvidenceError(
                f"predicate.control is neither null nor a text of 1 to {MAX_CONTROL} characters"
            )
        if not isinstance(predicate.get("noted_at"), str) or not predicate["noted_at"]:
            raise EvidenceError("predicate.noted_at is missing or malformed")
        if not is_hash(predicate.get("keyid")):
            raise EvidenceError("predicate.keyid is no id of a key")
        for name in ("person", "text"):
            if not is_reference(predicate.get(name)):
                raise EvidenceError(f"predicate.{name} is not a reference to the vault")

    def statement(self) -> dict[str, Any]:
        """The statement, ready to be appended.

        Raises:
            EvidenceError: it would be malformed.
        """
        target = {name: getattr(self, name) for name in ("entry", "evidence_sha256", "run_id")}
        predicate = {
            "format": FORMAT,
            "kind": "note",
            "package": __version__,
            "of": target,
            **{name: getattr(self, name) for name in _FIELDS},
        }
        self.check(predicate)
        return statement_json(NOTE, [(f"record/{self.entry}", self.evidence_sha256)], predicate)

    def told(self, vault: Vault) -> dict[str, Any]:
        """As facts; `person` and `text` are null where they were erased, or are not here.

        Raises:
            EvidenceError: the vault holds something else than was recorded.
        """
        return {
            "entry": self.index,
            "person": vault.open(self.person),
            "text": vault.open(self.text),
            "control": self.control,
            "noted_at": self.noted_at,
            "keyid": self.keyid,
        }


def note_in(line: bytes, index: int) -> Note | None:
    """The note that a line is; None for another kind, and where it cannot be read as one."""
    try:
        statement = statement_of(line)
        if statement.predicate_type != NOTE:
            return None
        note = Note.of(statement.predicate, index)
        return note if note.keyid in signers_of(line) else None
    except EvidenceError:
        return None  # it is no word on any record; `verify` says what is wrong


_FIELDS = ("control", "noted_at", "keyid", "person", "text")


def problems_of(person: str, text: str) -> list[str]:
    """What keeps a name and a text from being a note, in sentences; empty where nothing does."""
    found = []
    for name, said, most in (("name", person, MAX_NAME), ("note", text, MAX_NOTE)):
        if not said.strip():
            found.append(f"The {name} is empty: a note says who has to say what.")
        elif len(said) > most:
            found.append(f"The {name} is {len(said):,} characters long; at most {most:,} fit.")
        elif visible(said) != said or (name == "name" and "\n" in said):
            found.append(
                f"The {name} has characters that are not shown as they are (control characters, "
                "or such as turn the direction of text); write it without them."
            )
    return found
