"""Verdicts on random rows equal Fairlearn and scikit-learn, groups and all; intervals agree."""

from __future__ import annotations

import warnings
from typing import Any

import numpy
import pandas
import pytest
import sklearn.metrics as sk
from fairlearn import metrics as fair
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from venturalitica.judge import judge as typed_judge

judge: Any = typed_judge

EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}

COMPOSED = {
    "demographic_parity_difference": fair.demographic_parity_difference,
    "demographic_parity_ratio": fair.demographic_parity_ratio,
    "equal_opportunity_difference": fair.equal_opportunity_difference,
    "equal_opportunity_ratio": fair.equal_opportunity_ratio,
    "equalized_odds_difference": fair.equalized_odds_difference,
    "equalized_odds_ratio": fair.equalized_odds_ratio,
    "selection_rate_difference": fair.selection_rate_difference,
    "selection_rate_ratio": fair.selection_rate_ratio,
    "true_positive_rate_difference": fair.true_positive_rate_difference,
    "true_positive_rate_ratio": fair.true_positive_rate_ratio,
    "true_negative_rate_difference": fair.true_negative_rate_difference,
    "true_negative_rate_ratio": fair.true_negative_rate_ratio,
    "false_positive_rate_difference": fair.false_positive_rate_difference,
    "false_positive_rate_ratio": fair.false_positive_rate_ratio,
    "false_negative_rate_difference": fair.false_negative_rate_difference,
    "false_negative_rate_ratio": fair.false_negative_rate_ratio,
}
BASES = {
    "accuracy": sk.accuracy_score,
    "precision": lambda t, p: sk.precision_score(t, p, zero_division=numpy.nan),
    "recall": lambda t, p: sk.recall_score(t, p, zero_division=numpy.nan),
    "f1": lambda t, p: sk.f1_score(t, p, zero_division=numpy.nan),
    "selection_rate": fair.selection_rate,
}

rows_of_groups = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("abc"), st.sampled_from("xy")),
    min_size=1,
    max_size=80,
)


def quietly(function, *args, **kwargs) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*args, **kwargs))


def undefined_somewhere(metric, rows, places) -> bool:
    """Whether some group has no value: Fairlearn says 0 there."""
    groups: dict = {}
    for row in rows:
        groups.setdefault(tuple(row[place] for place in places), []).append(row)
    needs = {
        0: ("true_negative", "false_positive", "odds"),
        1: ("opportunity", "odds", "true_positive", "false_negative"),
    }
    return len(groups) < 2 or any(
        any(word in metric for word in words) and all(row[0] != label for row in members)
        for members in groups.values()
        for label, words in needs.items()
    )


@given(rows=rows_of_groups, metric=st.sampled_from(sorted(COMPOSED)), both=st.booleans())
@settings(max_examples=50, deadline=None)
def test_named_compositions_equal_fairlearn(rows, metric, both, make) -> None:
    target, prediction, first, second = (list(column) for column in zip(*rows, strict=True))
    if 1 not in target + prediction:
        return
    tally = make.tally(target=target, prediction=prediction, first=first, second=second)
    across = ("first", "second") if both else ("first",)
    (verdict,) = judge(make.policy(make.control(metric, across=across)), tally)
    if undefined_somewhere(metric, rows, (2, 3) if both else (2,)):
        assert verdict.status == "not_evaluated"
        return
    features = pandas.DataFrame({"first": first, "second": second})[list(across)]
    theirs = quietly(COMPOSED[metric], target, prediction, sensitive_features=features)
    if numpy.isnan(theirs):
        assert verdict.status == "not_evaluated"
    elif verdict.status == "not_evaluated":
        assert metric == "equalized_odds_ratio", "Python's min() skips a NaN; unknown stays unknown"
    else:
        assert verdict.value == pytest.approx(theirs, **EXACT)
        assert sum(group.n for group in verdict.groups) == len(rows) == verdict.n


