"""Ends keep their promise: by exact enumeration, and by simulation where that is too much."""

from __future__ import annotations

from functools import partial

import numpy
import pytest

from venturalitica.metrics.ends import (
    ALPHA,
    Apart,
    Shares,
    compared_ends,
    f1_ends,
    mean_of_rates,
    rate_ends,
    share_ratio,
)

RATES = (0.001, 0.02, 0.13, 0.35, 0.5, 0.77, 0.93, 0.985, 0.999)


def chances(n: int, p: float) -> numpy.ndarray:
    """Of 0, 1, ..., n successes."""
    from scipy.special import gammaln, xlog1py, xlogy

    k = numpy.arange(n + 1)
    return numpy.exp(
        gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p)
    )


@pytest.mark.parametrize("n", [7, 20, 30, 60, 300, 2_000])
def test_a_share_is_missed_on_each_side_at_most_as_often_as_is_said(n: int) -> None:
    low, high = rate_ends(numpy.arange(n + 1.0), numpy.full(n + 1, float(n)), ALPHA)
    for p in RATES:
        of = chances(n, p)
        assert of[low > p].sum() <= ALPHA
        assert of[high < p].sum() <= ALPHA


def test_nothing_is_certain_because_nothing_varied() -> None:
    low, high = rate_ends(numpy.array([30.0, 0.0]), numpy.array([30.0, 30.0]), ALPHA)
    assert low.tolist() == pytest.approx([0.025 ** (1 / 30), 0.0])
    assert high.tolist() == pytest.approx([1.0, 1 - 0.025 ** (1 / 30)])
    assert numpy.isnan(rate_ends(numpy.zeros(1), numpy.zeros(1), ALPHA)).all()


@pytest.mark.parametrize("alpha", [ALPHA, 0.0125, 0.00005])
@pytest.mark.parametrize(("first", "second"), [(8, 21), (15, 15), (11, 52), (5, 120)])
def test_two_groups_keep_what_is_said(first: int, second: int, alpha: float) -> None:
    """Every outcome of two groups, weighted by its chance, at each level that a policy may ask."""
    sizes = numpy.array([first, second], float)
    ends: dict[str, dict[tuple[int, int], tuple[float, float]]] = {}
    for a in range(first + 1):
        for b in range(second + 1):
            k = numpy.array([a, b], float)
            groups = Apart(k / sizes, partial(rate_ends, k, sizes))
            for compare in ("max", "min", "difference", "between", "ratio"):
                if a + b or compare != "ratio":
                    found = compared_ends(compare, groups, alpha, alpha)
                    ends.setdefault(compare, {})[a, b] = found
    for p in RATES[1::2]:
        for q in RATES[::2]:
            of = numpy.outer(chances(first, p), chances(second, q))
            truths = {
                "max": max(p, q),
                "min": min(p, q),
                "difference": abs(p - q),
                "between": p - q,
                "ratio": min(p, q) / max(p, q),
            }
            for compare, truth in truths.items():
                every = ends[compare].items()
                assert sum(float(of[at]) for at, end in every if end[0] > truth + 1e-12) <= alpha
                assert sum(float(of[at]) for at, end in every if end[1] < truth - 1e-12) <= alpha


@pytest.mark.parametrize("rate", [0.721, 0.4, 0.08])
def test_many_equal_groups_do_not_fail_for_sure(rate: float) -> None:
    """The four-fifths rule on twelve groups that are treated alike, 1,000 rows."""
    chance = numpy.random.default_rng(5)
    failed, times = 0, 600
    for _ in range(times):
        n = chance.multinomial(1_000, numpy.full(12, 1 / 12)).astype(float)
        k = chance.binomial(n.astype(int), rate).astype(float)
        groups = Apart(k / n, partial(rate_ends, k, n))
        failed += compared_ends("ratio", groups, ALPHA, ALPHA)[1] < 0.8
    assert failed / times <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / times) ** 0.5


def test_ends_of_groups_do_not_depend_on_their_order() -> None:
    chance = numpy.random.default_rng(6)
    n = chance.integers(10, 200, 7).astype(float)
    k = chance.binomial(n.astype(int), 0.3).astype(float)
    order = chance.permutation(7)
    for compare in ("max", "min", "difference", "ratio"):
        one, other = (
            compared_ends(compare, Apart(a / b, partial(rate_ends, a, b)), ALPHA, ALPHA)
            for a, b in ((k, n), (k[order], n[order]))
        )
        assert one == pytest.approx(other, abs=1e-12)


@pytest.mark.parametrize("of_all", [False, True])
@pytest.mark.parametrize("rate", [0.03, 0.5, 0.9])
def test_pairs_that_are_left_out_are_never_the_widest(rate: float, of_all: bool) -> None:
    chance = numpy.random.default_rng(8)
    for size in (2, 3, 9, 40):
        n = chance.integers(3, 90, size).astype(float)
        k = chance.binomial(n.astype(int), chance.beta(9 * rate, 9 - 9 * rate, size)).astype(float)
        at = partial(rate_ends, n if of_all else k, n.sum() if of_all else n)
        every = Shares(n, n / n.sum(), at) if of_all else Apart(k / n, at)
        apart = ~numpy.eye(size, dtype=bool)
        low, high = compared_ends("difference", every, ALPHA, ALPHA)
        assert high == every.difference_highs(ALPHA)[apart].max()
        assert low == every.difference_lows(ALPHA / size / (size - 1))[apart].max()


def test_shares_of_the_same_rows_and_what_is_made_of_shares() -> None:
    chance = numpy.random.default_rng(7)
    shares, times, n = numpy.array([0.05, 0.15, 0.3, 0.5]), 800, 150
    missed = numpy.zeros(6)
    recalls, f1 = numpy.array([0.9, 0.6]), 2 * 0.4 / (2 * 0.4 + 0.3)
    for _ in range(times):
        rows = chance.multinomial(n, shares).astype(float)
        at = partial(rate_ends, rows, numpy.array(float(n)))
        of_shares = compared_ends("ratio", Shares(rows, rows / n, at), ALPHA, ALPHA)
        missed[:2] += of_shares[0] > 0.1, of_shares[1] < 0.1
        trials = numpy.array([[80.0, 25.0]])
        right = chance.binomial(trials.astype(int), recalls).astype(float)
        low, high = mean_of_rates(right, trials, ALPHA)
        missed[2:4] += low[0] > recalls.mean(), high[0] < recalls.mean()
        true, false = chance.multinomial(n, [0.4, 0.3, 0.3])[:2].astype(float)
        low, high = f1_ends(numpy.array(true), numpy.array(false), ALPHA)
        missed[4:] += low > f1, high < f1
    assert (missed / times <= ALPHA + 2 * (ALPHA * (1 - ALPHA) / times) ** 0.5).all(), missed
    low, high = share_ratio(numpy.array([5.0]), numpy.array([0.0]), ALPHA)
    assert low[0] > 0
    assert numpy.isnan(high[0]) or high[0] == numpy.inf
