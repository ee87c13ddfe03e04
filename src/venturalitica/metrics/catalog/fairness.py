"""Named compositions: a base metric per group, compared across the groups. Names of Fairlearn."""

from __future__ import annotations

from typing import Literal

from venturalitica.metrics.catalog.rates import FAIRLEARN
from venturalitica.metrics.catalog.rates import METRICS as RATES
from venturalitica.metrics.catalog.spec import MetricSpec

_BASES = {spec.name: spec for spec in RATES}
_WORDS = {
    "difference": ("difference", "largest minus smallest", "max_g {0} − min_g {0}", 0.0),
    "ratio": ("ratio", "smallest divided by largest", "min_g {0} / max_g {0}", 1.0),
}


def _composed(
    name: str,
    *,
    base: str,
    compare: Literal["difference", "ratio"],
    title: str,
    source: str = "",
) -> MetricSpec:
    word, order, formula, ideal = _WORDS[compare]
    of = _BASES[base]
    own = "a group has no value for it: " + of.undefined
    zero = "; or every group's value is 0" if compare == "ratio" else ""
    return MetricSpec(
        name=f"{name}_{word}",
        title=f"{title}, {word}",
        family="fairness",
        definition=f"{of.title} of each group, {order}.",
        formula=formula.format(base),
        undefined=own + zero,
        source=source or FAIRLEARN.format(f"{name}_{word}"),
        needs=of.needs,
        needs_favorable=True,
        needs_across=True,
        ideal=ideal,
        unit=word,
        base=base,
        compare=compare,
        comparable=False,
    )


def _equalized_odds(compare: Literal["difference", "ratio"]) -> MetricSpec:
    word, _, _, ideal = _WORDS[compare]
    worst = "greater" if compare == "difference" else "smaller"
    sign = "max" if compare == "difference" else "min"
    return MetricSpec(
        name=f"equalized_odds_{word}",
        title=f"Equalized odds, {word}",
        family="fairness",
        definition=f"The {worst} of the true positive rates' {word} and the false positive rates' "
        f"{word} across groups.",
        formula=f"{sign}(true_positive_rate_{word}, false_positive_rate_{word})",
        undefined=f"either of the two {word}s is undefined",
        source=FAIRLEARN.format(f"equalized_odds_{word}") + ", agg='worst_case'",
        needs_favorable=True,
        needs_across=True,
        ideal=ideal,
        unit=word,
        base="equalized_odds",
        bases=("true_positive_rate", "false_positive_rate"),
        compare=compare,
        comparable=False,
    )


_PAIRS = (
    ("demographic_parity", "selection_rate", "Demographic parity", ""),
    ("equal_opportunity", "true_positive_rate", "Equal opportunity", ""),
    ("predictive_parity", "precision", "Predictive parity", "Chouldechova, Big Data 5:2 (2017)"),
    ("selection_rate", "selection_rate", "Selection rate", ""),
    ("true_positive_rate", "true_positive_rate", "True positive rate", ""),
    ("true_negative_rate", "true_negative_rate", "True negative rate", ""),
    ("false_positive_rate", "false_positive_rate", "False positive rate", ""),
    ("false_negative_rate", "false_negative_rate", "False negative rate", ""),
)
_KINDS: tuple[Literal["difference", "ratio"], ...] = ("difference", "ratio")

METRICS = (
    *(
        _composed(name, base=base, compare=compare, title=title, source=source)
        for name, base, title, source in _PAIRS
        for compare in _KINDS
    ),
    *(_equalized_odds(compare) for compare in _KINDS),
)
