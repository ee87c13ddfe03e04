"""The fingerprint: one digest for the same values, and the form that the documentation promises."""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import narwhals
import numpy
import pandas
import polars
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from venturalitica.errors import BindingError, DataError
from venturalitica.provenance import fingerprint as data_probe
from venturalitica.provenance.fingerprint import digest as column_hash
from venturalitica.provenance.fingerprint import file_digest, fingerprint, streams

Columns = Mapping[str, Sequence[Any]]


def whole_numbers(values: Sequence[int]) -> tuple[str, bytes]:
    for bits, code in ((8, "b"), (16, "h"), (32, "i"), (64, "q")):
        if all(-(2 ** (bits - 1)) <= value < 2 ** (bits - 1) for value in values):
            return f"int{bits}", b"".join(struct.pack(f"<{code}", value) for value in values)
    raise OverflowError(values)


def block_by_hand(kind: str, values: Sequence[Any]) -> bytes:
    missing = [index for index, value in enumerate(values) if value is None]
    present = [value for value in values if value is not None]
    form, streams = "null", b""
    if present and kind in ("text", "decimal", "time", "mixed", "binary"):
        encoded = [v if isinstance(v, bytes) else v.encode() for v in present]
        form, streams = whole_numbers([len(data) for data in encoded])
        form, streams = f"{kind} {form}", streams + b"".join(encoded)
    elif present and kind == "bool":
        form, streams = "bool", bytes(present)
    elif present and kind == "uint64" and max(present) >= 2**63:
        form, streams = "uint64", b"".join(struct.pack("<Q", value) for value in present)
    elif (
        present
        and kind == "float64"
        and not all(math.isfinite(v) and v == int(v) and -(2**63) <= v < 2**63 for v in present)
    ):
        form, streams = "float64", b"".join(struct.pack("<d", value) for value in present)
    elif present:
        unit = "ns"
        if "us" in kind or ("ns" in kind and not any(value % 1_000 for value in present)):
            unit = "us"
        scale = 1_000 if "ns" in kind and unit == "us" else 1
        form, streams = whole_numbers([int(value) // scale for value in present])
        form = f"{unit} {form}" if "[" in kind else form
    digest = hashlib.sha256(f"{form} {len(values)} {len(missing)}\n".encode())
    digest.update(b"".join(struct.pack("<I", i) for i in missing))
    digest.update(streams)
    return digest.digest()


def by_hand(name: str, kind: str, values: Sequence[Any], block: int = 2**17) -> dict[str, Any]:
    """docs/data-fingerprint.md once more, with nothing but struct and hashlib."""
    digest = hashlib.sha256(f"venturalitica/columns/v1\n{kind}\n{len(values)}\n".encode())
    for start in range(0, len(values), block):
        digest.update(block_by_hand(kind, values[start : start + block]))
    nulls = sum(value is None for value in values)
    return {"name": name, "type": kind, "nulls": nulls, "sha256": digest.hexdigest()}


def whole_by_hand(rows: int, columns: list[dict[str, Any]]) -> str:
    ordered = sorted(columns, key=lambda column: column["name"])
    text = json.dumps(
        {"columns": ordered, "format": "venturalitica/columns/v1", "rows": rows},
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    )
    return hashlib.sha256(text.encode()).hexdigest()


def the_column(data: Any) -> dict[str, Any]:
    (column,) = fingerprint(data).columns
    return {
        "name": column.name,
        "type": column.type,
        "nulls": column.nulls,
        "sha256": column.sha256,
    }


def chunked(columns: Columns) -> Any:
    built = {}
    for name, values in columns.items():
        whole = pyarrow.array(list(values))
        built[name] = pyarrow.chunked_array([whole[:1], whole[1:1], whole[1:]])
    return pyarrow.table(built)


def dictionaries(columns: Columns) -> Any:
    table = chunked(columns)
    for index, field in enumerate(table.schema):
        if pyarrow.types.is_string(field.type):
            encoded = [chunk.dictionary_encode() for chunk in table.column(index).chunks]
            table = table.set_column(index, field.name, pyarrow.chunked_array(encoded))
    return table


def objects(columns: Columns) -> Any:
    return pandas.DataFrame(
        {name: pandas.Series(list(values), dtype=object) for name, values in columns.items()}
    )


ENGINES: dict[str, Callable[[Columns], Any]] = {
    "pandas": lambda c: pandas.DataFrame(dict(c), index=range(3, 3 + len(next(iter(c.values()))))),
    "pandas objects": objects,
    "pandas nullable": lambda c: objects(c).convert_dtypes(),
    "pandas arrow": lambda c: objects(c).convert_dtypes(dtype_backend="pyarrow"),
    "pandas categories": lambda c: pandas.DataFrame(
        {k: pandas.Categorical(v) for k, v in c.items()}
    ),
    "polars": lambda c: polars.DataFrame(dict(c)),
    "polars lazy": lambda c: polars.LazyFrame(dict(c)),
    "polars chunks": lambda c: polars.concat(
        [polars.DataFrame(dict(c))[:2], polars.DataFrame(dict(c))[2:]], rechunk=False
    ),
    "polars categories": lambda c: polars.DataFrame(dict(c)).with_columns(
        polars.col(polars.String).cast(polars.Categorical)
    ),
    "pyarrow": lambda c: pyarrow.table(dict(c)),
    "pyarrow chunks": chunked,
    "pyarrow dictionaries": dictionaries,
    "arrays": lambda c: {k: numpy.array(v, dtype=object) for k, v in c.items()},
    "lists": lambda c: {k: list(v) for k, v in c.items()},
    "narwhals": lambda c: narwhals.from_native(polars.DataFrame(dict(c))),
}

CASES: list[tuple[str, list[Any], list[Any]]] = [
    ("int64", [1, 2, None, -3], [1, 2, None, -3]),
    ("int64", [1.0, float("nan"), 2.0, -0.0], [1, None, 2, 0]),
    ("int64", [2**53 + 1, -(2**62), 7, 0], [2**53 + 1, -(2**62), 7, 0]),
    ("float64", [0.5, None, 2.0, -0.0], [0.5, None, 2.0, 0.0]),
    ("float64", [1.0, 2.0, 3.0, 1e300], [1.0, 2.0, 3.0, 1e300]),
    ("float64", [1.0, float("inf"), None, 2.0], [1.0, float("inf"), None, 2.0]),
    ("bool", [True, False, None, True], [True, False, None, True]),
    ("text", ["a", "", None, "üñ€𝄞"], ["a", "", None, "üñ€𝄞"]),
    ("text", ["1", "1.0", None, "nul\0"], ["1", "1.0", None, "nul\0"]),
]


@pytest.mark.parametrize(("kind", "values", "canonical"), CASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_is_hashed_as_documented(
    engine: str, kind: str, values: list[Any], canonical: list[Any]
) -> None:
    expected = by_hand("x", kind, canonical)
    found = fingerprint(ENGINES[engine]({"x": values}))
    assert found.rows == len(values)
    assert the_column(ENGINES[engine]({"x": values})) == expected
    assert found.sha256 == whole_by_hand(len(values), [expected])


@pytest.mark.parametrize(("start", "stop"), [(0, 40), (7, 8), (8, 16), (11, 37), (32, 40)])
def test_bits_of_a_part_of_an_arrow_array(start: int, stop: int) -> None:
    values = [number % 3 == 0 or number % 7 == 2 for number in range(40)]
    part = pyarrow.table({"x": values}).slice(start, stop - start)
    assert the_column(part) == by_hand("x", "bool", values[start:stop])


NOON = datetime(2020, 2, 3, 12, 30, 1, 250)
CEST = timezone(timedelta(hours=2))


@pytest.mark.parametrize(
    ("kind", "data", "canonical"),
    [
        ("timestamp[us]", {"x": [NOON, None]}, [1_580_733_001_000_250, None]),
        ("timestamp[us]", {"x": [date(1970, 1, 2), None]}, [86_400_000_000, None]),
        (
            "timestamp[us, UTC]",
            {"x": [NOON.replace(tzinfo=UTC), None]},
            [1_580_733_001_000_250, None],
        ),
        (
            "timestamp[us, UTC]",
            {"x": [NOON.replace(tzinfo=CEST), None]},
            [1_580_733_001_000_250 - 7_200_000_000, None],
        ),
        (
            "duration[us]",
            {"x": [timedelta(days=-1, microseconds=1), None]},
            [-86_399_999_999, None],
        ),
        ("time", {"x": [time(1, 2, 3), time(1, 2, 3, 4)]}, ["01:02:03", "01:02:03.000004"]),
        ("decimal", {"x": [Decimal("1.50"), Decimal("-100.00")]}, ["1.5", "-100"]),
        ("binary", {"x": [b"\0a", None, b""]}, [b"\0a", None, b""]),
        ("null", {"x": [None, None]}, [None, None]),
    ],
)
def test_times_and_the_rarer_types(kind: str, data: Columns, canonical: list[Any]) -> None:
    expected = by_hand("x", kind, canonical)
    for name in ("pandas objects", "polars", "polars lazy", "pyarrow", "arrays", "lists"):
        assert the_column(ENGINES[name](data)) == expected, name


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_a_time_does_not_count(unit: str) -> None:
    moment = datetime(2020, 2, 3, 12, 30, 1)
    values = numpy.array([moment, None], dtype=f"datetime64[{unit}]")
    expected = by_hand("x", "timestamp[us]", [1_580_733_001_000_000, None])
    assert the_column({"x": values}) == expected
    assert the_column(pandas.DataFrame({"x": values})) == expected
    assert the_column(pyarrow.table({"x": pyarrow.array(values)})) == expected
    if unit != "s":
        series = polars.Series("x", [moment, None], dtype=polars.Datetime(unit))  # type: ignore[arg-type]
        assert the_column(series.to_frame()) == expected


def test_nanoseconds_are_kept_where_they_are_needed() -> None:
    values = numpy.array(["2020-02-03T12:30:01.000000001", "NaT"], dtype="datetime64[ns]")
    expected = by_hand("x", "timestamp[ns]", [1_580_733_001_000_000_001, None])
    frame = pandas.DataFrame({"x": values})
    for data in (
        frame,
        frame.astype(object),
        polars.DataFrame({"x": values}),
        pyarrow.table({"x": pyarrow.array(values)}),
        {"x": values},
    ):
        assert the_column(data) == expected


def test_a_time_zone_is_only_a_way_to_show_an_instant() -> None:
    instant = pandas.Series(pandas.to_datetime(["2020-02-03T12:30:01Z", None]))
    expected = by_hand("x", "timestamp[us, UTC]", [1_580_733_001_000_000, None])
    berlin = instant.dt.tz_convert("Europe/Berlin")
    for series in (instant, berlin):
        assert the_column(pandas.DataFrame({"x": series})) == expected
        moments = [None if value is pandas.NaT else value.to_pydatetime() for value in series]
        assert the_column(pyarrow.table({"x": moments})) == expected
        assert the_column(polars.DataFrame({"x": moments})) == expected


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (numpy.array([1, 0], dtype=numpy.uint8), "int64"),
        (numpy.array([1, 0], dtype=numpy.int32), "int64"),
        (numpy.array([1, 0], dtype=numpy.float16), "int64"),
        (numpy.array([1, 0], dtype=">i4"), "int64"),
        (numpy.array([1, 0, 9])[::2][:1].repeat(2) * numpy.array([1, 0]), "int64"),
        (numpy.array([2**64 - 1, 0], dtype=numpy.uint64), "uint64"),
        (numpy.array([2**63 - 1, 0], dtype=numpy.uint64), "int64"),
        (numpy.array([0.5, 0.1], dtype=numpy.float32), "float64"),
        (numpy.array(["a", "bc"]), "text"),
        (numpy.array(["a", "bc"], dtype=numpy.dtypes.StringDType()), "text"),
    ],
)
def test_the_width_of_a_type_does_not_count(values: Any, kind: str) -> None:
    assert the_column({"x": values}) == by_hand(
        "x", kind, values.tolist() if kind != "int64" else list(map(int, values))
    )


def test_masked_arrays_and_strided_views() -> None:
    masked = numpy.ma.array([1, 2, 3], mask=[False, True, False])
    assert the_column({"x": masked}) == by_hand("x", "int64", [1, None, 3])
    assert the_column({"x": numpy.arange(10)[::3]}) == by_hand("x", "int64", [0, 3, 6, 9])


def test_whole_numbers_in_objects() -> None:
    for values, kind in (([2**64 - 1, 0], "uint64"), ([1, 0.5], "float64"), ([1, 2.0], "int64")):
        present = list(map(int, values)) if kind == "int64" else values
        assert the_column({"x": values}) == by_hand("x", kind, present)
    with pytest.raises(DataError, match="column 'x' holds whole numbers beyond 64 bits"):
        fingerprint({"x": [2**64, -1]})


def test_a_mixed_column_tells_text_from_numbers() -> None:
    values = ["1", 1, 1.0, 0.5, True, None, "ü", Decimal("2.50")]
    canonical = ['"1"', "1", "1", "0.5", "true", None, '"ü"', "2.5"]
    expected = by_hand("x", "mixed", canonical)
    assert the_column(objects({"x": values})) == expected
    assert the_column({"x": values}) == expected


@pytest.mark.parametrize("name", ["polars", "pyarrow", "pandas objects", "lists"])
@pytest.mark.parametrize("values", [[[1], [2]], [{"a": 1}, {"a": 2}]], ids=["lists", "structs"])
def test_types_without_a_canonical_form_are_refused(name: str, values: list[Any]) -> None:
    data = {"x": [{"a": [1]}, {"a": [2]}]} if name == "lists" else {"x": values}
    with pytest.raises(
        DataError, match=r"column 'x' holds .* values, which have no canonical form"
    ):
        fingerprint(ENGINES[name](data))


def test_text_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(DataError, match="column 'x' holds text that is not valid Unicode"):
        fingerprint({"x": ["\ud800"]})


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(-(2**53), 2**53)),
        st.one_of(st.none(), st.floats(allow_nan=False)),
        st.one_of(st.none(), TEXT),
        st.one_of(st.none(), st.booleans()),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, piece=st.integers(1, 5))
