"""Values that a record tells, for judging it again from the coarser counts that it keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy
from msgspec import Struct, field

from venturalitica.metrics.intervals import Floats

_ROUNDING = 1e-9
"""Sums of the same losses in another order, on another processor, differ by less."""


class Told(Struct):
    """Values that a record tells, for judging it again from the coarser counts that it keeps.

    By control id: its value, or the value of each of its groups, None where there is none.
    `moved` collects how far from the value on the recorded levels the one that was taken lies.
    """

    values: Mapping[str, Sequence[float | None]]
    moved: dict[str, float] = field(default_factory=dict)

    def refined(self, controls: Iterable[str], values: Floats, bounds: Floats) -> Floats:
        """`values` `(G,)`, with what is told in their place where it is within `bounds` `(G,)`.

        `controls` are those that ask for these very values; the first of which any is told counts.
        """
        name, told = next(
            ((name, self.values[name]) for name in controls if name in self.values), ("", ())
        )
        if len(told) != values.size:
            return values
        claimed = numpy.array([numpy.nan if value is None else value for value in told], float)
        apart = numpy.abs(claimed - values)
        near = apart <= numpy.broadcast_to(bounds, values.shape) + _ROUNDING
        self.moved[name] = float(apart[near].max(initial=0.0))
        return numpy.where(near, claimed, values)
