"""Score metrics equal scikit-learn's, ties included; binned tables stay within their bounds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy
import pytest
import sklearn.metrics as sk
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from venturalitica.metrics import scores
from venturalitica.metrics.scores import STATISTICS

EXACT: dict[str, Any] = {"rel": 1e-9, "abs": 1e-9}

smooth = st.floats(0, 1)
tied = st.integers(0, 10).map(lambda tenth: tenth / 10)
rows_of_scores = st.lists(
    st.tuples(st.integers(0, 1), st.one_of(smooth, tied)), min_size=1, max_size=60
)


def quietly(function, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(function(*args, **kwargs))


@given(rows=rows_of_scores)
@settings(max_examples=70, deadline=None)
def test_ranking_equals_scikit_learn(rows, count) -> None:
    target, score = zip(*rows, strict=True)
    counted, levels = count.scored(target, score)
    area = float(scores.roc_auc(counted, levels))
    precision = float(scores.average_precision(counted, levels))
    if len(set(target)) == 2:
        assert area == pytest.approx(quietly(sk.roc_auc_score, target, score), **EXACT)
    else:
        assert numpy.isnan(area)
    if 1 in target:
        assert precision == pytest.approx(
            quietly(sk.average_precision_score, target, score), **EXACT
        )
    else:
        assert numpy.isnan(precision)


@given(rows=rows_of_scores)
@settings(max_examples=70, deadline=None)
def test_probabilities_equal_scikit_learn(rows, count) -> None:
    target, score = zip(*rows, strict=True)
    counted, levels = count.scored(target, score)
    assert float(scores.log_loss(counted, levels)) == pytest.approx(
        quietly(sk.log_loss, target, y_proba=score, labels=[0, 1]), **EXACT
    )
    assert float(scores.brier_score(counted, levels)) == pytest.approx(
        float(numpy.mean((numpy.array(score) - target) ** 2)), **EXACT
    )
    if len(set(target)) == 2:
        assert float(scores.brier_score(counted, levels)) == pytest.approx(
            quietly(sk.brier_score_loss, target, score), **EXACT
        )


@given(rows=rows_of_scores)
@settings(max_examples=70, deadline=None)
def test_calibration_error_uses_the_bins_of_scikit_learn(rows, count) -> None:
    target, score = zip(*rows, strict=True)
    if len(set(target)) < 2:
        return
    counted, levels = count.scored(target, score)
    shares, means = calibration_curve(target, score, n_bins=scores.BINS)
    edges = numpy.linspace(0, 1, scores.BINS + 1)
    sizes = numpy.bincount(numpy.searchsorted(edges[1:-1], score), minlength=scores.BINS)
    expected = numpy.abs(shares - means) @ sizes[sizes > 0] / len(score)
    value = float(scores.expected_calibration_error(counted, levels))
    assert value == pytest.approx(float(expected), **EXACT)


@pytest.mark.parametrize("name", STATISTICS)
@given(rows=rows_of_scores, cells=st.sampled_from([7, 20, 480]))
# Favorable rows that share a score have the precision of the last of them, each.
@example(rows=[(0, 0.0), (0, 0.0), (0, 1.0), (1, 0.125), (1, 0.125)], cells=7)
@settings(max_examples=30, deadline=None)
def test_a_binned_table_is_off_by_no_more_than_its_bound(name, rows, cells, count) -> None:
    target, score = zip(*rows, strict=True)
    compute = STATISTICS[name].compute
    exact = float(compute(*count.scored(target, score)))
    width = 1 / cells
    centres = [(min(int(s * cells), cells - 1) + 0.5) * width for s in score]
    counted, levels = count.scored(target, centres)
    binned = float(compute(counted, levels))
    of_bound = STATISTICS[name].bound
    assert of_bound is not None
    bound = float(of_bound(counted, levels, width / 2))
    if numpy.isnan(exact):
        assert numpy.isnan(binned)
    else:
        assert abs(exact - binned) <= bound + 1e-9


def test_bounds_shrink_with_the_cells(count) -> None:
    """A bound that is always 1 would hold, and say nothing."""
    generator = numpy.random.default_rng(5)
    score = generator.uniform(size=4000)
    target = (generator.uniform(size=4000) < score).astype(int)
    for name, most in {"roc_auc": 0.002, "average_precision": 0.01, "brier_score": 0.002}.items():
        centres = (numpy.floor(score * 480) + 0.5) / 480
        counted, levels = count.scored(target.tolist(), centres.tolist())
        bound = STATISTICS[name].bound
        assert bound is not None
        assert float(bound(counted, levels, 0.5 / 480)) < most
