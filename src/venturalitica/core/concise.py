"""Structs that keep to themselves what no log or traceback should show: keys, bytes, files."""

from __future__ import annotations

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
