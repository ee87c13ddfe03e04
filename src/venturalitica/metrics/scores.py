"""Metrics of a score for the favorable label.

`scored` is `(..., 2, S)`: rows by [target is favorable] (index 1 = favorable) and score level;
`scores` is `(S,)`, ascending. All return `(...)`. Scores that are the very values of the data give
the exact metric, ties included. Each `_bound` says how far off a binned table can be: `scores` are
then the centres of cells and `reach` half the width of one, and the exact metric lies within this
distance of the binned one, whatever the scores inside the cells were. The bounds are proven, not
estimated.
"""

from __future__ import annotations

import numpy

from venturalitica.core.text import format_number
from venturalitica.metrics.ends import Ends, auc_ends
from venturalitica.metrics.intervals import Floats, Integers, divide
from venturalitica.metrics.losses import MISSED, distances_sum, mean_loss_ends, precision_ends
from venturalitica.metrics.statistic import Statistic, all_rows, dense, favorable, least_of

BINS = 10
"""Equal bins of the expected calibration error."""
CLIP = float(numpy.finfo(numpy.float64).eps)
"""How near to 0 and 1 a probability may come in the log loss, as in scikit-learn."""
_ROUNDING = 1e-12
"""Cell edges are rounded floats: a cell that all but touches a bin's edge touches it."""


def roc_auc(scored: Floats, scores: Floats) -> Floats:
    """P(favorable scores above other) + P(tie) / 2."""
    other, favorable = scored[..., 0, :], scored[..., 1, :]
    below = numpy.cumsum(other, axis=-1) - other
    pairs = (favorable * (below + other / 2)).sum(axis=-1)
    return divide(pairs, favorable.sum(axis=-1) * other.sum(axis=-1))


def roc_auc_ends(scored: Floats, scores: Floats, values: Floats, alpha: float) -> Ends:
    """Around `values` `(G,)`, with the variance of DeLong, DeLong & Clarke-Pearson (1988)."""
    other, favorable = scored[..., 0, :], scored[..., 1, :]
    others, favorables = other.sum(axis=-1), favorable.sum(axis=-1)
    area = roc_auc(scored, scores)[..., None]
    below = numpy.cumsum(other, axis=-1) - other / 2
    above = from_above(favorable) - favorable / 2
    variances = _variance(favorable, divide(below, others[..., None]) - area, favorables)
    variances = variances + _variance(other, divide(above, favorables[..., None]) - area, others)
    rarer = numpy.minimum(others, favorables)
    return auc_ends(values, numpy.nan_to_num(variances), rarer, alpha)


def _variance(rows: Floats, apart: Floats, whole: Floats) -> Floats:
    """Of the mean of what `rows` of each level are apart from their mean."""
    return divide(divide((rows * apart**2).sum(axis=-1), whole - 1), whole)


def _few_ranked(scored: Floats, scores: Floats) -> str:
    if numpy.all(rarer_rows(scored, scores) >= RANKED):
        return ""
    return f"fewer than {RANKED} rows on one side of the target"


RANKED = 10
"""Rows of either side of the target, from which an area may be conclusive."""


def average_precision(scored: Floats, scores: Floats) -> Floats:
    """Σ recall gained × precision, step-wise from the highest score down."""
    favorable = scored[..., 1, :]
    hits = from_above(favorable)
    precisions = divide(hits, from_above(scored.sum(axis=-2)))
    gained = numpy.where(favorable > 0, favorable * precisions, 0.0)
    return divide(gained.sum(axis=-1), favorable.sum(axis=-1))


def average_precision_ends(scored: Floats, scores: Floats, values: Floats, alpha: float) -> Ends:
    """Around `values` `(G,)`. With one row more of a level every precision at it or below moves."""
    other, favorable = scored[..., 0, :], scored[..., 1, :]
    rows, whole = from_above(scored.sum(axis=-2)), favorable.sum(axis=-1)
    precisions = numpy.nan_to_num(divide(from_above(favorable), rows))
    each = numpy.nan_to_num(divide(favorable, rows))
    own = (each * (1 - precisions)).sum(axis=-1)
    gained = precisions + numpy.cumsum(each * (1 - precisions), axis=-1)
    lost = numpy.cumsum(each * precisions, axis=-1)
    area = average_precision(scored, scores)[..., None]
    moved = (favorable * (gained - area) ** 2 + other * lost**2).sum(axis=-1)
    variances = numpy.nan_to_num(divide(moved, whole**2))
    return precision_ends(values, variances, numpy.nan_to_num(divide(own, whole)), whole, alpha)


