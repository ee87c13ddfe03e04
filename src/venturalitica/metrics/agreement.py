"""Agreement of target and prediction over all labels.

`agreement` is `(..., 2)`: counts of [wrong, right] rows. `classes` is `(..., 3, K)`: for each label
the rows that are right, that have it as target, that have it as prediction. All return `(...)`.
"""

from __future__ import annotations

import numpy

from venturalitica.metrics.arrays import Floats, divide

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
