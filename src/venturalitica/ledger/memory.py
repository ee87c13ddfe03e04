"""What was read of an index and stays so until rows are taken away or somebody else writes to it:
rows that are put in change none that are there."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

MOST = 6_000
"""How many answers are kept: rows mostly, of some 3 kB with their verdicts."""


class Memory:
    """Answers by what was asked; safe from threads. `on` is False where nobody would know that
    another wrote to the database: then nothing is kept."""

    def __init__(self, *, on: bool) -> None:
        self._on = on
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, Hashable], Any] = {}
        self._times = 0

    def forget(self) -> None:
        """Rows may be others now."""
        with self._lock:
            self._times += 1
            self._kept.clear()

    def of(self, what: str, key: Hashable, find: Callable[[], V]) -> V:
        """The answer to one question; `key` names all that it depends on besides the rows."""
        return self.each(what, (key,), lambda _: {key: find()})[key]

    def each(
        self, what: str, keys: Iterable[K], find: Callable[[list[K]], Mapping[K, V]]
    ) -> dict[K, V]:
        """The answers for several keys; those that are not kept are found together.

        A key that `find` does not answer is left out, and not kept.
        """
        wanted = list(dict.fromkeys(keys))
        with self._lock:
            times = self._times
            known = {key: self._kept[what, key] for key in wanted if (what, key) in self._kept}
        missing = [key for key in wanted if key not in known]
        if missing:
            found = find(missing)
            self._keep(what, found, times)
            known |= found
        return {key: known[key] for key in wanted if key in known}

    def _keep(self, what: str, found: Mapping[K, V], times: int) -> None:
        with self._lock:
            if not self._on or times != self._times:
                return  # rows were taken away while it was read
            self._kept |= {(what, key): value for key, value in found.items()}
            while len(self._kept) > MOST:
                self._kept.pop(next(iter(self._kept)))
