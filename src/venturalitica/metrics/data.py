"""What the data holds. `labels` is `(..., K)`: rows of each label; `rows` is `(...)`."""

from __future__ import annotations

import numpy

from venturalitica.metrics.ends import Ends, mean_of_rates, rate_ends, share_ratio
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


def _balance_ends(labels: Floats, alpha: float) -> Ends:
    """The rarest label is found among all: the upper end is at the error divided by all pairs."""
    size = labels.shape[-1]
    rarest, commonest = labels.min(axis=-1), labels.max(axis=-1)
    low, _ = share_ratio(rarest, commonest, alpha)
    _, high = share_ratio(rarest, commonest, alpha / max(size * (size - 1), 1))
    return low, numpy.minimum(high, 1.0)


def _share_ends(rows: Floats, alpha: float) -> Ends:
    return rate_ends(rows, rows.sum(axis=-1, keepdims=True), alpha)


def _row_ends(rows: Floats, alpha: float) -> Ends:
    """All rows are what they are; how they fall into groups is drawn."""
    whole = rows.sum(axis=-1, keepdims=True)
    if rows.shape[-1] == 1:
        return rows, rows
    low, high = _share_ends(rows, alpha)
    return whole * low, whole * high


def _completeness_ends(holes: Floats, alpha: float) -> Ends:
    """A share of each role's own; they may fall together in any way."""
    rows = holes.sum(axis=-1, keepdims=True)
    missing = numpy.flip(numpy.cumsum(numpy.flip(holes, axis=-1), axis=-1), axis=-1)[..., 1:]
    low, high = mean_of_rates(rows - missing, numpy.broadcast_to(rows, missing.shape), alpha)
    # That nothing is missing is a fact of these very rows.
    return numpy.where(missing.any(axis=-1), low, 1.0), high


STATISTICS = {
    "class_balance": Statistic(Shape("labels", _lay_labels), class_balance, ends=_balance_ends),
    "row_count": Statistic(ROWS, row_count, absent=True, ends=_row_ends, of_all=True),
    "group_representation": Statistic(
        ROWS, group_shares, absent=True, ends=_share_ends, of_all=True
    ),
    "completeness": Statistic(Shape("holes", _lay_holes), completeness, ends=_completeness_ends),
}