@given(
    rows=rows_of_groups,
    metric=st.sampled_from(sorted(BASES)),
    compare=st.sampled_from(["difference", "ratio", "min", "max", "between"]),
)
@settings(max_examples=40, deadline=None)
def test_any_base_metric_across_groups_equals_metric_frame(rows, metric, compare, make) -> None:
    target, prediction, group, _ = (list(column) for column in zip(*rows, strict=True))
    if len(set(group)) < 2 or 1 not in target + prediction:
        return
    pair = {"groups": ("b", "a")} if compare == "between" else {}
    if pair and not {"a", "b"} <= set(group):
        return
    tally = make.tally(target=target, prediction=prediction, group=group)
    control = make.control(metric, across="group", compare=compare, **pair)
    (verdict,) = judge(make.policy(control), tally)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = fair.MetricFrame(
            metrics=BASES[metric], y_true=target, y_pred=prediction, sensitive_features=group
        )
    by_group = frame.by_group.astype(float)
    expected = {
        "difference": by_group.max() - by_group.min(),
        "ratio": by_group.min() / by_group.max() if by_group.max() else numpy.nan,
        "min": by_group.min(),
        "max": by_group.max(),
        "between": by_group.get("b", 0) - by_group.get("a", 0),
    }[compare]
    compared = by_group[["a", "b"]] if pair else by_group
    if compared.isna().any() or numpy.isnan(expected):
        assert verdict.status == "not_evaluated"
        assert verdict.value is None
    else:
        assert verdict.value == pytest.approx(float(expected), **EXACT)
        for found in verdict.groups:
            assert found.value is None or found.value == pytest.approx(by_group[found.name])


@given(
    rows=st.lists(st.tuples(st.sampled_from("pqr"), st.sampled_from("pqr")), min_size=1),
    favorable=st.sampled_from("pqr"),
)
@settings(max_examples=50, deadline=None)
def test_many_labels_one_versus_rest(rows, favorable, make) -> None:
    target, prediction = (list(column) for column in zip(*rows, strict=True))
    if favorable not in target or favorable not in prediction:
        return
    tally = make.tally(target=target, prediction=prediction)
    controls = [make.control(name) for name in ("precision", "recall", "f1", "specificity")]
    verdicts = judge(make.policy(*controls, favorable=favorable), tally)
    t, p = ([label == favorable for label in labels] for labels in (target, prediction))
    expected = [
        sk.precision_score(t, p),
        sk.recall_score(t, p),
        sk.f1_score(t, p),
        sk.recall_score(t, p, pos_label=False, zero_division=numpy.nan),
    ]
    for verdict, value in zip(verdicts, expected, strict=True):
        if numpy.isnan(value):
            assert verdict.status == "not_evaluated"
        else:
            assert verdict.value == pytest.approx(value, **EXACT)


def random_rows(count: int, seed: int) -> dict[str, list]:
    generator = numpy.random.default_rng(seed)
    group = generator.choice(["a", "b", "c"], p=[0.5, 0.35, 0.15], size=count)
    target = (generator.uniform(size=count) < numpy.where(group == "a", 0.6, 0.4)).astype(int)
    score = numpy.clip(generator.normal(0.35 + 0.3 * target, 0.2, size=count), 0, 1)
    return {
        "target": target.tolist(),
        "prediction": (score > 0.5).astype(int).tolist(),
        "group": group.tolist(),
        "score": score.round(3).tolist(),
    }


BOOTSTRAPPED = {
    "accuracy": ((), sk.accuracy_score),
    "f1": ((), sk.f1_score),
    "balanced_accuracy": ((), sk.balanced_accuracy_score),
    "matthews_correlation": ((), sk.matthews_corrcoef),
    "precision_macro": ((), lambda t, p: sk.precision_score(t, p, average="macro")),
    "demographic_parity_ratio": (("group",), fair.demographic_parity_ratio),
    "equalized_odds_difference": (("group",), fair.equalized_odds_difference),
}
SCORED = {
    "roc_auc": sk.roc_auc_score,
    "average_precision": sk.average_precision_score,
    "brier_score": sk.brier_score_loss,
    "log_loss": lambda t, s: sk.log_loss(t, y_proba=s),
}


def row_bootstrap(statistic, columns: list[numpy.ndarray], replicates: int) -> tuple[float, float]:
    generator = numpy.random.default_rng(11)
    size = len(columns[0])
    drawn = (generator.integers(0, size, size=size) for _ in range(replicates))
    values = [statistic(*(column[rows] for column in columns)) for rows in drawn]
    return tuple(numpy.percentile(values, [2.5, 97.5]))


def check_agreement(interval, bootstrap) -> None:
    """Both are Monte-Carlo: an end of 250 replicates is off by about 0.09 of the width (1 sd)."""
    width = bootstrap[1] - bootstrap[0]
    assert abs(interval.low - bootstrap[0]) < 0.35 * width
    assert abs(interval.high - bootstrap[1]) < 0.35 * width
    assert 0.7 < (interval.high - interval.low) / width < 1.4


