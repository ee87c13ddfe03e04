"""Metrics of amounts: how far predictions of numbers are from the target.

What is summed of each row is said here, by arithmetic alone. Products are taken of halves of floats
(Veltkamp, 1968) and come in two parts that are exact together (Dekker, 1971): a variance is a
difference of sums that may agree in all but their last digits.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from venturalitica.metrics.catalog.rates import SKLEARN
from venturalitica.metrics.catalog.spec import MetricSpec, Number

EPSILON = 2.0**-52
"""The least that a target counts in a percentage error, as in scikit-learn."""
_SPLIT = 2.0**27 + 1

Terms = tuple[Any, ...]


def _halves(values: Any) -> Terms:
    """Two arrays of at most 26 bits whose sum the values are."""
    turned = values * _SPLIT
    high = turned - (turned - values)
    return high, values - high


def _product(one: Any, other: Any) -> Terms:
    """Two arrays whose sum the product is, exactly (Dekker, 1971)."""
    (a, b), (c, d) = _halves(one), _halves(other)
    rounded = one * other
    return rounded, ((a * c - rounded) + a * d + b * c) + b * d


def squares(values: Any) -> Terms:
    """Arrays whose total the squares are, each exact."""
    return _product(values, values)


def _times(terms: Terms, values: Any) -> Terms:
    return tuple(part for term in terms for part in _product(term, values))


def _own(values: Any) -> Mapping[str, Terms]:
    return {"x": (values,), "x2": squares(values)}


def _cubed(values: Any) -> Mapping[str, Terms]:
    return {**_own(values), "x3": _times(squares(values), values)}


def _errors(target: Any, prediction: Any) -> Mapping[str, Terms]:
    error = target - prediction
    square = error * error
    return {
        "e": (error,),
        "|e|": (abs(error),),
        "e2": squares(error),
        "s": (square,),
        "s2": squares(square),
        "max |e|": (abs(error),),
    }


def _shares(target: Any, prediction: Any) -> Mapping[str, Terms]:
    size = abs(target)
    divisor = (size >= EPSILON) * size + (size < EPSILON) * EPSILON
    share = abs(target - prediction) / divisor
    return {**_own(share), "max x": (share,)}


def _explained(target: Any, prediction: Any) -> Mapping[str, Terms]:
    error = target - prediction
    square = error * error
    rounded, rest = target_squares = squares(target)
    return {
        "t": (target,),
        "t2": target_squares,
        "t3": _times(target_squares, target),
        "t4": (*squares(rounded), *_product(2 * rounded, rest), *squares(rest)),
        "s": (square,),
        "s2": squares(square),
        "st": _product(square, target),
        "st2": _times(target_squares, square),
    }


def _distance(target: Any, prediction: Any) -> Any:
    return abs(target - prediction)


BOTH = ("target", "prediction")
ERROR = Number("error", BOTH, sums=_errors)
RELATIVE = Number("relative error", BOTH, sums=_shares)
EXPLAINED = Number("explained variance", BOTH, sums=_explained)
DISTANCE = Number("absolute error", BOTH, _distance, binned=True)
PREDICTED = Number("prediction", ("prediction",), sums=_cubed)
TRUE = Number("target", ("target",), sums=_cubed)

_NO_ROWS = "there are no rows"
_regression = partial(
    MetricSpec, family="regression", high=float("inf"), ideal=0.0, undefined=_NO_ROWS
)

METRICS = (
    _regression(
        name="mean_absolute_error",
        title="Mean absolute error",
        definition="The mean distance of the prediction from the target.",
        formula="mean |t − p|",
        number=ERROR,
        unit="as the target",
        source=SKLEARN.format("mean_absolute_error"),
    ),
    _regression(
        name="root_mean_squared_error",
        title="Root mean squared error",
        definition="The root of the mean squared distance of the prediction from the target.",
        formula="√ mean (t − p)²",
        number=ERROR,
        unit="as the target",
        source=SKLEARN.format("root_mean_squared_error"),
    ),
    _regression(
        name="mean_squared_error",
        title="Mean squared error",
        definition="The mean squared distance of the prediction from the target.",
        formula="mean (t − p)²",
        number=ERROR,
        unit="squared target",
        source=SKLEARN.format("mean_squared_error"),
    ),
    _regression(
        name="r2_score",
        title="R², coefficient of determination",
        definition="The share of the target's variance that the prediction explains; where all "
        "targets are one value, 1 if every prediction is that value, else 0.",
        formula="1 − Σ (t − p)² / Σ (t − mean t)²",
        undefined="there are fewer than two rows",
        number=EXPLAINED,
        low=float("-inf"),
        high=1.0,
        ideal=1.0,
        unit="share of the variance",
        source=SKLEARN.format("r2_score"),
    ),
    _regression(
        name="mean_absolute_percentage_error",
        title="Mean absolute percentage error",
        definition="The mean distance of the prediction from the target, in shares of the target; "
        "a target nearer to 0 than 2.2e-16 counts as that, so one of 0 makes it very large.",
        formula="mean |t − p| / max(|t|, 2⁻⁵²)",
        number=RELATIVE,
        unit="share of the target",
        source=SKLEARN.format("mean_absolute_percentage_error"),
    ),
    _regression(
        name="median_absolute_error",
        title="Median absolute error",
        definition="The median distance of the prediction from the target, exact to its bin of a "
        "histogram: the middle of it, at most 1 % from the exact one, and a note says both ends.",
        formula="median |t − p|",
        number=DISTANCE,
        unit="as the target",
        source=SKLEARN.format("median_absolute_error"),
    ),
    _regression(
        name="max_error",
        title="Maximum error",
        definition="The greatest distance of a prediction from its target: one row's own, which is "
        "shown only where the policy says `disclosure: {min_cell: 0}`.",
        formula="max |t − p|",
        number=ERROR,
        unit="as the target",
        of_one_row=True,
        source=SKLEARN.format("max_error"),
    ),
    _regression(
        name="mean_error",
        title="Mean error",
        definition="The mean of target minus prediction: above 0 where the model says too little.",
        formula="mean (t − p)",
        number=ERROR,
        low=float("-inf"),
        unit="as the target",
        source="forecast bias: Hyndman & Koehler, Int. J. Forecasting 22:4 (2006)",
    ),
    _regression(
        name="mean_pinball_loss",
        title="Mean pinball loss",
        definition="The mean loss of a prediction of the median (alpha = 0.5, scikit-learn's "
        "default): half of the mean absolute error.",
        formula="mean |t − p| / 2",
        number=ERROR,
        unit="as the target",
        source=SKLEARN.format("mean_pinball_loss"),
    ),
    _regression(
        name="mean_prediction",
        title="Mean prediction",
        definition="The mean of what the model predicts; a ratio of groups needs all of their "
        "means above 0.",
        formula="mean p",
        needs=("prediction",),
        number=PREDICTED,
        low=float("-inf"),
        ideal=None,
        unit="as the target",
        signed_ratio=True,
        source="a mean; compared across groups: Agarwal, Dudík & Wu, ICML 2019 (fair regression)",
    ),
    _regression(
        name="mean_target",
        title="Mean target",
        definition="The mean of the target, whatever a model says; a ratio of groups needs all of "
        "their means above 0.",
        formula="mean t",
        needs=("target",),
        number=TRUE,
        phase="data",
        low=float("-inf"),
        ideal=None,
        unit="as the target",
        signed_ratio=True,
        source="a mean",
    ),
)
