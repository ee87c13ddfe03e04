"""What a control on drift must say: against which reference, and of which roles or columns."""

from __future__ import annotations

import re

from venturalitica.core.drift import FILE_ENDING, LAST_GREEN
from venturalitica.metrics.catalog.spec import MetricSpec

RUN_LIKE = re.compile(r"(?=.*[0-9])[0-9A-Za-z_-]{4,64}|[0-9]{1,7}")
"""An entry, or the beginning of a run's id: of the letters that it is made of, one is a digit."""
EXPECTED_AGAINST = (
    f"'{LAST_GREEN}', a run's id or entry in quotes, or the file of a baseline such as "
    f"baseline{FILE_ENDING}"
)


def against_fault(text: str) -> str | None:
    """Why `text` names no reference, or None."""
    if text == LAST_GREEN or RUN_LIKE.fullmatch(text):
        return None
    if text.endswith(FILE_ENDING) and len(text) <= 500 and text.isprintable():
        return None
    folded = re.sub(r"[\s_]+", "-", text.strip().casefold())
    if folded in (LAST_GREEN, "lastgreen", "latest-green", "green", "latest", "last"):
        return f"names no reference; did you mean '{LAST_GREEN}'?"
    return "names no reference"


def drift_misuse(
    spec: MetricSpec, *, against: bool, columns: bool, of: bool, file: bool
) -> list[tuple[str, str]]:
    """What is wrong between the keys of a control: the key, and a sentence.

    Args:
        against, columns, of: whether the control has the key.
        file: whether its reference is a file.
    """
    name = spec.name
    if not spec.drift:
        keys = [key for key, given in (("against", against), ("columns", columns)) if given]
        return [
            (key, f"'{key}' belongs to the metrics of drift, and {name} is none; remove it")
            for key in keys
        ]
    wrong = []
    if not against:
        wrong.append(
            ("metric", f"{name} compares with a reference; add against: {EXPECTED_AGAINST}")
        )
    if not columns and not of:
        wrong.append(
            ("metric", f"{name} compares columns; add of: <role>, or columns: all with a baseline")
        )
    if columns and of:
        wrong.append(("columns", "'columns: all' and 'of' are two questions; write two controls"))
    elif columns and against and not file:
        wrong.append(
            (
                "columns",
                "'columns: all' compares those of a baseline's file, which fixes their grids; "
                f"name one, such as against: baseline{FILE_ENDING}, or say of: <role>",
            )
        )
    return wrong
