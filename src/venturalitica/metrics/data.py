"""What the data holds. `labels` is `(..., K)`: rows of each label; `rows` is `(...)`."""

from __future__ import annotations

import numpy

from venturalitica.metrics.intervals import Floats, divide


def class_balance(labels: Floats) -> Floats:
    """Rows of the rarest label / rows of the most frequent; NaN where only one label is asked."""
    if labels.shape[-1] < 2:
        return numpy.full(labels.shape[:-1], numpy.nan)
    return divide(labels.min(axis=-1), labels.max(axis=-1))


def row_count(rows: Floats) -> Floats:
    """The rows themselves."""
    return rows


def group_shares(rows: Floats) -> Floats:
    """`(..., G)` rows of each group -> its share of all rows of the last axis."""
    return divide(rows, rows.sum(axis=-1, keepdims=True))


def completeness(holes: Floats, *, roles: int) -> Floats:
    """`holes` is `(..., roles + 1)`: rows that miss 0, 1, ... of the roles' values."""
    missing = (holes * numpy.arange(roles + 1)).sum(axis=-1)
    values = holes.sum(axis=-1) * roles
    return 1.0 - divide(missing, values)


def holes_of(nulls: list[int], rows: int) -> list[int]:
    """Rows that miss 0, 1, ... values, if missing values of several roles fall together.

    Only each role's own nulls are counted, not where they meet. Falling together as far as they
    can gives the widest interval, so it is the safe reading.
    """
    steps = [rows, *sorted(nulls, reverse=True), 0]
    return [steps[index] - steps[index + 1] for index in range(len(nulls) + 1)]
