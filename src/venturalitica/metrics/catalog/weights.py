"""What is counted where rows have weights: their sums, beside the rows, by labels and groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from venturalitica.core.policy import WEIGHT, Control
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.catalog.regression import Terms, squares
from venturalitica.metrics.catalog.spec import Need, Number

SUM, SQUARES, ROWS = "w", "w2", "rows"
"""Names of what is summed of each row: its weight, the square of that, and 1 where it is above 0"""


def _sums(weights: Any) -> Mapping[str, Terms]:
    return {SUM: (weights,), SQUARES: squares(weights), ROWS: ((weights > 0) * 1.0,)}


WEIGHTS = Number(WEIGHT, (WEIGHT,), expected="weights, numbers of 0 or more", sums=_sums)


def reads_weights(control: Control) -> bool:
    """Whether it has another value where rows have weights, or none; not so of rows themselves."""
    spec = CATALOG.get(control.metric)
    if spec is None or spec.number:
        return True
    return spec.phase == "model" or spec.needs_favorable


def weight_needs(asked: Sequence[Need]) -> tuple[Need, ...]:
    """What controls that ask for these need besides, where rows have weights.

    Nothing where all are about the rows themselves.
    """
    if not any(need.labels or need.number for need in asked):
        return ()
    labels = [need for need in asked if need.labels and need.number is None]
    return (Need(number=WEIGHTS), *(Need(n.labels, n.groups, WEIGHTS) for n in labels))