@pytest.mark.parametrize("metric", BOOTSTRAPPED)
def test_intervals_agree_with_a_row_bootstrap(metric, make) -> None:
    rows = random_rows(600, seed=4)
    across, statistic = BOOTSTRAPPED[metric]
    (verdict,) = judge(
        make.policy(make.control(metric, across=across)),
        make.tally(**{k: rows[k] for k in ("target", "prediction", "group")}),
    )
    target, prediction, group = (numpy.array(rows[k]) for k in ("target", "prediction", "group"))
    if across:
        codes = numpy.unique(group, return_inverse=True)[1]
        bootstrap = row_bootstrap(_vectorised[metric], [target, prediction, codes], 1000)
        assert verdict.value == pytest.approx(
            statistic(target, prediction, sensitive_features=group), **EXACT
        )
    else:
        bootstrap = row_bootstrap(statistic, [target, prediction], 250)
    check_covered(verdict.interval, bootstrap)


def check_covered(interval, bootstrap) -> None:
    """Ends that keep their promise lie at those of a bootstrap or outside, and not far outside."""
    width = bootstrap[1] - bootstrap[0]
    assert interval.low < bootstrap[0] + 0.2 * width
    assert interval.high > bootstrap[1] - 0.2 * width
    assert interval.high - interval.low < 2 * width


def _rates(chosen: numpy.ndarray, codes: numpy.ndarray, of: numpy.ndarray) -> numpy.ndarray:
    return numpy.array([chosen[(codes == g) & of].mean() for g in range(3)])


def _parity_ratio(target, prediction, codes) -> float:
    rates = _rates(prediction, codes, target >= 0)
    return float(rates.min() / rates.max())


def _odds_difference(target, prediction, codes) -> float:
    return max(float(numpy.ptp(_rates(prediction, codes, target == label))) for label in (0, 1))


_vectorised = {
    "demographic_parity_ratio": _parity_ratio,
    "equalized_odds_difference": _odds_difference,
}


@pytest.mark.parametrize("metric", SCORED)
def test_score_intervals_agree_with_a_row_bootstrap(metric, make) -> None:
    rows = random_rows(1200, seed=9)
    # Of a score of 0 or 1 a wrong outcome costs a log loss of 36, which no replicate would draw.
    rows["score"] = numpy.clip(rows["score"], 0.02, 0.98).tolist()
    tally = make.tally(target=rows["target"], score=rows["score"])
    (verdict,) = judge(make.policy(make.control(metric)), tally)
    target, score = numpy.array(rows["target"]), numpy.array(rows["score"])
    assert verdict.value == pytest.approx(SCORED[metric](target, score), **EXACT)
    assert verdict.interval.low <= verdict.value <= verdict.interval.high
    check_agreement(verdict.interval, row_bootstrap(SCORED[metric], [target, score], 250))


def test_group_intervals_agree_with_the_binomial(make) -> None:
    rows = random_rows(2000, seed=2)
    tally = make.tally(**{k: rows[k] for k in ("target", "prediction", "group")})
    (verdict,) = judge(make.policy(make.control("demographic_parity_ratio", across="group")), tally)
    for group in verdict.groups:
        error = (group.value * (1 - group.value) / group.n) ** 0.5
        assert group.interval.low == pytest.approx(group.value - 1.96 * error, abs=0.4 * error)
        assert group.interval.high == pytest.approx(group.value + 1.96 * error, abs=0.4 * error)


def test_cost_does_not_depend_on_the_rows(make) -> None:
    """The same cells times 10^5: as many numbers are drawn, and the interval narrows by √10^5."""
    rows = random_rows(1000, seed=1)
    small = make.tally(target=rows["target"], prediction=rows["prediction"])
    (table,) = small.tables
    scaled = tuple((*cell[:-1], cell[-1] * 10**5) for cell in table.cells)
    large = replace(small, rows=10**8, tables=(replace(table, cells=scaled),))
    policy = make.policy(make.control("accuracy"))
    (of_small,), (of_large,) = judge(policy, small), judge(policy, large)
    assert of_large.value == pytest.approx(of_small.value)
    narrowing = (of_small.interval.high - of_small.interval.low) / (
        of_large.interval.high - of_large.interval.low
    )
    assert narrowing == pytest.approx(10**2.5, rel=0.1)
