"""Arrays as rows: anything array-like as a 1-D numpy array, and counting over coded columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from venturalitica.errors import DataError, listed
from venturalitica.tally.codes import Codes, Ints

_COUNTABLE = 1 << 22
"""Up to this many possible cells are counted into an array, more are found by sorting."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Observed combinations: `columns[i].codes` and `counts` have one entry per combination."""

    columns: tuple[Codes, ...]
    counts: Ints

    @property
    def rows(self) -> int:
        return int(self.counts.sum())


def as_array(values: Any, what: str) -> NDArray[Any]:
    """`values` as a 1-D array, shape `(n,)`; a column vector `(n, 1)` is taken as `(n,)`.

    Raises DataError where it is not one value per row.
    """
    if isinstance(values, list | tuple):
        array = _of_sequence(values)
    elif isinstance(values, numpy.ndarray):
        array = values
    else:
        array = _of_foreign(values, what)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise DataError(
            f"{what} has shape {array.shape}: expected one value per row, shape (n,); "
            "pass one column of it"
        )
    return array


def _of_sequence(values: Sequence[Any]) -> NDArray[Any]:
    """Kept as objects: numpy would turn `[1, "a"]` into two texts, and `[True, 2]` into numbers."""
    array = numpy.empty(len(values), dtype=object)
    array[:] = [value[0] if _is_single(value) else value for value in values]
    return array


def _is_single(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 1


def _of_foreign(values: Any, what: str) -> NDArray[Any]:
    native = values.to_native() if hasattr(values, "to_native") else values
    if hasattr(native, "toarray"):
        raise DataError(f"{what} is a sparse matrix: expected one value per row; pass .toarray()")
    array = numpy.asarray(native)
    if array.ndim == 0:
        raise DataError(
            f"{what} is a {type(values).__name__}: expected a column name or an array with one "
            "value per row"
        )
    return array


def combine(columns: Sequence[Codes]) -> Cells:
    """Count the rows of each combination; combinations come in the order of their codes."""
    radix = [len(column.values) + 1 for column in columns]
    possible = numpy.prod([float(size) for size in radix])
    if possible > 2**62:
        return _combine_widely(columns)
    joint = numpy.zeros(columns[0].codes.size, dtype=numpy.int64)
    for column, size in zip(columns, radix, strict=True):
        joint *= size
        joint += column.codes
        joint += 1
    if possible <= _COUNTABLE:
        every = numpy.bincount(joint, minlength=1)
        found = numpy.flatnonzero(every)
        counts = every[found]
    else:
        found, counts = numpy.unique(joint, return_counts=True)
    codes: list[Ints] = []
    for size in reversed(radix):
        codes.append(found % size - 1)
        found = found // size
    return _cells(columns, codes[::-1], counts.astype(numpy.int64))


def _combine_widely(columns: Sequence[Codes]) -> Cells:
    matrix = numpy.stack([column.codes for column in columns], axis=1)
    found, counts = numpy.unique(matrix, axis=0, return_counts=True)
    return _cells(columns, list(found.T), counts.astype(numpy.int64))


def _cells(columns: Sequence[Codes], codes: Sequence[Ints], counts: Ints) -> Cells:
    kept = (Codes(column.values, code) for column, code in zip(columns, codes, strict=True))
    return Cells(tuple(kept), counts)


def same_length(lengths: Mapping[str, int]) -> int:
    """The one length that all have, 0 for none; DataError where they differ."""
    if len(set(lengths.values())) > 1:
        said = listed(f"{name} has {length:,}" for name, length in lengths.items())
        raise DataError(f"rows do not match: {said}; expected one value per row of the same data")
    return next(iter(lengths.values()), 0)