RANKED_PRECISELY = 30
"""Rows with the favorable target, from which an average precision may be conclusive."""


def _few_precise(scored: Floats, scores: Floats) -> str:
    if numpy.any(favorable_rows(scored, scores) < RANKED_PRECISELY):
        return f"fewer than {RANKED_PRECISELY} rows with the favorable target"
    return _few_ranked(scored, scores)


def brier_score(scored: Floats, scores: Floats) -> Floats:
    """Mean squared distance of score and outcome."""
    return _mean_loss(scored, scores**2, (1 - scores) ** 2)


def log_loss(scored: Floats, scores: Floats) -> Floats:
    """Mean negative log of the probability given to the outcome."""
    return _mean_loss(scored, *_log_losses(scores))


def brier_score_ends(scored: Floats, scores: Floats, values: Floats, alpha: float) -> Ends:
    """Around `values` `(G,)`; a row loses 1 at most."""
    return _loss_ends(scored, values, numpy.stack([scores**2, (1 - scores) ** 2]), 1.0, alpha)


def log_loss_ends(scored: Floats, scores: Floats, values: Floats, alpha: float) -> Ends:
    """Around `values` `(G,)`; a row loses at most what the surest score of any row can lose."""
    losses = numpy.stack(_log_losses(scores))
    seen = scored.reshape(-1, scores.size).sum(axis=0) > 0
    worst = float(losses[:, seen].max(initial=0.0))
    return _loss_ends(scored, values, numpy.minimum(losses, worst), worst, alpha)


def _loss_ends(scored: Floats, values: Floats, losses: Floats, worst: float, alpha: float) -> Ends:
    """The ends on these levels, moved by what the values are off them."""
    low, high = mean_loss_ends(
        scored.reshape(scored.shape[0], -1), losses.reshape(-1), worst, alpha
    )
    moved = values - _mean_loss(scored, *losses)
    return numpy.maximum(low + moved, 0.0), high + moved


def expected_calibration_error_ends(
    scored: Floats, scores: Floats, values: Floats, alpha: float
) -> Ends:
    """Around `values` `(G,)`, by what chance alone makes of the distances.

    Whatever the true distances are, the sum found is off by no more than the sum of what chance
    moves each bin by: that of outcomes drawn from the scores, or as far as the outcomes lie apart
    from the scores, if that is more.
    """
    member = numpy.eye(BINS)[calibration_bins(scores)]
    drawn = scored.sum(axis=-2) * scores * (1 - scores)
    variances = numpy.maximum(drawn @ member, _squares(scored, scores) @ member)
    rows = scored.sum(axis=(-2, -1))
    reach = distances_sum(divide(variances, rows[:, None] ** 2), alpha)
    return numpy.maximum(values - reach, 0.0), numpy.minimum(values + reach, 1.0)


def _squares(scored: Floats, scores: Floats) -> Floats:
    """The squared distances of score and outcome, summed by level `(..., S)`."""
    squares: Floats = scored[..., 0, :] * scores**2 + scored[..., 1, :] * (1 - scores) ** 2
    return squares


def _few_missed(scored: Floats, scores: Floats) -> str:
    if scored.shape[0] > 1:
        return "no interval is shown to hold for calibration errors of groups compared"
    if _squares(scored, scores).sum() < MISSED:
        return f"all squared distances of score and outcome add up to less than {MISSED:g}"
    return ""


def expected_calibration_error(scored: Floats, scores: Floats) -> Floats:
    """Σ over bins of |Σ scores − favorable rows| / n."""
    excess: Floats = scored[..., 0, :] * scores + scored[..., 1, :] * (scores - 1)
    member = numpy.eye(BINS)[calibration_bins(scores)]
    return divide(numpy.abs(excess @ member).sum(axis=-1), scored.sum(axis=(-2, -1)))


def calibration_bins(scores: Floats) -> Integers:
    """The bin of each score: ]0.1, 0.2] and so on, 0 in the first, as `calibration_curve` bins."""
    return numpy.searchsorted(calibration_edges(), scores).astype(numpy.int64)


def calibration_edges() -> Floats:
    """The edges between bins."""
    return numpy.linspace(0.0, 1.0, BINS + 1)[1:-1]


def favorable_rows(scored: Floats, scores: Floats) -> Floats:
    """Rows with the favorable target."""
    rows: Floats = scored[..., 1, :].sum(axis=-1)
    return rows


def rarer_rows(scored: Floats, scores: Floats) -> Floats:
    """Rows of whichever side of the target has fewer."""
    rows: Floats = scored.sum(axis=-1).min(axis=-1)
    return rows


