"""One-sided confidence ends from counts, exact or by a method whose coverage was measured.

Every function gives `(low, high)`: the truth lies below `low` with a chance of at most `alpha`, and
above `high` with one of at most `alpha`. `benchmarks/coverage.py` measures them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy
from numpy.typing import NDArray

from venturalitica.metrics.intervals import REPLICATES, Floats, Resampling, divide

Ends: TypeAlias = tuple[Floats, Floats]
AtLevel: TypeAlias = Callable[[float], Ends]
"""The ends of every group, `(G,)` each, at a one-sided error."""

ALPHA = 0.025
"""The error of each side of a 95 % interval."""


def rate_ends(successes: Floats, trials: Floats, alpha: float | Floats) -> Ends:
    """Of a share: k of n rows, n given (Clopper & Pearson, Biometrika 26, 1934).

    Args:
        successes, trials: any one shape; NaN where there is no trial.
    """
    # SciPy is imported when the first interval is made, not with the package.
    from scipy.special import betaincinv

    k, n = numpy.broadcast_arrays(numpy.asarray(successes, float), numpy.asarray(trials, float))
    low = numpy.where(k > 0, betaincinv(numpy.where(k > 0, k, 1.0), n - k + 1, alpha), 0.0)
    high = numpy.where(k < n, betaincinv(k + 1, numpy.where(k < n, n - k, 1.0), 1 - alpha), 1.0)
    return numpy.where(n > 0, low, numpy.nan), numpy.where(n > 0, high, numpy.nan)


def mean_of_rates(successes: Floats, trials: Floats, alpha: float) -> Ends:
    """Of the mean over the last axis of several rates, `(..., K)`, as far as they have trials."""
    return mean_of(lambda each: rate_ends(successes, trials, each), trials > 0, alpha)


def mean_of(ends: Callable[[Floats], Ends], present: NDArray[numpy.bool_], alpha: float) -> Ends:
    """Of the mean over the last axis of several values; those that are not `present` do not count.

    The error is divided among them, so nothing is asked of how they depend on each other.

    Args:
        ends: their ends, `(..., K)`, at an error that broadcasts against that.
    """
    size = present.sum(axis=-1, keepdims=True)
    low, high = ends(alpha / numpy.maximum(size, 1))
    with numpy.errstate(invalid="ignore"):
        means = [numpy.where(present, end, 0.0).sum(axis=-1) / size[..., 0] for end in (low, high)]
    return means[0], means[1]


def mean_of_two(ends: Callable[[float], Ends], rows: Floats, alpha: float) -> Ends:
    """Of the mean of two values weighted by their `rows` `(..., 2)`, a share that is found too."""
    low, high = ends(alpha / 3)
    low, high = numpy.nan_to_num(low, nan=0.0), numpy.nan_to_num(high, nan=1.0)
    weights = rate_ends(rows[..., 0], rows.sum(axis=-1), alpha / 3)
    least = [w * low[..., 0] + (1 - w) * low[..., 1] for w in weights]
    most = [w * high[..., 0] + (1 - w) * high[..., 1] for w in weights]
    return numpy.minimum(*least), numpy.maximum(*most)


def f1_ends(true: Floats, false: Floats, alpha: float | Floats) -> Ends:
    """Of F1 = 2J / (1 + J), with J = TP / (TP + FP + FN): `true` of `true + false` rows."""
    low, high = rate_ends(true, true + false, alpha)
    return 2 * low / (1 + low), 2 * high / (1 + high)


FEWEST = 5
"""Rows in each cell of two labels' outcomes, from which replicates tell what they may be."""
_TAIL = 20
"""So many replicates must lie beyond an end that is read from them."""
_PREVALENCES = 25


