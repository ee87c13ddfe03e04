"""How far two samples of one column are apart. `counts` is `(..., 2, K)`: the rows of the
reference and of the data in each of K cells, every cell with rows in one of them."""

from __future__ import annotations

import math

import numpy

from venturalitica.metrics.ends import Ends
from venturalitica.metrics.intervals import Floats
from venturalitica.metrics.statistic import DRIFT, Statistic

HALF_A_ROW = 0.5
"""What is added to every cell of both where one is empty: Jeffreys' prior of a share."""
FEWEST_IN_CELL = 5
"""Rows of each cell of both from which the ends are shown to hold."""
_LN2 = math.log(2.0)


def _shares(counts: Floats) -> tuple[Floats, Floats]:
    shares = counts / counts.sum(axis=-1, keepdims=True)
    return shares[..., 0, :], shares[..., 1, :]


def _filled(counts: Floats) -> Floats:
    empty = (counts == 0).any(axis=(-2, -1), keepdims=True)
    filled: Floats = numpy.where(empty, counts + HALF_A_ROW, counts)
    return filled


def population_stability_index(counts: Floats) -> Floats:
    """Σ (q − p) ln(q / p), in nats; with half a row more in every cell where one is empty."""
    p, q = _shares(_filled(counts))
    moved: Floats = ((q - p) * numpy.log(q / p)).sum(axis=-1)
    return moved


def _divergence(counts: Floats) -> Floats:
    """The Jensen-Shannon divergence in nats; rounding may leave -1e-17 of 0."""
    p, q = _shares(counts)
    middle = (p + q) / 2
    found = (_x_log(p, p / middle) + _x_log(q, q / middle)).sum(axis=-1) / 2
    return _clipped(found, _LN2)


def _clipped(values: Floats, most: float = 1.0) -> Floats:
    clipped: Floats = numpy.clip(values, 0.0, most)
    return clipped


def _x_log(shares: Floats, ratio: Floats) -> Floats:
    """`share · ln(ratio)`, 0 where nothing has the share."""
    logs: Floats = shares * numpy.log(numpy.where(shares > 0, ratio, 1.0))
    return logs


def jensen_shannon_distance(counts: Floats) -> Floats:
    """The square root of the divergence in base 2, 0 to 1, as SciPy's `jensenshannon`."""
    return numpy.sqrt(_divergence(counts) / _LN2)


def kolmogorov_smirnov_distance(counts: Floats) -> Floats:
    """The largest gap of the cumulative shares, cells in their order."""
    p, q = _shares(counts)
    gaps: Floats = numpy.abs(numpy.cumsum(p - q, axis=-1)).max(axis=-1)
    return _clipped(gaps)


def _mean_square(counts: Floats) -> Floats:
    """Pearson's chi-square divided by all rows."""
    rows = counts.sum(axis=-1)
    weight = (rows[..., 0] / rows.sum(axis=-1))[..., None]
    p, q = _shares(counts)
    whole = weight * p + (1 - weight) * q
    found: Floats = (weight * (1 - weight) * (p - q) ** 2 / whole).sum(axis=-1)
    return found


def chi_square_distance(counts: Floats) -> Floats:
    """Cramér's V of the 2 × K table, 0 to 1."""
    return numpy.sqrt(_clipped(_mean_square(counts)))


def _stability_ends(counts: Floats, alpha: float) -> Ends:
    """None above where a cell is empty: what never occurred may be as rare as it likes."""
    p, q = _shares(_filled(counts))
    slopes = numpy.log(p / q) + 1 - q / p, numpy.log(q / p) + 1 - p / q
    scale = _harmonic(counts)
    low, high = _around(population_stability_index(counts), slopes, counts, scale, alpha)
    return low, numpy.where((counts == 0).any(axis=(-2, -1)), numpy.inf, high)


def _jensen_shannon_ends(counts: Floats, alpha: float) -> Ends:
    p, q = _shares(_filled(counts))
    middle = (p + q) / 2
    slopes = numpy.log(p / middle) / 2, numpy.log(q / middle) / 2
    # Near p = q the divergence is an eighth of the chi-square distance of the two.
    low, high = _around(_divergence(counts), slopes, counts, 8 * _harmonic(counts), alpha)
    return numpy.sqrt(_clipped(low / _LN2)), numpy.sqrt(_clipped(high / _LN2))


