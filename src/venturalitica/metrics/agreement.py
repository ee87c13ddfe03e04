"""Agreement of target and prediction over all labels.

`agreement` is `(..., 2)`: counts of [wrong, right] rows. `classes` is `(..., 3, K)`: for each label
the rows that are right, that have it as target, that have it as prediction. All return `(...)`.
"""

from __future__ import annotations

import numpy

from venturalitica.metrics.intervals import Floats, divide

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
    counts = classes[..., TARGET, :]
    rarest: Floats = numpy.where(counts > 0, counts, numpy.inf).min(axis=-1)
    return rarest


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


def precision_macro(classes: Floats) -> Floats:
    """The plain mean of the labels' precisions."""
    return _macro(_precisions(classes), classes)


def precision_weighted(classes: Floats) -> Floats:
    """The labels' precisions weighted by their rows in the target."""
    return _weighted(_precisions(classes), classes)


def recall_macro(classes: Floats) -> Floats:
    """The plain mean of the labels' recalls."""
    return _macro(_recalls(classes), classes)


def recall_weighted(classes: Floats) -> Floats:
    """The labels' recalls weighted by their rows in the target."""
    return _weighted(_recalls(classes), classes)


def f1_macro(classes: Floats) -> Floats:
    """The plain mean of the labels' F1 scores."""
    return _macro(_f1s(classes), classes)


def f1_weighted(classes: Floats) -> Floats:
    """The labels' F1 scores weighted by their rows in the target."""
    return _weighted(_f1s(classes), classes)


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
