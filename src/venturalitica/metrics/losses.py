"""One-sided ends of means of bounded losses, and of what scores show, from counts by score level.

As in `ends`, every function gives `(low, high)` at a one-sided error; no replicate is drawn, so an
error divided among many groups costs what any other does.
"""

from __future__ import annotations

import numpy

from venturalitica.metrics.ends import Ends, kullback_leibler
from venturalitica.metrics.intervals import Floats, divide

EVENTS = 5.0
"""Rows that lose all there is to lose, or what is as much in variance: from so many on the error is
that of Student's t; below it nothing but ln(1 / error) holds."""
MISSED = 10.0
"""Favorable rows that are ranked below others, or what is as much, for a variance of them."""
_POINTS = 49
_STEPS = 28
_FARTHEST = 16.0


def mean_loss_ends(rows: Floats, losses: Floats, worst: float, alpha: float) -> Ends:
    """Of the mean of losses in [0, worst].

    Every mean to which the rows can be weighted anew, near enough to how they fell, where one that
    lost nothing and one that lost all are held possible besides: empirical likelihood (Owen,
    Biometrika 75, 1988) with its support completed (Honda & Takemura, COLT 2010). Nothing is
    certain because nothing varied: thirty rows without a loss may lose up to `worst · ln 40 / 30`.

    Args:
        rows: of each loss by group, `(G, L)`.
        losses: `(L,)`.
    """
    # Loss on few points, each split between its neighbours: the mean stays, the spread only grows.
    points = worst * numpy.linspace(0.0, 1.0, _POINTS) ** 2
    below = numpy.clip(numpy.searchsorted(points, losses, side="right") - 1, 0, _POINTS - 2)
    above = (losses - points[below]) / (points[below + 1] - points[below])
    split = numpy.zeros((losses.size, _POINTS))
    split[numpy.arange(losses.size), below] = 1 - above
    split[numpy.arange(losses.size), below + 1] += above
    n = rows.sum(axis=-1)
    shares = divide(rows @ split, n[:, None])
    variances = shares @ points**2 - (shares @ points) ** 2
    near = _distance(n, n * variances / worst**2, alpha) / numpy.maximum(n, 1.0)
    high = _farthest(shares, points / worst, near)
    low = 1 - _farthest(shares[:, ::-1], 1 - points[::-1] / worst, near)
    empty = n == 0
    return numpy.where(empty, numpy.nan, worst * low), numpy.where(empty, numpy.nan, worst * high)


def _distance(rows: Floats, events: Floats, alpha: float) -> Floats:
    """How far off the likelihood may be, as n times a Kullback-Leibler distance."""
    from scipy.special import stdtrit

    student = stdtrit(numpy.maximum(rows - 1, 1.0), 1 - alpha) ** 2 / 2
    distance: Floats = numpy.where(events >= EVENTS, student, numpy.log(1 / alpha))
    return distance


def _farthest(shares: Floats, points: Floats, near: Floats) -> Floats:
    """The greatest mean of weights within a Kullback-Leibler distance `near` `(G,)` of the shares.

    The weights are as p / (v - x); v is found by bisection (Cappé et al., Annals of Statistics 41,
    2013, section 6). Points run from 0 to 1; where v would be below 1, the rest of the weight is at
    1, whether or not a row was seen there.
    """
    there = shares > 0
    gap = 1 - points

    def apart(beyond: Floats) -> tuple[Floats, Floats]:
        with numpy.errstate(divide="ignore", invalid="ignore"):
            distance = beyond[:, None] + gap
            weights = numpy.where(there, shares / distance, 0.0)
            logs = numpy.where(there, shares * numpy.log(distance), 0.0).sum(axis=-1)
            return logs + numpy.log(weights.sum(axis=-1)), weights

    least, most = (numpy.full(near.shape, sign * _FARTHEST) for sign in (-1, 1))
    for _ in range(_STEPS):
        middle = (least + most) / 2
        far = apart(numpy.exp(middle))[0] > near
        least, most = numpy.where(far, middle, least), numpy.where(far, most, middle)
    short, weights = apart(numpy.zeros(near.shape))
    outside = ~there[:, -1] & (short < near)
    weights = numpy.where(outside[:, None], weights, apart(numpy.exp(most))[1])
    with numpy.errstate(over="ignore", invalid="ignore"):
        rest = numpy.where(outside, 1 - numpy.exp(short - near), 0.0)
    mean = divide((weights * points).sum(axis=-1), weights.sum(axis=-1))
    return numpy.clip((1 - rest) * mean + rest, 0.0, 1.0)


def precision_ends(
    values: Floats, variances: Floats, bias: Floats, favorable: Floats, alpha: float
) -> Ends:
    """Of an average precision, `(G,)`.

    On the logit scale with the variance of what each row moves (the infinitesimal jackknife), at
    half of the error; the low end without `bias`, by which a row counts for its own precision.
    Where too few rows are missed, every value whose Kullback-Leibler distance, times the favorable
    rows, is below log(1 / alpha).
    """
    from scipy.special import expit, logit, stdtrit

    reach = stdtrit(numpy.maximum(favorable - 1, 1.0), 1 - alpha / 2) * numpy.sqrt(variances)
    ends = []
    for sign, off in ((-1, bias), (1, 0.0)):
        at = numpy.clip(values - off, 1e-12, 1 - 1e-12)
        ends.append(expit(logit(at) + sign * reach / (at * (1 - at))))
    few = (favorable * (1 - values) < MISSED) | (variances == 0)
    for end, bound in zip(ends, kullback_leibler(values, favorable, alpha), strict=True):
        end[few] = bound[few]
    return ends[0], ends[1]


def distances_sum(variances: Floats, alpha: float) -> Floats:
    """What a sum of |normal| of mean 0 stays below, but for an error of `alpha`.

    `variances` is `(G, B)`. By the gamma distribution of that mean and variance, whose tail is the
    heavier one.
    """
    from scipy.special import gammaincinv

    mean = numpy.sqrt(2 / numpy.pi * variances).sum(axis=-1)
    spread = (1 - 2 / numpy.pi) * variances.sum(axis=-1)
    shape = divide(mean**2, spread)
    most: Floats = divide(spread, mean) * gammaincinv(numpy.nan_to_num(shape, nan=1.0), 1 - alpha)
    return numpy.nan_to_num(most, nan=0.0)
