"""Work that is not the count itself: on a thread beside it, or after it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any


class Aside:
    """Work made on a thread beside the count; its error is raised where it is asked for."""

    def __init__(self, what: str, work: Callable[..., dict[str, Any]], *arguments: Any) -> None:
        self._found: dict[str, Any] = {}
        self._error: Exception | None = None
        self._thread = threading.Thread(
            target=self._go, args=(work, arguments), name=f"venturalitica-{what}"
        )
        self._thread.start()

    def _go(self, work: Callable[..., dict[str, Any]], arguments: tuple[Any, ...]) -> None:
        try:
            self._found = work(*arguments)
        except Exception as error:  # noqa: BLE001 - raised again where the work is asked for
            self._error = error

    def found(self) -> dict[str, Any]:
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found


class After:
    """The same where it is asked for, and not before."""

    def __init__(self, what: str, work: Callable[..., dict[str, Any]], *arguments: Any) -> None:
        self.found = partial(work, *arguments)