def _chi_square_ends(counts: Floats, alpha: float) -> Ends:
    p, q = _shares(_filled(counts))
    rows = counts.sum(axis=-1)
    weight = (rows[..., 0] / rows.sum(axis=-1))[..., None]
    whole, squares = weight * p + (1 - weight) * q, weight * p**2 + (1 - weight) * q**2
    slopes = tuple(
        part * (2 * share / whole - squares / whole**2)
        for part, share in ((weight, p), (1 - weight, q))
    )
    low, high = _around(_mean_square(counts), slopes, counts, rows.sum(axis=-1), alpha)
    return numpy.sqrt(_clipped(low)), numpy.sqrt(_clipped(high))


def _harmonic(counts: Floats) -> Floats:
    first, second = numpy.moveaxis(counts.sum(axis=-1), -1, 0)
    found: Floats = first * second / (first + second)
    return found


def _around(
    value: Floats, slopes: tuple[Floats, ...], counts: Floats, scale: Floats, alpha: float
) -> Ends:
    """The ends of a divergence, by two methods at half of the error each, the wider of both.

    Near 0, where resampling lies too high and no variance tells the distance, `scale · value` is
    noncentral chi-square with K - 1 degrees of freedom, whose noncentrality is `scale` times the
    truth: its ends are found by inverting that. Further away the variance is more than that says:
    there, by the delta method, less the bias of K - 1 degrees of freedom.
    """
    from scipy.special import ndtri

    freedom = counts.shape[-1] - 1
    low = _noncentrality(scale * value, freedom, 1 - alpha / 2) / scale
    # Two samples more alike than chance makes them do not show that the truth is 0: as if they
    # were as far apart as equal ones are on average.
    high = _noncentrality(numpy.maximum(scale * value, freedom), freedom, alpha / 2) / scale
    variance = numpy.zeros(value.shape)
    for side, slope in enumerate(slopes):
        shares = counts[..., side, :] / counts[..., side, :].sum(axis=-1, keepdims=True)
        mean = (shares * slope).sum(axis=-1, keepdims=True)
        spread = (shares * (slope - mean) ** 2).sum(axis=-1)
        variance = variance + spread / counts[..., side, :].sum(axis=-1)
    reach = ndtri(1 - alpha / 2) * numpy.sqrt(variance)
    middle = value - freedom / scale
    return (
        _clipped(numpy.minimum(low, middle - reach), numpy.inf),
        _clipped(numpy.maximum(high, middle + reach), numpy.inf),
    )


def _noncentrality(statistic: Floats, freedom: int, chance: float) -> Floats:
    """The noncentrality at which a chi-square statistic is below `statistic` with this chance; 0
    where it would have to be less than none. By bisection."""
    from scipy.special import chdtr, chndtr

    inside = numpy.zeros(statistic.shape)
    outside = 4 * statistic + 200.0
    for _ in range(70):
        middle = (inside + outside) / 2
        below = chndtr(statistic, freedom, middle) > chance
        inside = numpy.where(below, middle, inside)
        outside = numpy.where(below, outside, middle)
    return numpy.where(chdtr(freedom, statistic) > chance, inside, 0.0)


def _kolmogorov_ends(counts: Floats, alpha: float) -> Ends:
    """No cumulative share of a sample is further from its truth than Massart's constant allows,
    whatever the distribution; the error is divided between the two samples."""
    value = kolmogorov_smirnov_distance(counts)
    reach = numpy.sqrt(numpy.log(4 / alpha) / (2 * counts.sum(axis=-1))).sum(axis=-1)
    return _clipped(value - reach), _clipped(value + reach)


def _few(counts: Floats) -> str:
    """Why the ends of these counts are not shown to hold; "" where they are."""
    if counts.min() >= FEWEST_IN_CELL:
        return ""
    return f"a cell holds fewer than {FEWEST_IN_CELL} rows"


STATISTICS = {
    "population_stability_index": Statistic(
        DRIFT, population_stability_index, ends=_stability_ends, unsure=_few
    ),
    "jensen_shannon_distance": Statistic(
        DRIFT, jensen_shannon_distance, ends=_jensen_shannon_ends, unsure=_few
    ),
    "kolmogorov_smirnov_distance": Statistic(
        DRIFT, kolmogorov_smirnov_distance, ends=_kolmogorov_ends
    ),
    "chi_square_distance": Statistic(
        DRIFT, chi_square_distance, ends=_chi_square_ends, unsure=_few
    ),
}
