"""Agreement of target and prediction over all labels.

`agreement` is `(..., 2)`: counts of [wrong, right] rows. `classes` is `(..., 3, K)`: for each label
the rows that are right, that have it as target, that have it as prediction. All return `(...)`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy

from venturalitica.metrics.ends import (
    Ends,
    association_ends,
    f1_ends,
    mean_of,
    mean_of_rates,
    mean_of_two,
    rate_ends,
)
from venturalitica.metrics.intervals import Floats, Integers, divide, segment_sums
from venturalitica.metrics.statistic import (
    Counts,
    Proportion,
    Sample,
    Shape,
    Statistic,
    all_rows,
    dense,
    least_of,
)

RIGHT, TARGET, PREDICTED = 0, 1, 2


def accuracy(agreement: Floats) -> Floats:
    """Right rows / rows."""
    return divide(agreement[..., 1], agreement[..., 0] + agreement[..., 1])


def balanced_accuracy(classes: Floats) -> Floats:
    """The mean recall over the labels that the target has; others are left out as in sklearn."""
    recalls = divide(classes[..., RIGHT, :], classes[..., TARGET, :])
    present = classes[..., TARGET, :] > 0
    total = numpy.where(present, recalls, 0.0).sum(axis=-1)
    return divide(total, present.sum(axis=-1).astype(float))


def matthews_correlation(classes: Floats) -> Floats:
    """The multi-class correlation coefficient R_K of Gorodkin (2004)."""
    target, predicted = classes[..., TARGET, :], classes[..., PREDICTED, :]
    spreads = _chance_of_other(target, target) * _chance_of_other(predicted, predicted)
    return divide(_covariance(classes), numpy.sqrt(spreads))


def cohen_kappa(classes: Floats) -> Floats:
    """(accuracy − chance) / (1 − chance)."""
    beyond = _chance_of_other(classes[..., TARGET, :], classes[..., PREDICTED, :])
    return divide(_covariance(classes), beyond)


def rarest_target(classes: Floats) -> Floats:
    """Rows of the rarest label that the target has."""
    return least_of(*numpy.moveaxis(classes[..., TARGET, :], -1, 0))


def _covariance(classes: Floats) -> Floats:
    """accuracy − chance, as Σ_k (TP·TN − FP·FN) / n².

    Not as the difference of two large sums: at 10^8 rows that would lose half of the digits.
    """
    right, target, predicted = (classes[..., part, :] for part in (RIGHT, TARGET, PREDICTED))
    rows = _rows(target)
    neither = rows - target - predicted + right
    products = right * neither - (predicted - right) * (target - right)
    total: Floats = divide(products, rows * rows).sum(axis=-1)
    return total


def _chance_of_other(first: Floats, second: Floats) -> Floats:
    """The chance that two independent draws differ; exactly 0 where both are sure and the same."""
    rows = _rows(first)
    total: Floats = divide(first * (rows - second), rows * rows).sum(axis=-1)
    return total


def _rows(counts: Floats) -> Floats:
    rows: Floats = counts.sum(axis=-1, keepdims=True)
    return rows


def _precisions(classes: Floats) -> Floats:
    return divide(classes[..., RIGHT, :], classes[..., PREDICTED, :])


def _recalls(classes: Floats) -> Floats:
    return divide(classes[..., RIGHT, :], classes[..., TARGET, :])


def _f1s(classes: Floats) -> Floats:
    both = classes[..., TARGET, :] + classes[..., PREDICTED, :]
    return divide(2 * classes[..., RIGHT, :], both)


def _macro(values: Floats, classes: Floats) -> Floats:
    present = (classes[..., TARGET, :] + classes[..., PREDICTED, :]) > 0
    total = numpy.where(present, values, 0.0).sum(axis=-1)
    return divide(total, present.sum(axis=-1).astype(float))


def _weighted(values: Floats, classes: Floats) -> Floats:
    weights = classes[..., TARGET, :]
    total = numpy.where(weights > 0, values * weights, 0.0).sum(axis=-1)
    return divide(total, weights.sum(axis=-1))


def _right(counts: Counts) -> Integers:
    right: Integers = (counts.indices[:, 0] == counts.indices[:, 1]).astype(numpy.int64)
    return right


def _lay_classes(counts: Counts) -> Sample:
    """Sparse: with K labels there are up to K² cells, and sums by label are all that is needed."""
    labels = int(counts.indices.max()) + 1
    target = counts.group * labels + counts.indices[:, 0]
    prediction = counts.group * labels + counts.indices[:, 1]
    right = numpy.flatnonzero(_right(counts))
    size = counts.size * labels

    def expand(drawn: Floats) -> Floats:
        parts = [
            segment_sums(drawn[..., right], target[right], size),
            segment_sums(drawn, target, size),
            segment_sums(drawn, prediction, size),
        ]
        shaped = [part.reshape(*part.shape[:-1], counts.size, labels) for part in parts]
        return numpy.stack(shaped, axis=-2)

    return Sample(counts.counts, expand)


AGREEMENT = dense("agreement", _right, 2)
CLASSES = Shape("classes", _lay_classes)


_ACCURACY = Proportion(lambda agreement: (agreement[..., 1], agreement[..., 0] + agreement[..., 1]))
_RECALLS = Proportion(
    lambda classes: (classes[..., RIGHT, :], classes[..., TARGET, :]), mean_of_rates
)
"""The mean of the labels' recalls."""
_RIGHT_SHARE = Proportion(
    lambda classes: (classes[..., RIGHT, :].sum(axis=-1), classes[..., TARGET, :].sum(axis=-1))
)
"""Recalls weighted by the rows of their labels are the share of rows that are right."""


