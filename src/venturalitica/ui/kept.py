"""Values that are read from files, kept until these change."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
Stamp = tuple[object, ...]


class Kept:
    """Values by name, each with the stamp of what it was read from."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Stamp, Any]] = {}
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Of an index that was made again, nothing read before may be shown."""
        with self._lock:
            self._values.clear()

    def of(self, name: str, stamp: Stamp, make: Callable[[], T]) -> T:
        with self._lock:
            known = self._values.get(name)
        if known is not None and known[0] == stamp:
            value: T = known[1]
            return value
        # Outside the lock: two threads may both make it, and give the same.
        value = make()
        with self._lock:
            self._values[name] = (stamp, value)
        return value
