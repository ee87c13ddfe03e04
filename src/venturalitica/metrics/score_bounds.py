"""How far a score metric can be off where the score was cut into cells.

Each function takes `scored` `(..., 2, S)`, `scores` `(S,)` (cell centres) and `reach`, half the
width of a cell, and returns `(...)`: the exact metric lies within this distance of the binned one,
whatever the scores inside the cells were. The bounds are proven, not estimated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy

from venturalitica.metrics.intervals import Floats, divide
from venturalitica.metrics.scores import CLIP, average_precision, calibration_edges, from_above

_ROUNDING = 1e-12
"""Cell edges are rounded floats: a cell that all but touches a bin's edge touches it."""


def roc_auc(scored: Floats, scores: Floats, reach: float) -> Floats:
    """Only pairs within one cell are uncertain; each counts 1/2 and may be 0 or 1."""
    other, favorable = scored[..., 0, :], scored[..., 1, :]
    pairs = favorable.sum(axis=-1) * other.sum(axis=-1)
    return divide((favorable * other).sum(axis=-1) / 2, pairs)


def average_precision_bound(scored: Floats, scores: Floats, reach: float) -> Floats:
    """The distance to the best and the worst order inside the cells.

    Best: within a cell all favorable rows come first and share one score, so that each has the
    precision of the last of them; worst: last, one by one. That sum over ranks Σ 1/(a + i) is
    bounded by an integral.
    """
    favorable, rows = scored[..., 1, :], scored.sum(axis=-2)
    above = from_above(rows) - rows
    others_above = above - (from_above(favorable) - favorable)
    others_here = others_above + scored[..., 0, :]
    last = above + scored[..., 0, :]
    best = favorable * (1 - divide(others_above, above + favorable))
    best = numpy.where(favorable > 0, best, 0.0)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        worst = favorable - others_here * numpy.log((last + favorable) / last)
    worst = numpy.where(last > 0, worst, favorable)
    total = favorable.sum(axis=-1)
    value = average_precision(scored, scores)
    over = divide(best.sum(axis=-1), total) - value
    under = value - divide(worst.sum(axis=-1), total)
    return numpy.maximum(over, under)


def brier_score(scored: Floats, scores: Floats, reach: float) -> Floats:
    """(d ± reach)² differs from d² by at most 2·d·reach + reach²."""
    distances = numpy.stack([scores, 1 - scores])
    return _mean(scored, 2 * distances * reach + reach**2)


def log_loss(scored: Floats, scores: Floats, reach: float) -> Floats:
    """The steepest side of the logarithm within the cell."""
    probabilities = numpy.stack([1 - scores, scores])
    at = numpy.log(numpy.clip(probabilities, CLIP, 1 - CLIP))
    low = numpy.log(numpy.clip(probabilities - reach, CLIP, 1 - CLIP))
    high = numpy.log(numpy.clip(probabilities + reach, CLIP, 1 - CLIP))
    return _mean(scored, numpy.maximum(at - low, high - at))


def expected_calibration_error(scored: Floats, scores: Floats, reach: float) -> Floats:
    """Each mean score moves by `reach`; rows of a cell on a bin's edge may belong to either bin."""
    edges = calibration_edges()
    nearest = numpy.abs(scores[:, None] - edges).min(axis=1)
    straddling = nearest <= reach + _ROUNDING
    rows = scored.sum(axis=-2)
    moved = 2 * divide((rows * straddling).sum(axis=-1), rows.sum(axis=-1))
    return numpy.minimum(moved + reach, 1.0)


def _mean(scored: Floats, losses: Floats) -> Floats:
    return divide((scored * losses).sum(axis=(-2, -1)), scored.sum(axis=(-2, -1)))


BOUNDS: Mapping[str, Callable[[Floats, Floats, float], Floats]] = {
    "roc_auc": roc_auc,
    "average_precision": average_precision_bound,
    "brier_score": brier_score,
    "log_loss": log_loss,
    "expected_calibration_error": expected_calibration_error,
}