def _precision_each(classes: Floats, alpha: float | Floats) -> Ends:
    return rate_ends(classes[..., RIGHT, :], classes[..., PREDICTED, :], alpha)


def _f1_each(classes: Floats, alpha: float | Floats) -> Ends:
    right, target, predicted = (classes[..., part, :] for part in (RIGHT, TARGET, PREDICTED))
    return f1_ends(right, target + predicted - 2 * right, alpha)


def _two(classes: Floats) -> Floats | None:
    """The counts of the two labels that there are, `(..., 3, 2)`; None of more, or of one alone."""
    rows = _either(classes)
    there = numpy.flatnonzero(rows.reshape(-1, rows.shape[-1]).any(axis=0))
    return classes[..., there] if there.size == 2 else None


def _several(classes: Floats) -> str:
    """Why nothing is settled of an average over more labels than two, or of their correlation."""
    if _two(classes) is not None:
        return ""
    return "no interval is shown to hold for a figure over more than two labels"


_Each: TypeAlias = Callable[[Floats, float | Floats], Ends]
_EndsOfTwo: TypeAlias = Callable[[Floats, float], Ends | None]


def _of_two(ends: Callable[[Floats, float], Ends]) -> _EndsOfTwo:
    """From the counts of two labels; None where there are others."""

    def given(classes: Floats, alpha: float) -> Ends | None:
        two = _two(classes)
        return None if two is None else ends(two, alpha)

    return given


def _mean_ends(each: _Each, behind: Callable[[Floats], Floats]) -> _EndsOfTwo:
    """Of the plain mean of two labels' values; `behind` are the rows that give each one."""
    return _of_two(lambda two, alpha: mean_of(lambda a: each(two, a), behind(two) > 0, alpha))


def _weighted_ends(each: _Each) -> _EndsOfTwo:
    """Of the mean of two labels' values weighted by the rows that have them as target."""
    return _of_two(
        lambda two, alpha: mean_of_two(lambda a: each(two, a), two[..., TARGET, :], alpha)
    )


def _correlated(correlation: Callable[[Floats], Floats]) -> Statistic:
    def of_outcomes(outcomes: Floats) -> Floats:
        right = numpy.diagonal(outcomes, axis1=-2, axis2=-1)
        return correlation(numpy.stack([right, outcomes.sum(axis=-1), outcomes.sum(axis=-2)], -2))

    def ends(two: Floats, alpha: float) -> Ends:
        right, wrong = two[..., RIGHT, :], two[..., TARGET, :] - two[..., RIGHT, :]
        rows = ((right[..., 0], wrong[..., 0]), (wrong[..., 1], right[..., 1]))
        outcomes = numpy.stack([numpy.stack(row, -1) for row in rows], -2)
        return association_ends(outcomes, of_outcomes, alpha)

    return Statistic(CLASSES, correlation, ends=_of_two(ends), unsure=_several)


def _average(
    of_labels: Callable[[Floats], Floats],
    mean: Callable[..., Floats],
    fewest: Callable[[Floats], Floats] | None = None,
    ends: Callable[..., Ends | None] | None = None,
) -> Statistic:
    return Statistic(
        CLASSES,
        lambda classes: mean(of_labels(classes), classes),
        fewest=fewest,
        ends=ends,
        unsure=_several,
    )


def _predicted(classes: Floats) -> Floats:
    return classes[..., PREDICTED, :]


def _either(classes: Floats) -> Floats:
    return classes[..., TARGET, :] + classes[..., PREDICTED, :]


STATISTICS = {
    "accuracy": Statistic(AGREEMENT, accuracy, fewest=all_rows, ends=_ACCURACY),
    "balanced_accuracy": Statistic(
        CLASSES, balanced_accuracy, rarest_target, rarest_target, ends=_RECALLS
    ),
    "matthews_correlation": _correlated(matthews_correlation),
    "cohen_kappa": _correlated(cohen_kappa),
    "precision_macro": _average(_precisions, _macro, ends=_mean_ends(_precision_each, _predicted)),
    "precision_weighted": _average(_precisions, _weighted, ends=_weighted_ends(_precision_each)),
    "recall_macro": _average(_recalls, _macro, rarest_target, ends=_RECALLS),
    "recall_weighted": Statistic(
        CLASSES, lambda classes: _weighted(_recalls(classes), classes), ends=_RIGHT_SHARE
    ),
    "f1_macro": _average(_f1s, _macro, ends=_mean_ends(_f1_each, _either)),
    "f1_weighted": _average(_f1s, _weighted, ends=_weighted_ends(_f1_each)),
}
