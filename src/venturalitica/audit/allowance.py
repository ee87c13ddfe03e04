"""How long trackers may delay a process: two seconds in all, however many threads wait."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable

FREE_SECONDS = 0.5
"""A delivery that succeeds within this time costs nothing of the allowance."""

Stretch = tuple[float, float]
"""From and to, on the monotonic clock."""


class Allowance:
    """The seconds that trackers may still delay this process; thread-safe.

    Threads that wait at the same time delay the process once: what counts is the time in which at
    least one waits. A wait that is going on counts from its beginning, for it may yet be in vain.
    """

    def __init__(self) -> None:
        self._counted: list[Stretch] = []
        self._going_on: list[float] = []
        self._lock = threading.Lock()

    def after_fork(self) -> None:
        """What is spent stays spent; threads that waited, and may hold the lock, are not here."""
        self._lock = threading.Lock()
        self._going_on = []

    def begin(self, now: float, limit: float) -> float:
        """Begin to wait; answers with the seconds that it may last."""
        with self._lock:
            left = limit - length([*self._counted, *((since, now) for since in self._going_on)])
            self._going_on.append(now)
            return max(0.0, left)

    def end(self, began: float, now: float, *, delivered: bool) -> None:
        """Charge a wait: all of it, or where it was not in vain what goes beyond the free time."""
        with self._lock:
            if began in self._going_on:  # not so in a child forked meanwhile
                self._going_on.remove(began)
            start = began + FREE_SECONDS if delivered else began
            if start < now:
                self._counted.append((start, now))


def length(stretches: Iterable[Stretch]) -> float:
    """The time that some stretches cover together."""
    covered, end = 0.0, -math.inf
    for start, stop in sorted(stretches):
        covered += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return covered
