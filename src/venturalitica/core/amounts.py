"""Amounts as exact sums: what a regression leaves of its rows.

A sum of floats is kept as the whole number that it is, times a power of two: `m·2^e`. No scale is
chosen and nothing is rounded, so that the sums of parts add up to that of the whole, bit for bit,
however the rows are parted, and a mean far above the spread costs no digit of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from math import frexp, ldexp

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.levels import Moves, moved
from venturalitica.errors import DataError

GREATEST = "max "
"""Before the name of what is not summed: its greatest value is kept."""
STEPS = 64
"""Bins of a histogram from one power of two to the next: each is at most 1/64 of its value wide."""
LIMIT = 1e75
"""Amounts are smaller than this: their fourth powers are floats, too."""
_EXACT = re.compile(r"0|-?[1-9a-f][0-9a-f]*p-?(0|[1-9][0-9]{0,4})")
_LONGEST = 1_500


class AmountTable(Struct, frozen=True):
    """Sums of amounts by groups.

    `number` names what was counted, `names` the quantities whose sums are kept. Each cell is
    `(level per role ..., bin, rows)`; the bin is an index of `bins`, the lower ends of a histogram
    (only 0 where there is none), or `NULL` where a value is missing. `sums` has one tuple per cell,
    of exact texts (`exact_text`), empty where a value is missing. `column` is where weights
    were read from.
    """

    number: str
    roles: tuple[str, ...]
    names: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]
    sums: tuple[tuple[str, ...], ...]
    bins: tuple[float, ...] = (0.0,)
    column: str = ""

    def to_json(self) -> dict[str, object]:
        """The form kept in evidence."""
        return {
            "number": self.number,
            "roles": list(self.roles),
            "names": list(self.names),
            "cells": [list(cell) for cell in self.cells],
            "sums": [list(own) for own in self.sums],
            "bins": list(self.bins),
            **({"column": self.column} if self.column else {}),
        }


def exact_text(mantissa: int, exponent: int) -> str:
    """`mantissa · 2^exponent` as `1f3p-52`, hexadecimal and odd: one number, one text."""
    if not mantissa:
        return "0"
    zeros = (mantissa & -mantissa).bit_length() - 1
    return f"{mantissa >> zeros:x}p{exponent + zeros}"


def exact_value(text: str) -> Fraction:
    """What `exact_text` wrote; ValueError where it wrote no such text."""
    mantissa, power = exact_parts(text)
    return Fraction(mantissa << power) if power >= 0 else Fraction(mantissa, 1 << -power)


def exact_parts(text: str) -> tuple[int, int]:
    """Mantissa and exponent as `exact_text` wrote them.

    Raises:
        ValueError: it wrote no such text.
    """
    if len(text) > _LONGEST or not _EXACT.fullmatch(text):
        raise ValueError(f"{text[:40]!r} is no exact sum")
    mantissa, _, exponent = text.partition("p")
    power = int(exponent or "0")
    if abs(power) > 5_000:
        raise ValueError(f"2^{power} is no part of a sum of floats")
    return int(mantissa, 16), power


def text_of_sum(value: Fraction) -> str:
    """A sum of floats, whose denominator is a power of two."""
    return exact_text(value.numerator, 1 - value.denominator.bit_length())


def bin_of(amount: float) -> float:
    """The lower end of the bin that holds a number of 0 or more; 0 has one of its own."""
    part, power = frexp(amount)
    return ldexp(int(part * 2 * STEPS) / (2 * STEPS), power)


def bin_end(low: float) -> float:
    """The upper end of the bin that begins at `low`."""
    part, power = frexp(low)
    return ldexp(part + 1 / (2 * STEPS), power) if low else 0.0


def with_sums(parts: Sequence[AmountTable], moves: Sequence[Moves]) -> AmountTable:
    """The table of the rows of all parts; `moves` has the new place of each level of a part.

    Raises:
        DataError: a part keeps other sums than the first.
    """
    first = parts[0]
    bins = tuple(sorted({low for part in parts for low in part.bins}))
    rows: dict[tuple[int, ...], int] = {}
    sums: dict[tuple[int, ...], list[Fraction]] = {}
    for number, (part, move) in enumerate(zip(parts, moves, strict=True), start=1):
        if part.names != first.names:
            raise DataError(
                f"part {number} keeps other sums of the {part.number} than part 1: count both with "
                "one version of venturalitica"
            )
        places = [bins.index(low) for low in part.bins]
        matrix = moved(part.roles, part.cells, move, width=len(part.roles) + 2)
        for cell, own in zip(matrix.tolist(), part.sums, strict=True):
            *levels, place, count = cell
            key = (*levels, places[place] if place >= 0 else place)
            rows[key] = rows.get(key, 0) + count
            values = [exact_value(text) for text in own]
            sums[key] = _together(first.names, sums[key], values) if key in sums else values
    ordered = sorted(rows)
    return replace(
        first,
        bins=bins,
        cells=tuple((*key, rows[key]) for key in ordered),
        sums=tuple(tuple(map(text_of_sum, sums[key])) for key in ordered),
    )


def _together(
    names: Sequence[str], one: Sequence[Fraction], other: Sequence[Fraction]
) -> list[Fraction]:
    return [
        max(a, b) if name.startswith(GREATEST) else a + b
        for name, a, b in zip(names, one, other, strict=bool(one))
    ]