def _behind_precisions(scored: Floats, scores: Floats) -> Floats:
    """Rows of the rarer side of the target, where both have any; none without favorable rows."""
    favorable = favorable_rows(scored, scores)
    rarer = least_of(favorable, scored[..., 0, :].sum(axis=-1))
    return numpy.where(favorable > 0, rarer, 0.0)


def _log_losses(scores: Floats) -> tuple[Floats, Floats]:
    return (
        -numpy.log(numpy.clip(1 - scores, CLIP, 1 - CLIP)),
        -numpy.log(numpy.clip(scores, CLIP, 1 - CLIP)),
    )


def _mean_loss(scored: Floats, of_other: Floats, of_favorable: Floats) -> Floats:
    total = scored[..., 0, :] @ of_other + scored[..., 1, :] @ of_favorable
    return divide(total, scored.sum(axis=(-2, -1)))


def from_above(counts: Floats) -> Floats:
    """Running sums of the last axis from its end: rows at this level or above."""
    return numpy.flip(numpy.cumsum(numpy.flip(counts, axis=-1), axis=-1), axis=-1)


def roc_auc_bound(scored: Floats, scores: Floats, reach: float) -> Floats:
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


def brier_score_bound(scored: Floats, scores: Floats, reach: float) -> Floats:
    """(d ± reach)² differs from d² by at most 2·d·reach + reach²."""
    distances = numpy.stack([scores, 1 - scores])
    return _mean(scored, 2 * distances * reach + reach**2)


def log_loss_bound(scored: Floats, scores: Floats, reach: float) -> Floats:
    """The steepest side of the logarithm within the cell."""
    probabilities = numpy.stack([1 - scores, scores])
    at = numpy.log(numpy.clip(probabilities, CLIP, 1 - CLIP))
    low = numpy.log(numpy.clip(probabilities - reach, CLIP, 1 - CLIP))
    high = numpy.log(numpy.clip(probabilities + reach, CLIP, 1 - CLIP))
    return _mean(scored, numpy.maximum(at - low, high - at))


def expected_calibration_error_bound(scored: Floats, scores: Floats, reach: float) -> Floats:
    """Each mean score moves by `reach`; rows of a cell on a bin's edge may belong to either bin."""
    edges = calibration_edges()
    nearest = numpy.abs(scores[:, None] - edges).min(axis=1)
    straddling = nearest <= reach + _ROUNDING
    rows = scored.sum(axis=-2)
    moved = 2 * divide((rows * straddling).sum(axis=-1), rows.sum(axis=-1))
    return numpy.minimum(moved + reach, 1.0)


def _mean(scored: Floats, losses: Floats) -> Floats:
    return divide((scored * losses).sum(axis=(-2, -1)), scored.sum(axis=(-2, -1)))


def _no_probabilities(scores: Floats) -> str:
    if scores.min() >= 0 and scores.max() <= 1:
        return ""
    return (
        f"needs probabilities in [0, 1], and the scores run from {_outside(scores.min())} to "
        f"{_outside(scores.max())}: give predict_proba of the favorable label, not a margin"
    )


def _outside(score: float) -> str:
    """An end of the range; with all its digits where few would hide that it is outside."""
    shown = format_number(float(score))
    inside = 0 <= float(score) <= 1
    return shown if inside or not 0 <= float(shown.replace(",", "")) <= 1 else repr(float(score))


SCORED = dense("scored", favorable, 2, bins=calibration_bins)

STATISTICS = {
    "roc_auc": Statistic(
        SCORED,
        roc_auc,
        rarer_rows,
        rarer_rows,
        bound=roc_auc_bound,
        ends=roc_auc_ends,
        unsure=_few_ranked,
    ),
    "average_precision": Statistic(
        SCORED,
        average_precision,
        favorable_rows,
        _behind_precisions,
        bound=average_precision_bound,
        ends=average_precision_ends,
        unsure=_few_precise,
    ),
    "brier_score": Statistic(
        SCORED,
        brier_score,
        fewest=all_rows,
        bound=brier_score_bound,
        ends=brier_score_ends,
        refuse=_no_probabilities,
    ),
    "log_loss": Statistic(
        SCORED,
        log_loss,
        fewest=all_rows,
        bound=log_loss_bound,
        ends=log_loss_ends,
        refuse=_no_probabilities,
    ),
    "expected_calibration_error": Statistic(
        SCORED,
        expected_calibration_error,
        fewest=all_rows,
        bound=expected_calibration_error_bound,
        ends=expected_calibration_error_ends,
        unsure=_few_missed,
        refuse=_no_probabilities,
    ),
}
