"""The digest of one column, block by block: the form `venturalitica/columns/v1`.

    block  = SHA-256( form " " rows " " missing "\\n" ‖ positions of missing values ‖ values )
    column = SHA-256( "venturalitica/columns/v1\\n" type "\\n" rows "\\n" ‖ block ‖ block … )

A block is `BLOCK` consecutive rows, the last one fewer. Whole numbers are written in the narrowest
of 1, 2, 4 and 8 bytes that holds all of the block, since hashing is what a fingerprint costs; the
block, not the library's chunk, decides, so that neither chunks nor the library's own width count.
Blocks are independent of each other: any number of threads may hash them. The whole form is in
docs/data-fingerprint.md; a change of it gets the next number.

A `Column` is what is hashed so: a column of rows, whatever library holds it, read in pieces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy
from msgspec import Struct, field
from numpy.typing import NDArray

from venturalitica.errors import DataError

FORMAT = "venturalitica/columns/v1"
BLOCK = 1 << 17
Kind: TypeAlias = Literal[
    "null", "number", "bool", "text", "binary", "decimal", "time", "mixed", "timestamp", "duration"
]
Ints = NDArray[numpy.int64]
_Encoded: TypeAlias = tuple[str, str, Sequence[Any]]

_INT_END = 2.0**63
_MICROSECONDS = {"D": 86_400_000_000, "h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000}
_MICROSECONDS |= {"ms": 1_000, "us": 1}
NONE_MISSING: Ints = numpy.zeros(0, dtype=numpy.int64)
_WIDENING = (
    ("int64", "uint64", "float64"),
    ("timestamp[us]", "timestamp[ns]"),
    ("timestamp[us, UTC]", "timestamp[ns, UTC]"),
    ("duration[us]", "duration[ns]"),
)
_GLANCE = 64


class Piece(Struct, frozen=True):
    """Some consecutive rows of a column: one block of it.

    `missing` are positions within the piece. `values` are those present: numbers, booleans, or
    times as int64 in `unit`; for texts `sizes` holds the lengths in bytes and `data` the bytes.
    `zoned` says that timestamps are instants, given in UTC.
    """

    kind: Kind
    rows: int
    missing: Ints = field(default_factory=lambda: NONE_MISSING)
    values: NDArray[Any] | None = None
    sizes: NDArray[Any] | None = None
    data: bytes | memoryview = b""
    unit: str = ""
    zoned: bool = False


class BlockDigest(Struct, frozen=True):
    """One block of a column: the type that its values have, and its SHA-256."""

    type: str
    rows: int
    nulls: int
    digest: bytes


class ColumnDigest(Struct, frozen=True):
    """One column: its canonical type, missing values, and SHA-256 in hexadecimal."""

    name: str
    type: str
    nulls: int
    sha256: str


def block_digest(piece: Piece, name: str) -> BlockDigest:
    """The digest of one block; DataError where a time does not fit 64 bits."""
    nulls = int(piece.missing.size)
    kind, form, streams = _encoded(piece, name) if nulls < piece.rows else ("null", "null", ())
    total = hashlib.sha256(f"{form} {piece.rows} {nulls}\n".encode())
    total.update(_raw(piece.missing.astype("<u4")))
    for stream in streams:
        total.update(stream)
    return BlockDigest(kind, piece.rows, nulls, total.digest())


def column_digest(name: str, blocks: Sequence[BlockDigest]) -> ColumnDigest:
    """The digest of a column from those of its blocks, in row order.

    Raises:
        DataError: the blocks hold values of several types.
    """
    kind = _type_of({block.type for block in blocks} - {"null"}, name)
    rows = sum(block.rows for block in blocks)
    total = hashlib.sha256(f"{FORMAT}\n{kind}\n{rows}\n".encode())
    for block in blocks:
        total.update(block.digest)
    return ColumnDigest(name, kind, sum(block.nulls for block in blocks), total.hexdigest())


def _type_of(kinds: set[str], name: str) -> str:
    if not kinds:
        return "null"
    for family in _WIDENING:
        if kinds <= set(family):
            return max(kinds, key=family.index)
    if len(kinds) > 1:
        raise DataError(
            f"column '{name}' holds {' and '.join(sorted(kinds))} values: "
            "expected one type per column"
        )
    return kinds.pop()


def _encoded(piece: Piece, name: str) -> _Encoded:
    """Type, form and streams of the values that are present."""
    if piece.kind == "number":
        return _numbers(piece)
    if piece.kind in ("timestamp", "duration"):
        return _times(piece, name)
    if piece.kind == "bool":
        assert piece.values is not None
        return "bool", "bool", [_raw(piece.values.astype(numpy.uint8, copy=False))]
    assert piece.sizes is not None
    sizes = narrowed(piece.sizes)
    return piece.kind, f"{piece.kind} {_width(sizes)}", [_raw(sizes), piece.data]


def _numbers(piece: Piece) -> _Encoded:
    values = piece.values
    assert values is not None
    if values.dtype.kind == "f":
        floats = values.astype("<f8", copy=False)
        whole = _whole(floats)
        if whole is None:
            signless = floats if (floats != 0).all() else floats + 0.0
            return "float64", "float64", [_raw(signless)]
        values = whole
    elif values.dtype.kind == "u" and values.dtype.itemsize == 8 and values.max() >= 2**63:
        return "uint64", "uint64", [_raw(values.astype("<u8", copy=False))]
    integers = narrowed(values)
    return "int64", _width(integers), [_raw(integers)]


def _whole(values: NDArray[numpy.float64]) -> Ints | None:
    """The same as integers; None where one is a fraction or beyond them."""
    glance = values[:_GLANCE]
    if (glance != numpy.trunc(glance)).any():
        return None
    if not (values.min() >= -_INT_END and values.max() < _INT_END):
        return None
    integers = values.astype(numpy.int64)
    return integers if bool((integers == values).all()) else None


def _times(piece: Piece, name: str) -> _Encoded:
    """Microseconds, or nanoseconds where a value of the block needs them."""
    assert piece.values is not None
    values, unit = piece.values.astype(numpy.int64, copy=False), "us"
    if piece.unit == "ns":
        micro = values // 1_000
        if (micro * 1_000 == values).all():
            values = micro
        else:
            unit = "ns"
    else:
        values = _scaled(values, _MICROSECONDS[piece.unit], name)
    integers = narrowed(values)
    zone = ", UTC" if piece.zoned else ""
    return f"{piece.kind}[{unit}{zone}]", f"{unit} {_width(integers)}", [_raw(integers)]


def _scaled(values: Ints, factor: int, name: str) -> Ints:
    if factor == 1:
        return values
    limit = (2**63 - 1) // factor
    if values.min() < -limit or values.max() > limit:
        raise DataError(f"column '{name}' holds times that do not fit 64 bits of microseconds")
    return values * factor


def narrowed(values: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers, at least one, in the narrowest of int8, int16, int32 and int64."""
    low, high = int(values.min()), int(values.max())
    for width in (1, 2, 4):
        end = 1 << (8 * width - 1)
        if -end <= low and high < end:
            return values.astype(f"<i{width}", copy=False)
    return values.astype("<i8", copy=False)


