"""Parts of pages, kept by what they are drawn of: what an append did not change is not drawn again.

A part is a template and the values that it is given. It sees nothing else but addresses, so that
the same values always give the same part; what depends on the moment is no part.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from markupsafe import Markup

from venturalitica.core.packed import packed

MOST_CHARACTERS = 24_000_000
"""So much text is kept: a card of the overview has 15,000 characters, a row of the list 3,000."""


class Drawn:
    """The parts of one server, the one that was not asked for the longest is forgotten first; safe
    from threads."""

    def __init__(self, most: int = MOST_CHARACTERS) -> None:
        self._lock = threading.Lock()
        self._parts: dict[bytes, Markup] = {}
        self._most, self._held = most, 0

    def of(self, template: str, values: object, draw: Callable[[], str]) -> Markup:
        """The part; `draw` draws it where it is not kept, or its values cannot be compared."""
        try:
            # By a digest: what is compared may be longer than what is drawn of it.
            key = hashlib.sha256(template.encode() + b"\x00" + packed(values)).digest()
        except TypeError:
            return Markup(draw())
        with self._lock:
            part = self._parts.pop(key, None)
            if part is not None:
                self._parts[key] = part
                return part
        part = Markup(draw())
        with self._lock:
            self._held += len(part) - len(self._parts.pop(key, ""))
            self._parts[key] = part
            while self._held > self._most:
                self._held -= len(self._parts.pop(next(iter(self._parts))))
        return part
