"""What this room must know of a metric, and no more: metrics themselves live elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

from venturalitica.errors import did_you_mean
from venturalitica.rules import Compare


class MetricWords(Protocol):
    """The facts about a metric that decide whether a control can be computed."""

    @property
    def title(self) -> str: ...
    @property
    def needs(self) -> tuple[str, ...]: ...
    @property
    def needs_favorable(self) -> bool: ...
    @property
    def needs_across(self) -> bool: ...
    @property
    def phase(self) -> str: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...
    @property
    def base(self) -> str | None: ...
    @property
    def compare(self) -> str | None: ...
    @property
    def comparable(self) -> bool: ...
    @property
    def whole(self) -> bool: ...


Vocabulary = Mapping[str, MetricWords]
"""Metric name -> what it is."""


OTHER_NAMES: Mapping[str, str] = {
    "auroc": "roc_auc",
    "brier_score_loss": "brier_score",
    "disparate_impact": "demographic_parity_ratio",
    "disparate_impact_ratio": "demographic_parity_ratio",
    "ece": "expected_calibration_error",
    "fnr": "false_negative_rate",
    "fpr": "false_positive_rate",
    "kappa": "cohen_kappa",
    "matthews_corrcoef": "matthews_correlation",
    "mcc": "matthews_correlation",
    "ppv": "precision",
    "sensitivity": "recall",
    "statistical_parity_difference": "demographic_parity_difference",
    "tnr": "true_negative_rate",
    "tpr": "true_positive_rate",
}
"""What others call our metrics: for the hint in an error only, never accepted in a policy."""


_NUMBERS = """
    rmse root_mean_squared_error mse mean_squared_error mae mean_absolute_error r2 r_squared
    coefficient_of_determination mape mean_absolute_percentage_error msle mean_squared_log_error
    rmsle root_mean_squared_log_error medae median_absolute_error max_error explained_variance
    pinball_loss mean_pinball_loss huber huber_loss smape wape mase residual residuals
    mean_error bias_error rse d2_absolute_error quantile_loss poisson_deviance
    mean_poisson_deviance gamma_deviance mean_gamma_deviance mean_tweedie_deviance
"""
NOT_YET = frozenset(_NUMBERS.split())
"""Metrics of numbers: every metric of today's catalog compares labels, or scores with labels."""


def metric_hint(name: str, vocabulary: Vocabulary) -> str:
    """`"; did you mean 'f1'?"` for a metric that there is not; "" where nothing is close."""
    folded = "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
    if folded.removeprefix("neg_").removesuffix("_score") in NOT_YET:
        return (
            ": it measures predicted numbers, and today's metrics compare labels (or scores with "
            "labels). Supported are e.g. accuracy, recall, roc_auc, demographic_parity_ratio; cut "
            "the numbers into labels first"
        )
    other = OTHER_NAMES.get(folded, folded.removesuffix("_score"))
    return did_you_mean(other if other in vocabulary else name, vocabulary)


def is_composition(metric: MetricWords) -> bool:
    """Whether the metric compares groups by its own definition."""
    return metric.compare is not None or metric.base is not None


def possible_range(metric: MetricWords, compare: Compare | None) -> tuple[float, float]:
    """The least and greatest value that a control on this metric can have.

    `metric.low` and `high` bound one group's value, unless the metric is itself a composition;
    comparing groups gives a range of its own. Infinite where there is no bound.
    """
    low = -math.inf if metric.low is None else metric.low
    high = math.inf if metric.high is None else metric.high
    if compare is None or is_composition(metric):
        return low, high
    width = high - low
    ranges = {"difference": (0.0, width), "between": (-width, width), "ratio": (0.0, 1.0)}
    return ranges.get(compare, (low, high))


def compositions_of(name: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """The named metrics that compare groups by the metric `name`."""
    return tuple(other for other, metric in vocabulary.items() if metric.base == name)