def _width(values: NDArray[Any]) -> str:
    return f"int{8 * values.dtype.itemsize}"


def _raw(values: NDArray[Any]) -> memoryview:
    return numpy.ascontiguousarray(values).data.cast("B")


class Column(Struct, frozen=True):
    """A column of any library: `read(start, stop)` gives the rows between as a piece.

    Threads may read several blocks of it at once.
    """

    name: str
    rows: int
    read: Callable[[int, int], Piece]


def numbers_piece(values: NDArray[Any], rows: int, missing: Ints) -> Piece:
    """Numbers or booleans that are present, among which NaN is missing too."""
    if values.dtype.kind == "b":
        return Piece("bool", rows, missing, values)
    if values.dtype.kind != "f":
        return Piece("number", rows, missing, values)
    lost = numpy.isnan(values)
    if not lost.any():
        return Piece("number", rows, missing, values)
    absent = numpy.zeros(rows, dtype=bool)
    absent[missing] = True
    absent[numpy.flatnonzero(~absent)[lost]] = True
    return Piece("number", rows, numpy.flatnonzero(absent), values[~lost])


def masked_column(
    values: NDArray[Any],
    absent: NDArray[numpy.bool_],
    name: str,
    *,
    kind: Kind = "number",
    unit: str = "",
    zoned: bool = False,
) -> Column:
    """Numbers, booleans or int64 times with a mask; what stands where it is set does not count."""

    def read(start: int, stop: int) -> Piece:
        part, gone = values[start:stop], absent[start:stop]
        missing = numpy.flatnonzero(gone)
        present = part[~gone] if missing.size else part
        if kind == "number":
            return numbers_piece(present, part.size, missing)
        return Piece(kind, part.size, missing, present, unit=unit, zoned=zoned)

    return Column(name, values.size, read)


def unsupported(name: str, kind: str) -> DataError:
    return DataError(
        f"column '{name}' holds {kind} values, which have no canonical form to fingerprint: "
        "expected numbers, booleans, text, dates or times; convert it or leave it out"
    )
