"""Metrics of a score for the favorable label."""

from __future__ import annotations

from functools import partial

from venturalitica.metrics.catalog.rates import SKLEARN
from venturalitica.metrics.catalog.spec import SCORE, MetricSpec

_score = partial(
    MetricSpec, family="scores", needs=("target", "score"), needs_favorable=True, number=SCORE
)

METRICS = (
    _score(
        name="roc_auc",
        title="Area under the ROC curve",
        definition="The chance that a random favorable row scores above a random other row; a tie "
        "counts half.",
        formula="Σ_s f_s (u_{<s} + u_s / 2) / (F·U); f_s favorable and u_s other rows at score s, "
        "F and U their sums",
        undefined="all targets are favorable, or none is",
        unit="probability",
        source=SKLEARN.format("roc_auc_score"),
    ),
    _score(
        name="average_precision",
        title="Average precision",
        definition="The mean of the precisions at each score threshold, each weighted by the "
        "recall gained there (step-wise, not interpolated).",
        formula="Σ_s (R_s − R_{s+1}) P_s, from the highest score down",
        undefined="no row has the favorable target",
        unit="share",
        source=SKLEARN.format("average_precision_score"),
    ),
    _score(
        name="brier_score",
        title="Brier score",
        definition="The mean squared distance of the score from the outcome (1 favorable, 0 not).",
        formula="mean (score − outcome)²",
        undefined="there are no rows, or a score lies outside of [0, 1]",
        ideal=0.0,
        unit="squared probability",
        source=SKLEARN.format("brier_score_loss") + "; Brier, Mon. Weather Rev. 78 (1950)",
    ),
    _score(
        name="log_loss",
        title="Log loss",
        definition="The mean negative logarithm of the probability given to the outcome; scores "
        "are kept 2.2e-16 away from 0 and 1, as scikit-learn does for 64-bit floats.",
        formula="−mean log(score if favorable else 1 − score)",
        undefined="there are no rows, or a score lies outside of [0, 1]",
        high=float("inf"),
        ideal=0.0,
        unit="nats",
        source=SKLEARN.format("log_loss"),
    ),
    _score(
        name="expected_calibration_error",
        title="Expected calibration error",
        definition="The distance of the mean score from the share of favorable rows, in 10 equal "
        "bins of the score (closed above, as in sklearn.calibration.calibration_curve), averaged "
        "by rows.",
        formula="Σ_bins n_b / n · |mean score_b − favorable share_b|",
        undefined="there are no rows, or a score lies outside of [0, 1]",
        ideal=0.0,
        unit="probability",
        raised_by_chance=True,
        source="Naeini, Cooper & Hauskrecht, AAAI 2015; Guo et al., ICML 2017",
    ),
)
