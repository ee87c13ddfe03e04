"""Rates of the favorable label, from target × prediction counts (one-versus-rest)."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from venturalitica.metrics.catalog.spec import MetricSpec

SKLEARN = "scikit-learn, sklearn.metrics.{}"
FAIRLEARN = "Fairlearn, fairlearn.metrics.{}"

_rate = partial(MetricSpec, family="rates", needs_favorable=True)

_RECALL = _rate(
    name="recall",
    title="Recall",
    definition="Of the rows whose target is favorable, the share predicted favorable.",
    formula="TP / (TP + FN)",
    undefined="no row has the favorable target",
    source=SKLEARN.format("recall_score"),
)
_SPECIFICITY = _rate(
    name="specificity",
    title="Specificity",
    definition="Of the rows whose target is not favorable, the share not predicted favorable.",
    formula="TN / (TN + FP)",
    undefined="every row has the favorable target",
    source="Altman & Bland, BMJ 308:1552 (1994); recall of the other class in scikit-learn",
)

METRICS = (
    _rate(
        name="precision",
        title="Precision",
        definition="Of the rows predicted favorable, the share whose target is favorable.",
        formula="TP / (TP + FP)",
        undefined="no row is predicted favorable",
        source=SKLEARN.format("precision_score"),
    ),
    _RECALL,
    _SPECIFICITY,
    _rate(
        name="f1",
        title="F1 score",
        definition="The harmonic mean of precision and recall.",
        formula="2 TP / (2 TP + FP + FN)",
        undefined="no row has the favorable target and none is predicted favorable",
        source=SKLEARN.format("f1_score"),
    ),
    replace(
        _RECALL,
        name="true_positive_rate",
        title="True positive rate",
        source=FAIRLEARN.format("true_positive_rate"),
    ),
    replace(
        _SPECIFICITY,
        name="true_negative_rate",
        title="True negative rate",
        source=FAIRLEARN.format("true_negative_rate"),
    ),
    _rate(
        name="false_positive_rate",
        title="False positive rate",
        definition="Of the rows whose target is not favorable, the share predicted favorable.",
        formula="FP / (FP + TN)",
        undefined="every row has the favorable target",
        ideal=0.0,
        source=FAIRLEARN.format("false_positive_rate"),
    ),
    _rate(
        name="false_negative_rate",
        title="False negative rate",
        definition="Of the rows whose target is favorable, the share not predicted favorable.",
        formula="FN / (FN + TP)",
        undefined="no row has the favorable target",
        ideal=0.0,
        source=FAIRLEARN.format("false_negative_rate"),
    ),
    _rate(
        name="selection_rate",
        title="Selection rate",
        definition="The share of rows predicted favorable.",
        formula="(TP + FP) / n",
        undefined="there are no rows",
        needs=("prediction",),
        ideal=None,
        source=FAIRLEARN.format("selection_rate"),
    ),
    _rate(
        name="base_rate",
        title="Base rate",
        definition="The share of rows whose target is favorable, whatever a model says.",
        formula="(TP + FN) / n",
        undefined="there are no rows",
        needs=("target",),
        phase="data",
        ideal=None,
        source="Kleinberg, Mullainathan & Raghavan, ITCS 2017 (base rate of a group)",
    ),
)