def association_ends(outcomes: Floats, statistic: Callable[[Floats], Floats], alpha: float) -> Ends:
    """Of a correlation of two labels, such as Matthews' or Cohen's kappa.

    From replicates at half of the error where every cell holds `FEWEST` rows and enough replicates
    lie beyond the end; else over what the rates that it is made of may be together.

    Args:
        outcomes: rows by [target, prediction], `(G, 2, 2)`.
        statistic: from `(b, 2, 2)` to `(b,)`.
    """
    found = [_association(cells, statistic, alpha) for cells in outcomes]
    low, high = numpy.array(found, dtype=float).reshape(-1, 2).T
    return low, high


def _association(
    outcomes: Floats, statistic: Callable[[Floats], Floats], alpha: float
) -> tuple[float, float]:
    if outcomes.min() >= FEWEST and alpha / 2 * REPLICATES >= _TAIL:
        cells = outcomes.reshape(-1).astype(numpy.int64)
        seed = f"outcomes|{','.join(map(str, cells.tolist()))}"
        drawn = Resampling(cells, seed).each(lambda b: statistic(b.reshape(-1, 2, 2)))
        low, high = numpy.nanquantile(drawn, [alpha / 2, 1 - alpha / 2])
        return float(low), float(high)
    others, rows = outcomes.sum(axis=1)
    if not others or not rows:
        return -1.0, 1.0
    rest = rate_ends(outcomes[0, 0], others, alpha / 3)
    hits = rate_ends(outcomes[1, 1], rows, alpha / 3)
    share = numpy.linspace(*rate_ends(rows, others + rows, alpha / 6), _PREVALENCES)
    ends = []
    for specificity, sensitivity in zip(rest, hits, strict=True):
        table = [
            [(1 - share) * specificity, (1 - share) * (1 - specificity)],
            [share * (1 - sensitivity), share * sensitivity],
        ]
        ends.append(statistic(numpy.moveaxis(numpy.array(table), -1, 0)))
    low, high = float(numpy.nanmin(ends[0])), float(numpy.nanmax(ends[1]))
    return max(low, -1.0), min(high, 1.0)


def auc_ends(values: Floats, variances: Floats, rarer: Floats, alpha: float) -> Ends:
    """Of the area under the ROC curve, `(G,)`.

    On the logit scale with DeLong's variance, at half of the error, where enough rows are ranked
    wrongly; else by Hoeffding's bound for U-statistics: every area whose Kullback-Leibler distance
    from the value, times the rows of the rarer side, is below log(1 / alpha).
    """
    from scipy.special import ndtri

    clipped = numpy.clip(values, 1e-12, 1 - 1e-12)
    logit = numpy.log(clipped / (1 - clipped))
    reach = ndtri(1 - alpha / 2) * numpy.sqrt(variances) / (clipped * (1 - clipped))
    wide = rarer * numpy.minimum(values, 1 - values) >= RANKED_WRONGLY
    with numpy.errstate(over="ignore", invalid="ignore"):
        low, high = (1 / (1 + numpy.exp(-(logit + sign * reach))) for sign in (-1, 1))
    wide &= variances > 0
    if not wide.all():
        bound = kullback_leibler(values[~wide], rarer[~wide], alpha)
        low[~wide], high[~wide] = bound
    return low, high


RANKED_WRONGLY = 10
"""Rows of the rarer side, times the distance of the area from 0 or 1, for DeLong's variance."""


def kullback_leibler(values: Floats, rows: Floats, alpha: float) -> Ends:
    """Every mean whose Kullback-Leibler distance from a value, times its rows, is below
    log(1 / alpha): by bisection, all at once."""
    most = numpy.log(1 / alpha) / numpy.maximum(rows, 1.0)

    def distance(at: Floats) -> Floats:
        with numpy.errstate(divide="ignore", invalid="ignore"):
            one = numpy.where(values > 0, values * numpy.log(values / at), 0.0)
            other = numpy.where(values < 1, (1 - values) * numpy.log((1 - values) / (1 - at)), 0.0)
        return one + other

    ends = []
    for edge in (0.0, 1.0):
        inside, outside = values.astype(float), numpy.full(values.shape, edge)
        for _ in range(60):
            middle = (inside + outside) / 2
            near = distance(middle) <= most
            inside, outside = numpy.where(near, middle, inside), numpy.where(near, outside, middle)
        ends.append(outside)
    return ends[0], ends[1]


