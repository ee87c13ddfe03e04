"""Lights and statuses on a terminal: their colour, their word, the exit status they lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from venturalitica.cli.output import FAILED, NOT_EVALUATED, PASSED
from venturalitica.records import STATUSES, Verdict

STYLES: Mapping[str, str] = {
    "green": "green",
    "amber": "yellow",
    "red": "bold red",
    "grey": "dim",
}
WORDS: Mapping[str, str] = {status: status.replace("_", " ") for status in STATUSES}


def exit_status(verdicts: Sequence[Verdict]) -> int:
    """1 where a control failed or erred; else 3 where one was not evaluated or there is none."""
    statuses = {verdict.status for verdict in verdicts}
    if statuses & {"failed", "error"}:
        return FAILED
    return PASSED if statuses == {"passed"} else NOT_EVALUATED
