"""The methods of intervals by name, so that a record is judged by the one that it names.

Records that name no method were judged by `circumstances.UNNAMED`, "replicates-1": percentile
intervals of 2,000 multinomial replicates that PCG64 draws, seeded from a table's name and counts.
A method that evidence was ever judged by stays here as it is, whatever takes its place: what it
gives is held by a golden file (`tests/data/intervals`). A new one gets a new name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.verdict import Verdict
from venturalitica.judge.controls import judge

METHODS: Mapping[str, Callable[..., tuple[Verdict, ...]]] = {"replicates-1": judge}
"""What judges under each method; the arguments and the answer are those of `judge`."""

KNOWN_RULES = (1, 2)
"""The rules of judgement that `judge` still follows where the circumstances name them."""


def unknown_method(circumstances: Circumstances) -> str:
    """Why this version cannot judge as these circumstances say; "" where it can."""
    if circumstances.rules not in KNOWN_RULES:
        return f"judged by rules {circumstances.rules!r}, which this version does not know"
    if circumstances.intervals not in METHODS:
        return f"its intervals were made by {circumstances.intervals!r}, which is not known here"
    return ""
