"""Every metric of labels equals scikit-learn's to 1e-9 on random data, and is NaN where 0/0."""

from __future__ import annotations

import warnings
from typing import Any

import numpy
import pytest
import sklearn.metrics as sk
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.metrics import agreement, rates
from venturalitica.metrics.registry import STATISTICS

EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9, "nan_ok": True}


def labelled(labels: int, most: int = 60):
    label = st.integers(0, labels - 1)
    return st.lists(st.tuples(label, label), min_size=1, max_size=most)


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*args, **kwargs))


BINARY = {
    "precision": (rates.precision, sk.precision_score, {}),
    "recall": (rates.recall, sk.recall_score, {}),
    "specificity": (rates.specificity, sk.recall_score, {"pos_label": 0}),
    "f1": (rates.f1, sk.f1_score, {}),
}


@pytest.mark.parametrize("name", BINARY)
@given(rows=labelled(2))
@settings(max_examples=30, deadline=None)
def test_rates_equal_scikit_learn(name, rows, count) -> None:
    ours, theirs, options = BINARY[name]
    target, prediction = zip(*rows, strict=True)
    value = float(ours(count.confusion(target, prediction, [0, 1])))
    assert value == pytest.approx(
        quietly(theirs, target, prediction, zero_division=numpy.nan, **options), **EXACT
    )


@given(rows=labelled(4))
@settings(max_examples=50, deadline=None)
def test_agreement_equals_scikit_learn(rows, count) -> None:
    target, prediction = zip(*rows, strict=True)
    confusion = count.confusion(target, prediction, [0, 1, 2, 3])
    classes = count.classes(confusion)
    right = numpy.trace(confusion)
    pair = numpy.array([confusion.sum() - right, right])
    assert float(agreement.accuracy(pair)) == pytest.approx(
        quietly(sk.accuracy_score, target, prediction), **EXACT
    )
    assert float(agreement.balanced_accuracy(classes)) == pytest.approx(
        quietly(sk.balanced_accuracy_score, target, prediction), **EXACT
    )
    kappa = float(agreement.cohen_kappa(classes))
    assert kappa == pytest.approx(quietly(sk.cohen_kappa_score, target, prediction), **EXACT)
    correlation = float(agreement.matthews_correlation(classes))
    if len(set(target)) > 1 and len(set(prediction)) > 1:
        assert correlation == pytest.approx(
            quietly(sk.matthews_corrcoef, target, prediction), **EXACT
        )
    else:
        assert numpy.isnan(correlation), "scikit-learn says 0.0 here; undefined is never 0"


AVERAGED = {
    "precision_macro": (STATISTICS["precision_macro"].compute, sk.precision_score),
    "precision_weighted": (STATISTICS["precision_weighted"].compute, sk.precision_score),
    "recall_macro": (STATISTICS["recall_macro"].compute, sk.recall_score),
    "recall_weighted": (STATISTICS["recall_weighted"].compute, sk.recall_score),
    "f1_macro": (STATISTICS["f1_macro"].compute, sk.f1_score),
    "f1_weighted": (STATISTICS["f1_weighted"].compute, sk.f1_score),
}


@pytest.mark.parametrize("name", AVERAGED)
@given(rows=labelled(3))
@settings(max_examples=30, deadline=None)
def test_averages_equal_scikit_learn(name, rows, count) -> None:
    ours, theirs = AVERAGED[name]
    average = name.rpartition("_")[2]
    target, prediction = zip(*rows, strict=True)
    classes = count.classes(count.confusion(target, prediction, [0, 1, 2]))
    value = float(ours(classes))
    each = [
        quietly(theirs, target, prediction, average=average, zero_division=undefined)
        for undefined in (0.0, 1.0)
    ]
    if each[0] == pytest.approx(each[1], abs=1e-12):
        assert value == pytest.approx(each[0], **EXACT)
    else:
        assert numpy.isnan(value), "a label without a value makes the average undefined"


def test_functions_take_any_leading_dimensions(count) -> None:
    generator = numpy.random.default_rng(3)
    confusions = generator.integers(1, 9, size=(5, 7, 2, 2)).astype(float)
    classes = numpy.stack([[count.classes(c) for c in row] for row in confusions])
    for function, counts in [
        *((ours, confusions) for ours, _, _ in BINARY.values()),
        *((ours, classes) for ours, _ in AVERAGED.values()),
        (agreement.matthews_correlation, classes),
        (agreement.cohen_kappa, classes),
        (agreement.balanced_accuracy, classes),
    ]:
        together = function(counts)
        assert together.shape == (5, 7)
        assert float(together[3, 2]) == float(function(counts[3, 2]))


def test_correlation_keeps_its_digits_at_a_hundred_million_rows(count) -> None:
    """One wrong row in 10^8: the covariance is a difference of 10^16-sized products."""
    from fractions import Fraction

    tp, fn, fp, tn = 99_999_990, 3, 2, 5
    classes = count.classes(numpy.array([[tn, fp], [fn, tp]], dtype=float))
    product = Fraction(tp * tn - fp * fn) ** 2 / Fraction(
        (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    )
    assert float(agreement.matthews_correlation(classes)) == pytest.approx(
        float(product) ** 0.5, rel=1e-12
    )
