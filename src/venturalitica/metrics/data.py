"""What the data holds. `labels` is `(..., K)`: rows of each label; `rows` is `(...)`."""

from __future__ import annotations

import numpy

from venturalitica.metrics.intervals import Floats, divide
from venturalitica.metrics.statistic import ROWS, Counts, Sample, Shape, Statistic, laid


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


def completeness(holes: Floats) -> Floats:
    """`holes` is `(..., roles + 1)`: rows that miss 0, 1, ... of the roles' values."""
    roles = holes.shape[-1] - 1
    missing = (holes * numpy.arange(roles + 1)).sum(axis=-1)
    values = holes.sum(axis=-1) * roles
    return 1.0 - divide(missing, values)


def _lay_holes(counts: Counts) -> Sample:
    """Rows that miss 0, 1, ... values, if missing values of several roles fall together.

    Only each role's own nulls are counted, not where they meet. Falling together as far as they
    can gives the widest interval, so it is the safe reading.
    """
    steps = [counts.n, *sorted(counts.missing.values(), reverse=True), 0]
    holes = [steps[index] - steps[index + 1] for index in range(len(steps) - 1)]
    return Sample(numpy.array(holes, dtype=numpy.int64), lambda drawn: drawn[..., None, :])


def _lay_labels(counts: Counts) -> Sample:
    """Only labels that occur: a label that the predictions alone know is no class of the data."""
    present, slots = numpy.unique(counts.indices[:, 0], return_inverse=True)
    return laid(counts, slots.astype(numpy.int64), (present.size,))


STATISTICS = {
    "class_balance": Statistic(Shape("labels", _lay_labels), class_balance),
    "row_count": Statistic(ROWS, row_count, absent=True),
    "group_representation": Statistic(ROWS, group_shares, absent=True),
    "completeness": Statistic(Shape("holes", _lay_holes), completeness),
}
