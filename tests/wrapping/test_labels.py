"""Label columns of every kind become one array, and are compared by value."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.errors import DataError
from venturalitica.frameworks.alignment import as_booleans_or_numbers, first_difference, one_column

FORMS: dict[str, Any] = {
    "list": list,
    "tuple": tuple,
    "array": lambda values: np.array(values, dtype=object),
    "pandas": lambda values: pd.Series(values, dtype=object),
    "pandas frame": lambda values: pd.DataFrame({"y": pd.Series(values, dtype=object)}),
    "polars": lambda values: pl.Series(values, strict=False),
    "polars frame": lambda values: pl.DataFrame({"y": pl.Series(values, strict=False)}),
    "arrow": lambda values: pa.array(values),
    "arrow chunks": lambda values: pa.chunked_array([pa.array(values)]),
    "arrow table": lambda values: pa.table({"y": pa.array(values)}),
}

columns = st.one_of(
    st.lists(st.one_of(st.none(), st.integers(-5, 5)), min_size=1, max_size=20),
    st.lists(st.one_of(st.none(), st.sampled_from(["good", "bad", ""])), min_size=1, max_size=20),
    st.lists(st.booleans(), min_size=1, max_size=20),
)


def plain(array: Any) -> list[Any]:
    return [None if isinstance(v, float) and math.isnan(v) else v for v in array.tolist()]


@settings(deadline=None, max_examples=30)
@given(values=columns)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_keeps_the_values(form: str, values: list[Any]) -> None:
    found = one_column(FORMS[form](values))
    assert found.shape == (len(values),)
    assert plain(found) == values
    assert first_difference(found, one_column(values)) is None


@settings(deadline=None, max_examples=60)
@given(values=columns, data=st.data())
def test_the_first_change_is_found(values: list[Any], data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(values) - 1))
    changed = [*values]
    changed[row] = "elsewhere" if values[row] is None else None
    left, right = one_column(values), one_column(changed)
    if right.dtype == object or left.dtype == object or left.dtype.kind == right.dtype.kind:
        assert first_difference(left, right) == row


@pytest.mark.parametrize(
    ("left", "right", "row"),
    [
        ([1, 2], [1.0, 2.0], None),
        ([1, None], [1.0, math.nan], None),
        ([True, False], [1, 0], None),
        (["1"], [1], 0),
        ([1, 2, 3], [1, 3, 2], 1),
        (["a", None], ["a", None], None),
        (["a", "b"], ["a", None], 1),
        ([math.nan, 1.0], [math.nan, 2.0], 1),
    ],
)
def test_values_are_compared_not_types(left: Any, right: Any, row: int | None) -> None:
    assert first_difference(one_column(left), one_column(right)) == row
    assert first_difference(one_column(right), one_column(left)) == row


def test_what_is_no_single_column_is_none() -> None:
    for values in (None, np.ones((3, 2)), pd.DataFrame({"a": [1], "b": [2]}), 3, [[1, 2], [3, 4]]):
        assert one_column(values) is None
    assert one_column([]).shape == (0,)
    assert one_column(np.ones((3, 1))).shape == (3,)


def test_a_thing_that_is_no_label_is_said() -> None:
    with pytest.raises(DataError, match="a label is a list"):
        first_difference(one_column(["a", "b"]), np.array([["x"], "b", 0], dtype=object)[:2])


@pytest.mark.parametrize(
    ("values", "labels", "expected"),
    [
        ([0, 1], [True, False], [False, True]),
        ([False, True], [0, 1], [0, 1]),
        ([0, 2], [True, False], [0, 2]),
        (["a", "b"], [True, False], ["a", "b"]),
        ([0.0, 1.0], [1, 0], [0.0, 1.0]),
    ],
)
def test_predictions_speak_the_labels_terms(values: Any, labels: Any, expected: Any) -> None:
    found = as_booleans_or_numbers(np.array(values), np.array(labels)).tolist()
    assert found == expected
    assert [type(v) for v in found] == [type(v) for v in expected]