def test_engines_agree_and_are_as_documented(rows: Any, piece: int) -> None:
    every = [(1, 0.5, "a", True), *rows]
    columns = {name: [row[i] for row in every] for i, name in enumerate("nftb")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(column_hash, "BLOCK", piece)
        patch.setattr(streams, "_BATCH", 3)
        patch.setattr(data_probe, "_WORTH_THREADS", 8)
        expected = fingerprint(columns)
        kinds = {column.name: column.type for column in expected.columns}
        digests = {column.name: column.sha256 for column in expected.columns}
        for name, values in columns.items():
            unsigned_zero = [v + 0.0 if isinstance(v, float) else v for v in values]
            assert digests[name] == by_hand(name, kinds[name], unsigned_zero, piece)["sha256"]
        for name, make in ENGINES.items():
            found = fingerprint(make(columns))
            assert found.columns == expected.columns, name
            assert found.sha256 == expected.sha256


def test_whole_floats_are_integers_whatever_the_pieces(monkeypatch: Any) -> None:
    monkeypatch.setattr(column_hash, "BLOCK", 2)
    values = [1.0, 2.0, 3.0, 0.5]
    assert the_column({"x": numpy.array(values)}) == by_hand("x", "float64", values, 2)
    assert the_column({"x": numpy.array(values[:3])}) == by_hand("x", "int64", [1, 2, 3], 2)


def test_a_block_has_the_narrowest_numbers_of_its_own(monkeypatch: Any) -> None:
    monkeypatch.setattr(column_hash, "BLOCK", 3)
    values = [-128, 127, None, 128, 0, 0, 2**31 - 1, 32_768, 0, -(2**31) - 1, None, 2**63 - 1]
    # The recomputation itself, held to bytes that are written out here.
    assert [block_by_hand("int64", values[i : i + 3]).hex()[:4] for i in (0, 3, 6, 9)] == [
        hashlib.sha256(head + struct.pack(code, *numbers)).hexdigest()[:4]
        for head, code, numbers in (
            (b"int8 3 1\n\x02\0\0\0", "<bb", (-128, 127)),
            (b"int16 3 0\n", "<hhh", (128, 0, 0)),
            (b"int32 3 0\n", "<iii", (2**31 - 1, 32_768, 0)),
            (b"int64 3 1\n\x01\0\0\0", "<qq", (-(2**31) - 1, 2**63 - 1)),
        )
    ]
    expected = by_hand("x", "int64", values, 3)
    for name in ("pandas objects", "polars", "polars lazy", "pyarrow", "pyarrow chunks", "lists"):
        assert the_column(ENGINES[name]({"x": values})) == expected, name


def test_a_column_that_widens_further_down(monkeypatch: Any) -> None:
    monkeypatch.setattr(column_hash, "BLOCK", 2)
    monkeypatch.setattr(streams, "_BATCH", 1)
    unsigned = [1, 2, 2**63, 3]
    moments = numpy.array([1_000, 2_000, 3_001, 4_000], dtype="datetime64[ns]")
    for data, kind, values in (
        (polars.DataFrame({"x": unsigned}, schema={"x": polars.UInt64}), "uint64", unsigned),
        (polars.DataFrame({"x": moments}), "timestamp[ns]", [1_000, 2_000, 3_001, 4_000]),
    ):
        expected = by_hand("x", kind, values, 2)
        assert the_column(data) == the_column(data.lazy()) == expected
        assert the_column(data.to_arrow()) == expected
        assert the_column(data.to_pandas().astype(object)) == expected


@pytest.mark.parametrize("kind", [polars.Object, polars.Int128, polars.Decimal(10, 2)])
def test_a_stream_is_read_as_a_whole_where_its_type_asks_for_it(
    kind: Any, monkeypatch: Any
) -> None:
    values: list[Any] = [1, 2, 3, "a"] if kind == polars.Object else [1, 2, 3, 4]
    frame = polars.DataFrame({"x": polars.Series(values, dtype=kind)})
    expected = fingerprint(frame)
    assert expected.columns[0].type in ("mixed", "int64", "decimal")
    monkeypatch.setattr(streams, "_BATCH", 1)
    assert fingerprint(frame.lazy()).columns == expected.columns
    assert fingerprint({"x": frame["x"].to_list()}).columns == expected.columns


@pytest.mark.parametrize(
    "texts",
    [["a", "", "a\0b", "c\0"], ["", ""], ["\0"], ["ü", "a"], ["x" * 300, ""], ["\0\0", "a", ""]],
    ids=repr,
)
def test_texts_with_nothing_or_anything_in_them(texts: list[str]) -> None:
    values = [*texts, None, *texts]
    expected = by_hand("x", "text", values)
    for name, make in ENGINES.items():
        assert the_column(make({"x": values})) == expected, name
    fixed = numpy.array([text.rstrip("\0") for text in texts])
    told = by_hand("x", "text", fixed.tolist())
    for array in (fixed, fixed.astype(fixed.dtype.newbyteorder(">")), fixed.repeat(2)[::2]):
        assert the_column({"x": array}) == told


@pytest.mark.parametrize("gone", [float("nan"), None, pandas.NA, pandas.NaT, Decimal("nan")])
def test_whatever_stands_for_missing_in_objects(gone: Any) -> None:
    for kind, values in (("text", ["a", gone, "b"]), ("int64", [1, gone, 2]), ("null", [gone])):
        expected = by_hand("x", kind, [None if value is gone else value for value in values])
        assert the_column(objects({"x": values})) == expected
        assert the_column({"x": values}) == expected


def test_nanoseconds_beside_other_units_in_objects() -> None:
    durations = [pandas.Timedelta(-1, "ns"), timedelta(seconds=1), pandas.Timedelta("2us")]
    expected = by_hand("x", "duration[ns]", [-1, 1_000_000_000, 2_000])
    assert the_column({"x": durations}) == expected
    far = [datetime(9999, 1, 1), pandas.Timestamp("2020-01-01T00:00:00.000000001")]
    with pytest.raises(DataError, match="column 'x' holds times that do not fit 64 bits of nano"):
        fingerprint({"x": far})


def test_categories_of_numbers_with_missing_ones() -> None:
    for values in ([3, None, 1], [0.5, None, 0.25], [None, None]):
        kind = {3: "int64", 0.5: "float64", None: "null"}[values[0]]
        series = pandas.Series(pandas.Categorical(values))
        assert the_column(series.to_frame("x")) == by_hand("x", kind, values)


BASE = {"n": [1, 2, 3], "t": ["a", "b", None]}


@pytest.mark.parametrize(
    "other",
    [
        {"n": [1, 3, 2], "t": ["a", "b", None]},
        {"n": [1, 2, 3], "t": ["a", None, "b"]},
        {"n": [1, 2, 3], "t": ["ab", "", None]},
        {"n": ["1", "2", "3"], "t": ["a", "b", None]},
        {"m": [1, 2, 3], "t": ["a", "b", None]},
        {"n": [1, 2], "t": ["a", "b"]},
        {"n": [1, 2, 3]},
    ],
)
def test_any_change_of_the_data_changes_the_digest(other: Columns) -> None:
    assert fingerprint(other).sha256 != fingerprint(BASE).sha256


def test_the_order_of_columns_and_the_index_do_not_count() -> None:
    frame = pandas.DataFrame(BASE)
    found = fingerprint(frame)
    assert [column.name for column in found.columns] == ["n", "t"]
    assert fingerprint(frame[["t", "n"]].set_index([[9, 9, 9]])).sha256 == found.sha256
    assert fingerprint(frame, ["t", "n", "t"]).sha256 == found.sha256


def test_golden_digest() -> None:
    """A change of the form is a new format, never a silent change of digests."""
    found = fingerprint(BASE)
    assert found.sha256 == GOLDEN
    assert (found.method, found.engine, found.rows) == ("columns/v1", "numpy", 3)


GOLDEN = "338e7c37d54412913b4c61371d3ed972ca003a2afebb7a9db2ad3b01b1eb4ace"


def test_arrays_beside_a_table() -> None:
    data = {"n": [1, 2, 3]}
    expected = fingerprint({**data, "prediction": [0, 1, 1]})
    beside: list[Any] = [
        numpy.array([0, 1, 1]),
        [0, 1, 1],
        pandas.Series([0, 1, 1], index=[5, 6, 7]),
        pandas.Index([0, 1, 1]),
        pandas.Index([0, 1, 1], dtype=object),
        polars.Series([0.0, 1.0, 1.0]),
        pyarrow.chunked_array([[0], [1, 1]]),
        numpy.array([[0], [1], [1]]),
    ]
    for values in beside:
        for name in ("pandas", "polars", "polars lazy", "pyarrow", "lists"):
            found = fingerprint(ENGINES[name](data), ["n"], arrays={"prediction": values})
            assert found.sha256 == expected.sha256
        assert fingerprint(None, arrays={"prediction": values, "n": [1, 2, 3]}) == expected


def test_an_array_named_as_a_column_is_told_apart() -> None:
    found = fingerprint(BASE, ["n"], arrays={"n": [0, 1, 1]})
    assert [column.name for column in found.columns] == ["n", "n (array)"]


def test_refusals() -> None:
    with pytest.raises(BindingError, match="no column 'nn'; did you mean 'n'"):
        fingerprint(BASE, ["nn"])
    with pytest.raises(DataError, match=r"n has 3.*p has 2|p has 2.*n has 3"):
        fingerprint(BASE, ["n"], arrays={"p": [1, 2]})
    with pytest.raises(DataError, match="expected a table"):
        fingerprint(3)


def test_no_rows_and_no_columns() -> None:
    empty: list[Any] = [pandas.DataFrame({"x": []}), polars.DataFrame({"x": []}), {"x": []}]
    for data in empty:
        assert the_column(data) == by_hand("x", "null", [])
    assert fingerprint(None).columns == ()


def test_gathering_long_and_short_categories() -> None:
    for texts in (["a", "bb", "ü"], ["a", "x" * 100]):
        values = [*texts, None, *reversed(texts)]
        frame = pandas.DataFrame({"x": pandas.Categorical(values)})
        assert the_column(frame) == by_hand("x", "text", values)
    ages = pandas.DataFrame({"x": pandas.Categorical([3, 1, 3])})
    assert the_column(ages) == by_hand("x", "int64", [3, 1, 3])


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.bin"
    data = bytes(range(256)) * 5_000
    path.write_bytes(data)
    assert file_digest(path) == (hashlib.sha256(data).hexdigest(), len(data))
    assert file_digest(str(path))[1] == len(data)
    path.write_bytes(b"")
    assert file_digest(path) == (hashlib.sha256().hexdigest(), 0)


def test_the_page_of_the_documentation_computes_the_same(capsys: Any) -> None:
    page = Path(__file__).parents[2] / "docs" / "data-fingerprint.md"
    code = page.read_text(encoding="utf-8").partition("```python\n")[2].partition("```")[0]
    exec(compile(code, str(page), "exec"), {})
    printed = capsys.readouterr().out.strip()
    assert printed == GOLDEN
    assert f"# {printed}" in code


def test_every_type_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "data-fingerprint.md").read_text(encoding="utf-8")
    for kind in ("null", "int64", "uint64", "float64", "bool", "text", "binary", "time", "decimal"):
        assert f"| `{kind}` |" in page
    for kind in ("timestamp[us]", "timestamp[ns, UTC]", "duration[us]", "mixed"):
        assert f"`{kind}`" in page


def test_a_file_changed_and_dated_back_while_it_is_hashed_has_no_digest(tmp_path, monkeypatch):
    path = tmp_path / "data.bin"
    path.write_bytes(b"before")
    whole = hashlib.file_digest

    def digest_then_change(file: Any, name: str) -> Any:
        digest, found = whole(file, name), path.stat()
        path.write_bytes(b"behind")
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        return digest

    monkeypatch.setattr(hashlib, "file_digest", digest_then_change)
    with pytest.raises(DataError, match="changed while its digest was taken"):
        file_digest(path)


def test_a_pipe_has_no_digest_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="not a regular file"):
        file_digest(tmp_path / "pipe")
