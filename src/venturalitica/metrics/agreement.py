"""Agreement of target and prediction over all labels.

`agreement` is `(..., 2)`: counts of [wrong, right] rows. `classes` is `(..., 3, K)`: for each label
the rows that are right, that have it as target, that have it as prediction. All return `(...)`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy

from venturalitica.metrics.intervals import Floats, Integers, divide, segment_sums
from venturalitica.metrics.statistic import (
    Counts,
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


def _average(
    of_labels: Callable[[Floats], Floats],
    mean: Callable[..., Floats],
    fewest: Callable[[Floats], Floats] | None = None,
) -> Statistic:
    return Statistic(CLASSES, lambda classes: mean(of_labels(classes), classes), fewest=fewest)


STATISTICS = {
    "accuracy": Statistic(AGREEMENT, accuracy, fewest=all_rows),
    "balanced_accuracy": Statistic(CLASSES, balanced_accuracy, rarest_target, rarest_target),
    "matthews_correlation": Statistic(CLASSES, matthews_correlation),
    "cohen_kappa": Statistic(CLASSES, cohen_kappa),
    "precision_macro": _average(_precisions, _macro),
    "precision_weighted": _average(_precisions, _weighted),
    "recall_macro": _average(_recalls, _macro, rarest_target),
    "recall_weighted": _average(_recalls, _weighted, rarest_target),
    "f1_macro": _average(_f1s, _macro),
    "f1_weighted": _average(_f1s, _weighted),
}
