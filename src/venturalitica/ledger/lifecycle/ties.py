"""What a log says of the files of models: its records of kind `model`.

They are read from the log itself, each line held against the sealed tree, and never found by the
index, which whoever can write to the folder can edit.
"""

from __future__ import annotations

from collections.abc import Iterator

from venturalitica.core.encoding import marks_in_base64
from venturalitica.core.record import MODEL
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.ledger.records.placement import Entry

_MARKS = marks_in_base64(MODEL.encode())


def ties(ledger: Ledger) -> Iterator[tuple[int, ModelTie]]:
    """Place and contents of each, oldest first; what cannot be read is left out.

    Raises (while read):
        EvidenceError: the log was altered.
    """
    for index, line in ledger.lines(0):
        found = _tie_in(line) if any(mark in line for mark in _MARKS) else None
        if found is not None:
            yield index, found


def ties_of(ledger: Ledger, entry: Entry) -> list[tuple[int, ModelTie]]:
    """Those that speak of `entry`, and of that very record."""
    named = (entry.index, entry.evidence_sha256)
    return [item for item in ties(ledger) if (item[1].entry, item[1].evidence_sha256) == named]


def _tie_in(line: bytes) -> ModelTie | None:
    try:
        statement = statement_of(line)
        return ModelTie.of(statement.predicate) if statement.predicate_type == MODEL else None
    except EvidenceError:
        return None  # `verify` says what is wrong with it
