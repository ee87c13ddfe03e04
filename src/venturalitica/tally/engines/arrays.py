"""Arrays as rows: anything array-like as a 1-D numpy array, and counting over coded columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy
from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.core.labels import Identity, identity
from venturalitica.core.verdict import Label
from venturalitica.errors import DataError, listed
from venturalitica.tally.values import canonical

_COUNTABLE = 1 << 22
"""Up to this many possible cells are counted into an array, more are found by sorting."""


class Cells(Struct, frozen=True):
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


Ints = NDArray[numpy.int64]
MISSING = -1
_SMALL_RANGE = 1 << 16


class Codes(Struct, frozen=True):
    """`values` are different, canonical and not missing; `codes` is int64 `(n,)`, -1 missing."""

    values: tuple[Label, ...]
    codes: Ints


def encode(array: NDArray[Any], what: str) -> Codes:
    """Codes of a 1-D array of any type that can hold labels.

    Raises DataError, which names `what`, where the values can be no labels.
    """
    if isinstance(array, numpy.ma.MaskedArray):
        found = encode(numpy.ma.getdata(array), what)
        return dense(found.values, numpy.where(numpy.ma.getmaskarray(array), MISSING, found.codes))
    encoder = _ENCODERS.get(array.dtype.kind)
    if encoder is None:
        raise not_labels(what, str(array.dtype))
    return encoder(array, what)


def not_labels(what: str, kind: str) -> DataError:
    """The error for values that can be neither labels nor groups."""
    return DataError(
        f"{what} holds {kind} values: labels and groups must be text, whole or decimal numbers, "
        "booleans or dates"
    )


def _of_booleans(array: NDArray[Any], what: str) -> Codes:
    return dense((False, True), array.astype(numpy.int64))


def _of_integers(array: NDArray[Any], what: str) -> Codes:
    if array.size == 0:
        return Codes((), numpy.zeros(0, dtype=numpy.int64))
    low, high = int(array.min()), int(array.max())
    if high - low < _SMALL_RANGE:
        shifted = array.astype(numpy.int64, copy=False) - low if high < 2**63 else None
        if shifted is not None:
            return dense(tuple(range(low, high + 1)), shifted)
    different, codes = numpy.unique(array, return_inverse=True)
    return Codes(tuple(different.tolist()), codes.astype(numpy.int64))


def _of_floats(array: NDArray[Any], what: str) -> Codes:
    missing = numpy.isnan(array)
    present = array[~missing].astype(numpy.float64)
    if present.size and _small_whole(present):
        found = _of_integers(present.astype(numpy.int64), what)
    else:
        different, codes = numpy.unique(present, return_inverse=True)
        labels = tuple(canonical(value) for value in different.tolist())
        found = _merged(labels, codes.astype(numpy.int64))
    return Codes(found.values, spread(found.codes, missing))


def _small_whole(present: NDArray[numpy.float64]) -> bool:
    low, high = present.min(), present.max()
    near = bool(abs(low) < 2**53 and abs(high) < 2**53 and high - low < _SMALL_RANGE)
    return near and bool((present == numpy.trunc(present)).all())


def _of_text(array: NDArray[Any], what: str) -> Codes:
    different, codes = numpy.unique(array, return_inverse=True)
    return Codes(tuple(str(value) for value in different), codes.astype(numpy.int64))


def _of_times(array: NDArray[Any], what: str) -> Codes:
    different, codes = numpy.unique(array, return_inverse=True)
    return _merged(tuple(canonical(value) for value in different), codes.astype(numpy.int64))


def _of_objects(array: NDArray[Any], what: str) -> Codes:
    """Values that only Python can tell apart: True is not 1 here, though they compare equal."""
    seen: dict[Any, int] = {}
    labels: list[Label | None] = []
    codes = numpy.empty(array.size, dtype=numpy.int64)
    for row, value in enumerate(array):
        key = (type(value), value)
        try:
            code = seen.get(key, MISSING)
        except TypeError as error:
            raise not_labels(what, type(value).__name__) from error
        if code == MISSING:
            try:
                labels.append(canonical(value))
            except TypeError as error:
                raise not_labels(what, type(value).__name__) from error
            code = seen[key] = len(labels) - 1
        codes[row] = code
    return _merged(tuple(labels), codes)


def _merged(labels: tuple[Label | None, ...], codes: Ints) -> Codes:
    """Codes in which equal labels share one code and missing ones have none."""
    place: dict[Identity, int] = {}
    values: list[Label] = []
    moved = numpy.full(len(labels) + 1, MISSING, dtype=numpy.int64)
    for index, label in enumerate(labels):
        if label is None:
            continue
        key = identity(label)
        if key not in place:
            place[key] = len(values)
            values.append(label)
        moved[index] = place[key]
    return Codes(tuple(values), moved[codes])


def dense(values: tuple[Label, ...], codes: Ints) -> Codes:
    """The same codes without the values that no row holds."""
    counts = numpy.bincount(codes + 1, minlength=len(values) + 1)[1:]
    used = counts > 0
    moved = numpy.full(len(values) + 1, MISSING, dtype=numpy.int64)
    moved[:-1][used] = numpy.arange(int(used.sum()))
    kept = tuple(value for value, keep in zip(values, used.tolist(), strict=True) if keep)
    return Codes(kept, moved[codes])


def spread(codes: Ints, missing: NDArray[numpy.bool_]) -> Ints:
    """The codes of the rows that have a value, one for every row."""
    if not missing.any():
        return codes
    every = numpy.full(missing.size, MISSING, dtype=numpy.int64)
    every[~missing] = codes
    return every


def _of_strings(array: NDArray[Any], what: str) -> Codes:
    return _of_objects(array.astype(object), what)


_ENCODERS: dict[str, Callable[[NDArray[Any], str], Codes]] = {
    "b": _of_booleans,
    "i": _of_integers,
    "u": _of_integers,
    "f": _of_floats,
    "U": _of_text,
    "T": _of_strings,
    "M": _of_times,
    "O": _of_objects,
}
