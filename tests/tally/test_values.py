from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

import numpy
import pandas
import pytest

from venturalitica.core.labels import identity
from venturalitica.errors import DataError
from venturalitica.tally.engines.arrays import encode
from venturalitica.tally.values import canonical, checked_label, text_of


class Grade(Enum):
    GOOD = "good"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (1.0, 1),
        (-0.0, 0),
        (numpy.int8(1), 1),
        (numpy.float32(0.5), 0.5),
        (Decimal("1.00"), 1),
        (Decimal("0.25"), 0.25),
        (Fraction(1, 2), 0.5),
        (True, True),
        (numpy.bool_(True), True),
        ("1", "1"),
        (numpy.str_("a"), "a"),
        (Grade.GOOD, "good"),
        (date(2020, 1, 2), "2020-01-02"),
        (datetime(2020, 1, 2), "2020-01-02"),
        (pandas.Timestamp("2020-01-02"), "2020-01-02"),
        (numpy.datetime64("2020-01-02T00:00:00.000000000"), "2020-01-02"),
        (numpy.datetime64("2020-01-02T03:04:05.600000000"), "2020-01-02T03:04:05.600000"),
        (datetime(2020, 1, 2, 3, 4, 5, 600000), "2020-01-02T03:04:05.600000"),
        (datetime(2020, 1, 2, tzinfo=UTC), "2020-01-02T00:00:00+00:00"),
        (pandas.Interval(0, 5), "(0, 5]"),
    ],
)
def test_labels(value: Any, expected: Any) -> None:
    found = canonical(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), numpy.nan, pandas.NA, pandas.NaT, Decimal("NaN"), numpy.datetime64("NaT")],
)
def test_missing(value: Any) -> None:
    assert canonical(value) is None


@pytest.mark.parametrize("value", [b"a", [1], {"a": 1}, 1j, object()])
def test_no_labels(value: Any) -> None:
    with pytest.raises(TypeError):
        canonical(value)


def test_true_is_not_one_and_one_is_not_text() -> None:
    found = encode(numpy.array([True, 1, "1", 1.0, None, False, 0], dtype=object), "x")
    assert found.codes.tolist() == [0, 1, 2, 1, -1, 3, 4]
    assert [type(value) for value in found.values] == [bool, int, str, bool, int]


def test_levels_sort_booleans_then_numbers_then_text() -> None:
    mixed: list[Any] = ["b", 10, 2, True, "a", 0.5, False]
    assert sorted(mixed, key=identity) == [False, True, 0.5, 2, 10, "a", "b"]
    assert [text_of(value) for value in (True, 2, 0.5, "a")] == ["True", "2", "0.5", "a"]


@pytest.mark.parametrize(
    ("array", "values", "codes"),
    [
        (numpy.array([3, 1, 3], dtype=numpy.int8), (1, 3), [1, 0, 1]),
        (numpy.array([2**60, -(2**60)]), (-(2**60), 2**60), [1, 0]),
        (numpy.array([2**64 - 1, 0], dtype=numpy.uint64), (0, 2**64 - 1), [1, 0]),
        (numpy.array([2**64 - 1, 2**64 - 2], dtype=numpy.uint64), (2**64 - 2, 2**64 - 1), [1, 0]),
        (numpy.array([0.5, numpy.nan, 2.0]), (0.5, 2), [0, -1, 1]),
        (numpy.array([1.0, numpy.nan, -0.0]), (0, 1), [1, -1, 0]),
        (numpy.array(["b", "a"]), ("a", "b"), [1, 0]),
        (numpy.array([True, True]), (True,), [0, 0]),
        (numpy.ma.array([1, 2, 3], mask=[False, True, False]), (1, 3), [0, -1, 1]),
        (numpy.array([], dtype=float), (), []),
        (numpy.array(["2020-01-01", "NaT"], dtype="datetime64[ns]"), ("2020-01-01",), [0, -1]),
    ],
)
def test_codes(array: Any, values: tuple[Any, ...], codes: list[int]) -> None:
    found = encode(array, "x")
    assert found.values == values
    assert found.codes.tolist() == codes


@pytest.mark.parametrize(
    "array",
    [
        numpy.array([b"a"]),
        numpy.array([1j]),
        numpy.array([1], dtype="m8[s]"),
        numpy.array([[1], None], dtype=object),
        numpy.array([b"a", None], dtype=object),
    ],
)
def test_arrays_that_hold_no_labels(array: Any) -> None:
    with pytest.raises(DataError, match=r"the column holds .* values: labels and groups must be"):
        encode(array, "the column")


@pytest.mark.parametrize(
    ("label", "message"),
    [(float("inf"), "infinite"), (2**53 + 1, "beyond"), ("\ud800", "valid Unicode")],
)
def test_labels_that_cannot_be_written_down(label: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        checked_label(label, "target")
