"""Rates of one label against the rest.

`outcomes` is `(..., 2, 2)`: counts by [target is favorable, prediction is favorable], index 1 for
favorable. `chosen` is `(..., 2)`: counts by [is favorable] of one label role. All return `(...)`.
"""

from __future__ import annotations

import numpy

from venturalitica.metrics.ends import Ends, f1_ends
from venturalitica.metrics.intervals import Floats, Integers, divide
from venturalitica.metrics.statistic import (
    Counts,
    Function,
    Proportion,
    Statistic,
    all_rows,
    dense,
    favorable,
    least_of,
)


def precision(outcomes: Floats) -> Floats:
    """TP / (TP + FP)."""
    return divide(outcomes[..., 1, 1], outcomes[..., 1, 1] + outcomes[..., 0, 1])


def recall(outcomes: Floats) -> Floats:
    """TP / (TP + FN); also the true positive rate."""
    return divide(outcomes[..., 1, 1], positives(outcomes))


def specificity(outcomes: Floats) -> Floats:
    """TN / (TN + FP); also the true negative rate."""
    return divide(outcomes[..., 0, 0], negatives(outcomes))


def false_positive_rate(outcomes: Floats) -> Floats:
    """FP / (FP + TN)."""
    return divide(outcomes[..., 0, 1], negatives(outcomes))


def false_negative_rate(outcomes: Floats) -> Floats:
    """FN / (FN + TP)."""
    return divide(outcomes[..., 1, 0], positives(outcomes))


def f1(outcomes: Floats) -> Floats:
    """2 TP / (2 TP + FP + FN)."""
    twice = 2 * outcomes[..., 1, 1]
    return divide(twice, twice + outcomes[..., 0, 1] + outcomes[..., 1, 0])


def favorable_share(chosen: Floats) -> Floats:
    """Favorable rows / rows: the selection rate of a prediction, the base rate of a target."""
    return divide(chosen[..., 1], chosen[..., 0] + chosen[..., 1])


def positives(outcomes: Floats) -> Floats:
    """Rows with the favorable target."""
    return outcomes[..., 1, 0] + outcomes[..., 1, 1]


def negatives(outcomes: Floats) -> Floats:
    """Rows with another target."""
    return outcomes[..., 0, 0] + outcomes[..., 0, 1]


def predicted(outcomes: Floats) -> Floats:
    """Rows predicted favorable."""
    return outcomes[..., 0, 1] + outcomes[..., 1, 1]


def rarer_outcome(outcomes: Floats) -> Floats:
    """Rows of the rarest of: the favorable target, another target, predicted favorable."""
    return least_of(positives(outcomes), negatives(outcomes), predicted(outcomes))


def _behind_precision(outcomes: Floats) -> Floats:
    """None where nobody is predicted favorable."""
    return numpy.where(predicted(outcomes) > 0, rarer_outcome(outcomes), 0.0)


def _both(counts: Counts) -> Integers:
    predicted: Integers = (counts.indices[:, 1] == counts.favorable).astype(numpy.int64)
    return 2 * favorable(counts) + predicted


CHOSEN = dense("chosen", favorable, 2)
OUTCOMES = dense("outcomes", _both, 2, 2)


def _share_of(target: int, prediction: int, of: Function) -> Proportion:
    """One cell of the outcomes as a share of those rows."""
    return Proportion(lambda outcomes: (outcomes[..., target, prediction], of(outcomes)))


def _true_of_any(outcomes: Floats) -> tuple[Floats, Floats]:
    return outcomes[..., 1, 1], outcomes[..., 1, 1] + outcomes[..., 0, 1] + outcomes[..., 1, 0]


def _f1_of(true: Floats, any_of: Floats, alpha: float) -> Ends:
    return f1_ends(true, any_of - true, alpha)


_F1 = Proportion(_true_of_any, _f1_of)
_FAVORABLE = Proportion(lambda chosen: (chosen[..., 1], chosen[..., 0] + chosen[..., 1]))
_RECALL = Statistic(OUTCOMES, recall, positives, positives, ends=_share_of(1, 1, positives))
_SPECIFICITY = Statistic(
    OUTCOMES, specificity, negatives, negatives, ends=_share_of(0, 0, negatives)
)

STATISTICS = {
    "precision": Statistic(
        OUTCOMES, precision, predicted, _behind_precision, ends=_share_of(1, 1, predicted)
    ),
    "recall": _RECALL,
    "specificity": _SPECIFICITY,
    "f1": Statistic(OUTCOMES, f1, fewest=rarer_outcome, ends=_F1),
    "true_positive_rate": _RECALL,
    "true_negative_rate": _SPECIFICITY,
    "false_positive_rate": Statistic(
        OUTCOMES, false_positive_rate, negatives, negatives, ends=_share_of(0, 1, negatives)
    ),
    "false_negative_rate": Statistic(
        OUTCOMES, false_negative_rate, positives, positives, ends=_share_of(1, 0, positives)
    ),
    "selection_rate": Statistic(CHOSEN, favorable_share, fewest=all_rows, ends=_FAVORABLE),
    "base_rate": Statistic(CHOSEN, favorable_share, fewest=all_rows, ends=_FAVORABLE),
}
