"""Array words that all families share. An undefined value is NaN, never 0."""

from __future__ import annotations

from typing import TypeAlias

import numpy
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[numpy.float64]
Integers: TypeAlias = NDArray[numpy.int64]


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """`numerator / denominator`, NaN where the denominator is 0. Any one broadcast shape."""
    with numpy.errstate(divide="ignore", invalid="ignore"):
        quotient = numerator / denominator
    return numpy.where(denominator == 0, numpy.nan, quotient)


def segment_sums(values: Floats, segments: Integers, size: int) -> Floats:
    """Sum the last axis by segment: shape `(..., n)` and `(n,)` give `(..., size)`."""
    order = numpy.argsort(segments, kind="stable")
    ordered = segments[order]
    starts = numpy.flatnonzero(numpy.diff(ordered, prepend=-1))
    sums = numpy.zeros((*values.shape[:-1], size))
    if starts.size:
        sums[..., ordered[starts]] = numpy.add.reduceat(values[..., order], starts, axis=-1)
    return sums
