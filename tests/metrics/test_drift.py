"""Distances of two samples agree with SciPy, whatever the counts; their ends hold near 0 too."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from venturalitica.core.drift import Distribution, joined_bins, told
from venturalitica.metrics.drift import FEWEST_IN_CELL, STATISTICS
from venturalitica.metrics.ends import ALPHA

CLOSE = 1e-9


def pairs(least: int, most: int = 100_000) -> st.SearchStrategy[numpy.ndarray]:
    """The rows of two samples in 2 to 30 cells, each cell with rows in the first."""

    def of(cells: int) -> st.SearchStrategy[numpy.ndarray]:
        first = st.lists(st.integers(max(least, 1), most), min_size=cells, max_size=cells)
        second = st.lists(st.integers(least, most), min_size=cells, max_size=cells)
        return st.tuples(first, second.filter(any)).map(lambda two: numpy.array(two, dtype=float))

    return st.integers(2, 30).flatmap(of)


def value(name: str, counts: numpy.ndarray) -> float:
    return float(STATISTICS[name].compute(counts[None])[0])


def ends(name: str, counts: numpy.ndarray, alpha: float = ALPHA) -> tuple[float, float]:
    of = STATISTICS[name].ends
    assert of is not None
    found = of(counts[None], alpha)
    assert found is not None
    return float(found[0][0]), float(found[1][0])


@given(pairs(1))
def test_the_stability_index_is_the_sum_of_both_divergences(counts: numpy.ndarray) -> None:
    p, q = counts / counts.sum(axis=1, keepdims=True)
    both = stats.entropy(p, q) + stats.entropy(q, p)
    assert value("population_stability_index", counts) == pytest.approx(both, rel=CLOSE, abs=CLOSE)


@given(pairs(0))
def test_an_empty_cell_gets_half_a_row_in_every_cell_of_both(counts: numpy.ndarray) -> None:
    filled = counts + 0.5 if (counts == 0).any() else counts
    p, q = filled / filled.sum(axis=1, keepdims=True)
    by_hand = math.fsum(((q - p) * numpy.log(q / p)).tolist())
    found = value("population_stability_index", counts)
    assert math.isfinite(found)
    assert found == pytest.approx(by_hand, rel=CLOSE, abs=CLOSE)


@given(pairs(0))
def test_the_jensen_shannon_distance_is_scipys_in_base_2(counts: numpy.ndarray) -> None:
    # SciPy takes the root of -1e-17 where the samples are alike, which is NaN.
    expected = numpy.nan_to_num(jensenshannon(*counts, base=2))
    found = value("jensen_shannon_distance", counts)
    # The root of a rounding error of 1e-17 is 1e-8: the divergences are what can be compared.
    assert found**2 == pytest.approx(expected**2, rel=CLOSE, abs=CLOSE)
    assert 0 <= found <= 1


@given(pairs(0, 300))
def test_the_kolmogorov_smirnov_distance_is_scipys_of_the_cells(counts: numpy.ndarray) -> None:
    first, second = (numpy.repeat(numpy.arange(row.size), row.astype(int)) for row in counts)
    expected = stats.ks_2samp(first, second, method="asymp").statistic
    found = value("kolmogorov_smirnov_distance", counts)
    assert found == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


@given(pairs(0))
def test_the_chi_square_distance_is_scipys_cramers_v(counts: numpy.ndarray) -> None:
    # Its correction (Bergsma) is off; two rows have one degree of freedom, so V² is χ² / n.
    found = value("chi_square_distance", counts)
    chi = stats.chi2_contingency(counts, correction=False).statistic
    assert found**2 == pytest.approx(chi / counts.sum(), rel=CLOSE, abs=CLOSE)
    assert found == pytest.approx(
        stats.contingency.association(counts.astype(int), method="cramer"), rel=1e-6, abs=1e-7
    )


@pytest.mark.parametrize("name", STATISTICS)
@settings(max_examples=25)
@given(counts=pairs(0, 2_000))
def test_ends_widen_with_the_level_and_are_not_above_the_value(
    name: str, counts: numpy.ndarray
) -> None:
    found = value(name, counts)
    low, high = ends(name, counts)
    wide_low, wide_high = ends(name, counts, ALPHA / 10)
    assert 0 <= wide_low <= low <= found + CLOSE
    assert wide_high >= high >= low


@pytest.mark.parametrize("name", STATISTICS)
def test_two_equal_samples_may_come_from_two_that_differ(name: str) -> None:
    few = numpy.full((2, 5), 20.0)
    many = few * 1_000
    assert ends(name, few)[0] == 0
    assert ends(name, few)[1] > 5 * ends(name, many)[1] > 0


def test_what_never_occurred_has_no_upper_end_of_the_stability_index() -> None:
    counts = numpy.array([[50.0, 50.0], [100.0, 0.0]])
    low, high = ends("population_stability_index", counts)
    assert low > 0.5
    assert math.isinf(high)


@pytest.mark.parametrize("name", [n for n in STATISTICS if n != "kolmogorov_smirnov_distance"])
def test_few_rows_in_a_cell_are_said(name: str) -> None:
    counts = numpy.array([[50.0, 50.0], [90.0, FEWEST_IN_CELL - 1]])
    unsure = STATISTICS[name].unsure
    assert unsure is not None
    assert "fewer than 5" in unsure(counts)
    assert unsure(counts + 1) == ""


cells = st.lists(st.integers(0, 40), min_size=2, max_size=25)


@given(cells, st.booleans(), st.integers(0, 12))
def test_no_cell_that_is_told_is_of_few_rows(counts: list[int], cut: bool, least: int) -> None:
    cuts = tuple(map(float, range(len(counts) - 1))) if cut else ()
    levels = () if cut else tuple(f"l{at}" for at in range(len(counts) - 1))
    whole = Distribution("x", False, cuts, levels, tuple(counts))
    found = told(whole, least)
    if found is None:
        assert whole.rows < max(least, 1)
        return
    assert found.rows == whole.rows
    assert found.fault == ""
    assert not [count for count in found.counts if 0 < count < least]


@given(cells, st.integers(0, 12))
def test_joined_bins_add_up_in_both_samples(counts: list[int], least: int) -> None:
    cuts = list(map(float, range(len(counts) - 1)))
    other = counts[::-1]
    kept, (one, two) = joined_bins(cuts, (counts, other), least)
    assert (sum(one), sum(two)) == (sum(counts), sum(other))
    assert set(kept) <= set(cuts)
    assert len(one) == len(two) == len(kept) + 1
