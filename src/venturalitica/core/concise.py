"""How values show themselves: in a log without keys, bytes and files, in a notebook as HTML."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from msgspec import Struct


class Concise(Struct, frozen=True):
    """A struct whose `repr` leaves out the fields of `unsaid`."""

    unsaid: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        said = (
            f"{name}={getattr(self, name)!r}"
            for name in self.__struct_fields__
            if name not in self.unsaid
        )
        return f"{type(self).__name__}({', '.join(said)})"


drawers: list[Callable[[object], str]] = []
"""What draws a value for a notebook: it is of a higher room, and handed to this one."""


def html_of(value: object) -> str | None:
    """A value as HTML for a notebook; None where nobody handed over what draws it."""
    return drawers[-1](value) if drawers else None
