"""From numbers to places on a line, in per cent of its width: to scale at any size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

_UNIT_RANGES = ((0.0, 0.1), (0.0, 0.25), (0.0, 0.5), (0.5, 1.0), (0.0, 1.0), (-1.0, 1.0))


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale from `low` to `high`; the ends are inset so that marks are not cut off."""

    low: float
    high: float
    inset: float = 2.0

    def at(self, value: float) -> float:
        """Place of `value` in per cent, held within the line."""
        share = (value - self.low) / (self.high - self.low)
        return round(self.inset + min(1.0, max(0.0, share)) * (100 - 2 * self.inset), 2)

    def percent(self, value: float) -> str:
        return f"{self.at(value):g}%"


def scale_for(numbers: Iterable[float | None]) -> Scale:
    """A scale with plain ends that holds all the numbers: 0 to 1 and its parts where they fit.

    The ends are shown beside every plot, so a part of the range is never taken for the whole.
    """
    held = [number for number in numbers if number is not None]
    if not held:
        return Scale(0.0, 1.0)
    low, high = min(held), max(held)
    for start, end in _UNIT_RANGES:
        if start <= low and high <= end:
            return Scale(start, end)
    top = _plain(max(abs(low), abs(high)))
    return Scale(0.0 if low >= 0 else -top, top if high > 0 else 0.0)


def _plain(number: float) -> float:
    """The next of 1, 2, 2.5 or 5 times a power of ten."""
    power = float(10.0 ** math.floor(math.log10(number)))
    return next(
        (step * power for step in (1.0, 2.0, 2.5, 5.0, 10.0) if number <= step * power),
        number * 2,
    )
