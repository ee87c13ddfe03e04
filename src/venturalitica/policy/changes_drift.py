"""How what a control compares its rows with differs between two policies."""

from __future__ import annotations

from collections.abc import Iterator

from venturalitica.core.drift import FILE_ENDING, LAST_GREEN
from venturalitica.core.policy import Control
from venturalitica.policy.changes import Aspect


def reference_aspects(old: Control, new: Control) -> Iterator[Aspect]:
    """Another reference, or other columns: the same distance from it says something else."""
    if old.against != new.against:
        note = "the rows are compared with something else"
        if new.against == LAST_GREEN:
            note = "the reference moves with each green run: slow drift is not seen any more"
        elif old.against == LAST_GREEN:
            note = "the reference stands still now: slow drift adds up and is seen"
        elif old.against.endswith(FILE_ENDING) and new.against.endswith(FILE_ENDING):
            note = "another baseline, with another grid perhaps"
        yield Aspect("against", old.against, new.against, "changed", note)
    if old.columns != new.columns:
        yield Aspect("columns", old.columns or "", new.columns or "", "changed", "other columns")