def share_ratio(first: Floats, second: Floats, alpha: float) -> Ends:
    """Of the ratio of two shares of the same rows, by the odds of one among both.

    Given how many rows belong to either, the first's are binomial, whatever else the rows are.
    """
    low, high = rate_ends(first, first + second, alpha)
    return low / (1 - low), divide(high, 1 - high)


HALF = 0.5
"""Two shares this far apart: one of them is near its end, where recovered variances are too few."""


def difference_lows(values: Floats, low: Floats, high: Floats, within: float = HALF) -> Floats:
    """The lower ends of `values[i] - values[j]`, `(G, G)`, from the two groups' own ends.

    Put together by the method of variance estimates recovery (Newcombe, Statistics in Medicine 17,
    1998); where the difference is beyond `within`, by a rectangle, which holds always.
    """
    under = -_recovered(values, low, high).T
    return numpy.where(numpy.abs(under) <= within, under, low[:, None] - high[None])


def difference_highs(values: Floats, low: Floats, high: Floats, within: float = HALF) -> Floats:
    """The upper ends of the same."""
    over = _recovered(values, low, high)
    return numpy.where(over <= within, over, high[:, None] - low[None])


def _recovered(values: Floats, low: Floats, high: Floats) -> Floats:
    """The upper end of each difference, `(G, G)`."""
    own, other = high - values, values - low
    apart: Floats = values[:, None] - values[None]
    return apart + numpy.sqrt(own[:, None] ** 2 + other[None] ** 2)


def ratio_lows(values: Floats, low: Floats, high: Floats) -> Floats:
    """The lower ends of `values[i] / values[j]`, `(G, G)`, from the two groups' own ends.

    Donner & Zou, Statistics in Medicine 31 (2012): MOVER-R, in closed form.
    """
    top = (low * (2 * values - low))[:, None]
    bottom = (high * (2 * values - high))[None]
    product = values[:, None] * values[None]
    root = numpy.sqrt(numpy.maximum(product**2 - bottom * top, 0.0))
    return numpy.where(top > 0, divide(top, product + root), 0.0)


BOX = -numpy.inf
"""As `within`: every two ends are put together by a rectangle."""


class Apart:
    """Groups whose rows are counted apart: `values` `(G,)` and their ends at any error.

    `within` is infinite for values that are no shares.
    """

    def __init__(self, values: Floats, at: AtLevel, within: float = HALF) -> None:
        self.values, self.at, self.within = values, at, within

    def of(self, places: NDArray[numpy.int64]) -> Apart:
        """These of the groups."""
        at = self.at

        def chosen(alpha: float) -> Ends:
            low, high = at(alpha)
            return low[places], high[places]

        return Apart(self.values[places], chosen, self.within)

    def sure_at(self, alpha: float) -> Apart:
        """They, with their ends put together by rectangles where the error is below `ALPHA`.

        Recovered variances keep an error of `ALPHA` whatever the truth is, and smaller ones, which
        a higher level or `joint` asks for, less and less: of 5 and 333 rows they miss 2.4 times as
        often as 0.005, and 13 times as often as 0.0005 (by every outcome).
        """
        return self if alpha >= ALPHA else Apart(self.values, self.at, BOX)

    def difference_lows(self, alpha: float) -> Floats:
        """The lower end of each group minus each other, `(G, G)`."""
        return difference_lows(self.values, *self.at(alpha / 2), self.within)

    def difference_highs(self, alpha: float) -> Floats:
        """The upper ends of the same."""
        return difference_highs(self.values, *self.at(alpha / 2), self.within)

    def ratio_lows(self, alpha: float) -> Floats:
        """The lower end of each group over each other, `(G, G)`."""
        low, high = self.at(alpha / 2)
        if self.within == BOX:
            return divide(numpy.maximum(low, 0.0)[:, None], high[None])
        return ratio_lows(self.values, low, high)


