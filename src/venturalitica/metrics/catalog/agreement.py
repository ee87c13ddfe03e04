"""Agreement of target and prediction over all labels, and averages over the labels."""

from __future__ import annotations

from functools import partial

from venturalitica.metrics.catalog.rates import SKLEARN
from venturalitica.metrics.catalog.spec import MetricSpec

_agreement = partial(MetricSpec, family="agreement")

_OVERALL = (
    _agreement(
        name="accuracy",
        title="Accuracy",
        definition="The share of rows whose prediction is the target.",
        formula="Σ_k C[k, k] / n",
        undefined="there are no rows",
        source=SKLEARN.format("accuracy_score"),
    ),
    _agreement(
        name="balanced_accuracy",
        title="Balanced accuracy",
        definition="The mean of the recalls of every label that the target has.",
        formula="mean over labels k of the target: C[k, k] / Σ_j C[k, j]",
        undefined="there are no rows",
        source=SKLEARN.format("balanced_accuracy_score"),
    ),
    _agreement(
        name="matthews_correlation",
        title="Matthews correlation coefficient",
        definition="The correlation of target and prediction, for two labels or more.",
        formula="(c·n − Σ_k t_k p_k) / √((n² − Σ_k p_k²)(n² − Σ_k t_k²)); c right, t_k rows with "
        "target k, p_k rows predicted k",
        undefined="all targets, or all predictions, are one label",
        low=-1.0,
        unit="correlation",
        source=SKLEARN.format("matthews_corrcoef"),
        no_weights=True,
    ),
    _agreement(
        name="cohen_kappa",
        title="Cohen's kappa",
        definition="Agreement of target and prediction beyond what chance would give.",
        formula="(a − e) / (1 − e); a = accuracy, e = Σ_k t_k p_k / n²",
        undefined="all targets and all predictions are one and the same label",
        low=-1.0,
        unit="agreement",
        source=SKLEARN.format("cohen_kappa_score"),
        no_weights=True,
    ),
)

_WHAT = {
    "precision": ("Precision", "C[k, k] / p_k", "a label of the target is never predicted"),
    "recall": ("Recall", "C[k, k] / t_k", "a label is predicted that the target never has"),
    "f1": ("F1 score", "2 C[k, k] / (t_k + p_k)", "there are no rows"),
}
_HOW = {
    "macro": ("macro average", "the plain mean over all labels", "mean over k"),
    "weighted": (
        "weighted average",
        "the mean over all labels, each weighted by its rows in the target",
        "Σ_k t_k / n ·",
    ),
}
_WEIGHTLESS = {"recall": "there are no rows"}


def _average(metric: str, average: str) -> MetricSpec:
    title, formula, undefined = _WHAT[metric]
    manner, words, sign = _HOW[average]
    if average == "weighted":
        undefined = _WEIGHTLESS.get(metric, undefined)
    return MetricSpec(
        name=f"{metric}_{average}",
        title=f"{title}, {manner}",
        family="averages",
        definition=f"{title} of each label against the rest, then {words} that target or "
        "prediction has.",
        formula=f"{sign} {formula}",
        undefined=undefined,
        source=SKLEARN.format(f"{metric}_score(average={average!r})"),
        no_weights=metric != "recall",
    )


METRICS = _OVERALL + tuple(_average(metric, average) for metric in _WHAT for average in _HOW)
