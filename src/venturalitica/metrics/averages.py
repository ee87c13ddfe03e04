"""Precision, recall and F1 averaged over the labels; `classes` as in `agreement`.

Labels are those that the target or the prediction of the very counts has, as in scikit-learn. A
label whose own value is 0/0 makes the average undefined (NaN) unless its weight is 0.
"""

from __future__ import annotations

import numpy

from venturalitica.metrics.agreement import PREDICTED, RIGHT, TARGET
from venturalitica.metrics.arrays import Floats, divide


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
