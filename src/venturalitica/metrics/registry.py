"""Metric name -> how it is computed from counts.

Each statistic says which *shape* of counts it takes, so that controls with the same shape over the
same rows share one resampling:

    chosen     (..., 2)       [not favorable, favorable] rows of the one label role in `needs`
    outcomes   (..., 2, 2)    [target, prediction], each [not favorable, favorable]
    agreement  (..., 2)       [wrong, right]
    classes    (..., 3, K)    right, target, predicted rows of each label
    labels     (..., K)       rows of each label of the target
    scored     (..., 2, S)    [target not favorable, favorable] by score level
    rows       (...)          rows

`support` gives the rows that stand behind the value (a recall rests on the rows with the favorable
target only); None means all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy

from venturalitica.metrics import agreement, rates, scores
from venturalitica.metrics import agreement as averages
from venturalitica.metrics import data as contents
from venturalitica.metrics.intervals import Floats

Shape = Literal["chosen", "outcomes", "agreement", "classes", "labels", "scored", "rows"]
Function: TypeAlias = Callable[[Floats], Floats]
ScoreFunction: TypeAlias = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, slots=True)
class Statistic:
    """How one base metric is computed: the shape of its counts and a function of them."""

    shape: Shape
    compute: Function
    support: Function | None = None


@dataclass(frozen=True, slots=True)
class ScoreStatistic:
    """How one score metric is computed from counts by level, and the levels' scores."""

    compute: ScoreFunction
    support: ScoreFunction | None = None
    probability: bool = False
    """Whether the scores must lie in [0, 1]."""


_RECALL = Statistic("outcomes", rates.recall, rates.positives)
_SPECIFICITY = Statistic("outcomes", rates.specificity, rates.negatives)

STATISTICS: Mapping[str, Statistic] = {
    "accuracy": Statistic("agreement", agreement.accuracy),
    "balanced_accuracy": Statistic("classes", agreement.balanced_accuracy, agreement.rarest_target),
    "matthews_correlation": Statistic("classes", agreement.matthews_correlation),
    "cohen_kappa": Statistic("classes", agreement.cohen_kappa),
    "precision": Statistic("outcomes", rates.precision, rates.predicted),
    "recall": _RECALL,
    "specificity": _SPECIFICITY,
    "f1": Statistic("outcomes", rates.f1),
    "true_positive_rate": _RECALL,
    "true_negative_rate": _SPECIFICITY,
    "false_positive_rate": Statistic("outcomes", rates.false_positive_rate, rates.negatives),
    "false_negative_rate": Statistic("outcomes", rates.false_negative_rate, rates.positives),
    "selection_rate": Statistic("chosen", rates.favorable_share),
    "base_rate": Statistic("chosen", rates.favorable_share),
    "precision_macro": Statistic("classes", averages.precision_macro),
    "precision_weighted": Statistic("classes", averages.precision_weighted),
    "recall_macro": Statistic("classes", averages.recall_macro),
    "recall_weighted": Statistic("classes", averages.recall_weighted),
    "f1_macro": Statistic("classes", averages.f1_macro),
    "f1_weighted": Statistic("classes", averages.f1_weighted),
    "class_balance": Statistic("labels", contents.class_balance),
    "row_count": Statistic("rows", contents.row_count),
}

SCORE_STATISTICS: Mapping[str, ScoreStatistic] = {
    "roc_auc": ScoreStatistic(scores.roc_auc, scores.rarer_rows),
    "average_precision": ScoreStatistic(scores.average_precision, scores.favorable_rows),
    "brier_score": ScoreStatistic(scores.brier_score, probability=True),
    "log_loss": ScoreStatistic(scores.log_loss, probability=True),
    "expected_calibration_error": ScoreStatistic(
        scores.expected_calibration_error, probability=True
    ),
}

PARTS: Mapping[str, tuple[str, ...]] = {
    "equalized_odds": ("true_positive_rate", "false_positive_rate"),
}
"""A base of several metrics; the worst of their comparisons counts."""

WORST: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "difference": numpy.maximum,
    "ratio": numpy.minimum,
}
"""NaN in either makes NaN: a worst case of something unknown is unknown."""
