"""From the values of groups to one number. `values` is `(..., G)`; NaN marks an undefined group.

Each comparison is taken over the groups that are defined; NaN where too few are (two, for a
difference or a ratio). Definitions are those of Fairlearn's `MetricFrame` with
`method="between_groups"`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy

from venturalitica.metrics.arrays import Floats, divide


def difference(values: Floats) -> Floats:
    """Largest minus smallest."""
    low, high = _extremes(values)
    return _where_compared(values, high - low)


def ratio(values: Floats) -> Floats:
    """Smallest divided by largest; NaN where the largest is 0."""
    low, high = _extremes(values)
    return _where_compared(values, divide(low, high))


def minimum(values: Floats) -> Floats:
    """The smallest."""
    return _extremes(values)[0]


def maximum(values: Floats) -> Floats:
    """The largest."""
    return _extremes(values)[1]


def between(values: Floats) -> Floats:
    """First minus second: `values` holds just the two, `(..., 2)`."""
    return values[..., 0] - values[..., 1]


COMPARISONS: Mapping[str, Callable[[Floats], Floats]] = {
    "difference": difference,
    "ratio": ratio,
    "min": minimum,
    "max": maximum,
    "between": between,
}


def _extremes(values: Floats) -> tuple[Floats, Floats]:
    undefined = numpy.isnan(values)
    if not undefined.any():
        return values.min(axis=-1), values.max(axis=-1)
    none = undefined.all(axis=-1)
    low = numpy.where(undefined, numpy.inf, values).min(axis=-1)
    high = numpy.where(undefined, -numpy.inf, values).max(axis=-1)
    return numpy.where(none, numpy.nan, low), numpy.where(none, numpy.nan, high)


def _where_compared(values: Floats, compared: Floats) -> Floats:
    enough = (~numpy.isnan(values)).sum(axis=-1) >= 2
    return numpy.where(enough, compared, numpy.nan)