class Shares(Apart):
    """Groups whose values are shares of the same rows, or the rows themselves: `rows` `(G,)`."""

    def __init__(self, rows: Floats, values: Floats, at: AtLevel) -> None:
        self.rows = rows
        super().__init__(values, at)

    def of(self, places: NDArray[numpy.int64]) -> Shares:
        chosen = super().of(places)
        return Shares(self.rows[places], chosen.values, chosen.at)

    def sure_at(self, alpha: float) -> Shares:
        """Themselves: their ends hold at any error."""
        return self

    def difference_lows(self, alpha: float) -> Floats:
        """By rectangles: one share is the less the more another is."""
        low, high = self.at(alpha / 2)
        return low[:, None] - high[None]

    def difference_highs(self, alpha: float) -> Floats:
        return -self.difference_lows(alpha).T

    def ratio_lows(self, alpha: float) -> Floats:
        return share_ratio(self.rows[:, None], self.rows[None], alpha)[0]


def compared_ends(compare: str, groups: Apart, sure: float, other: float) -> tuple[float, float]:
    """The ends of a comparison of groups.

    That all groups keep a bound is shown where each does, whatever their number (an
    intersection-union test: Berger, Technometrics 24, 1982): that end is at the error `sure`. That
    some group breaks it is looked for among them all, and the other end divides `other` among them.

    Args:
        compare: `max`, `min`, `difference`, `ratio`, or `between` of two groups.
        groups: at least two.

    Returns:
        The ends, which may lie beyond what the comparison can be.
    """
    size = groups.values.size
    pairs = size * (size - 1)
    surely = groups.sure_at(sure)
    if compare == "max":
        return float(groups.at(other / size)[0].max()), float(groups.at(sure)[1].max())
    if compare == "min":
        return float(groups.at(sure)[0].min()), float(groups.at(other / size)[1].min())
    if compare == "between":
        low, high = surely.difference_lows(sure)[0, 1], surely.difference_highs(sure)[0, 1]
        return float(low), float(high)
    if compare == "difference":
        return _greatest(groups, other / pairs), _widest(surely, sure)
    apart = ~numpy.eye(size, dtype=bool)
    low = surely.ratio_lows(sure)[apart].min()
    most = groups.ratio_lows(other / pairs)[apart].max()
    return float(low), 1.0 / float(most) if most > 0 else numpy.inf


def _widest(groups: Apart, alpha: float) -> float:
    """The greatest upper end of a difference, of all pairs.

    No pair's end is above the one's upper end less the other's lower end: of many groups only those
    are put together that can be above the pair that looks the widest.
    """
    low, high = groups.at(alpha / 2)
    first = groups.of(_two(high, low)).difference_highs(alpha)[0, 1]
    may = (high - low.min() >= first - _SLACK) | (high.max() - low >= first - _SLACK)
    return _among(groups.of(numpy.flatnonzero(may)).difference_highs(alpha))


def _greatest(groups: Apart, alpha: float) -> float:
    """The greatest lower end: no pair's is above the one's lower end less the other's value, nor
    above the one's value less the other's upper end."""
    low, high = groups.at(alpha / 2)
    first = groups.of(_two(low, high)).difference_lows(alpha)[0, 1]
    values, least = groups.values, first - _SLACK
    one = (low - values.min() >= least) & (values - high.min() >= least)
    other = (low.max() - values >= least) & (values.max() - high >= least)
    return _among(groups.of(numpy.flatnonzero(one | other)).difference_lows(alpha))


_SLACK = 1e-9


def _two(highest: Floats, lowest: Floats) -> NDArray[numpy.int64]:
    """Two places: of the highest, and of the lowest of the others."""
    one = int(numpy.argmax(highest))
    rest = numpy.where(numpy.arange(lowest.size) == one, numpy.inf, lowest)
    return numpy.array([one, int(numpy.argmin(rest))])


def _among(ends: Floats) -> float:
    """The greatest, off the diagonal."""
    return float(ends[~numpy.eye(len(ends), dtype=bool)].max())
