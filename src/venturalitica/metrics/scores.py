"""Metrics of a score for the favorable label.

`scored` is `(..., 2, S)`: rows by [target is favorable] (index 1 = favorable) and score level;
`scores` is `(S,)`, ascending. All return `(...)`. Scores that are the very values of the data give
the exact metric, ties included; `bounds` says how far off a binned table can be.
"""

from __future__ import annotations

import numpy

from venturalitica.metrics.intervals import Floats, Integers, divide

BINS = 10
"""Equal bins of the expected calibration error."""
CLIP = float(numpy.finfo(numpy.float64).eps)
"""How near to 0 and 1 a probability may come in the log loss, as in scikit-learn."""


def roc_auc(scored: Floats, scores: Floats) -> Floats:
    """P(favorable scores above other) + P(tie) / 2."""
    other, favorable = scored[..., 0, :], scored[..., 1, :]
    below = numpy.cumsum(other, axis=-1) - other
    pairs = (favorable * (below + other / 2)).sum(axis=-1)
    return divide(pairs, favorable.sum(axis=-1) * other.sum(axis=-1))


def average_precision(scored: Floats, scores: Floats) -> Floats:
    """Σ recall gained × precision, step-wise from the highest score down."""
    favorable = scored[..., 1, :]
    hits = from_above(favorable)
    precisions = divide(hits, from_above(scored.sum(axis=-2)))
    gained = numpy.where(favorable > 0, favorable * precisions, 0.0)
    return divide(gained.sum(axis=-1), favorable.sum(axis=-1))


def brier_score(scored: Floats, scores: Floats) -> Floats:
    """Mean squared distance of score and outcome."""
    return _mean_loss(scored, scores**2, (1 - scores) ** 2)


def log_loss(scored: Floats, scores: Floats) -> Floats:
    """Mean negative log of the probability given to the outcome."""
    return _mean_loss(scored, *_log_losses(scores))


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
