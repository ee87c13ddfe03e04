"""Does the index say what the log says? Asked of the rows that are shown to a person.

Whoever can write to the folder can edit `index.db`, and no signature covers it. What is shown is
therefore held against the records themselves; that no row was taken away, the index sees itself
when it is opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from venturalitica.errors import EvidenceError
from venturalitica.ledger.projection import Outline, run_row, verdict_rows

if TYPE_CHECKING:
    from venturalitica.ledger.index import RunRow, VerdictRow
    from venturalitica.ledger.ledger import Ledger


def faithful(
    ledger: Ledger,
    rows: Iterable[RunRow],
    verdicts: Mapping[int, Sequence[VerdictRow]] | None = None,
) -> bool:
    """Whether each row is the one that its record gives, and so its verdicts where they are given.

    `verdicts` are those of each row by its entry; a row that it does not name has none.
    """
    wanted = {row.index: row for row in rows}
    try:
        for index, line in ledger.chosen(sorted(wanted)):
            outline = Outline.of(index, line)
            if not _is_its_record(wanted.pop(index), outline):
                return False
            if verdicts is not None and not _are_its_verdicts(verdicts.get(index, ()), outline):
                return False
    except EvidenceError:
        return False  # one can no longer be read
    return not wanted  # no such entry, or it was pruned


def _is_its_record(row: RunRow, outline: Outline) -> bool:
    given: dict[str, Any] = run_row(outline)
    given["index"] = given.pop("entry")
    given["trackers"] = tuple(json.loads(given["trackers"]))
    return given == asdict(row)


def _are_its_verdicts(rows: Sequence[VerdictRow], outline: Outline) -> bool:
    given = verdict_rows(outline)
    for row in given:
        row["index"] = row.pop("entry")
    return given == [asdict(row) for row in rows]
