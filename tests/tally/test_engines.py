"""The same values give the same tally, bit for bit, on every engine."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tally.dense import dense
from venturalitica.core.policy import Role
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import SCORE, Need
from venturalitica.tally.binding import Binding, bind
from venturalitica.tally.build import build_tally
from venturalitica.tally.engines.narwhals import column_names

pytestmark = pytest.mark.usefixtures("counted_by")

ROLES = {
    "target": Role("target"),
    "gender": Role("gender", map={"A91": "male", "A92": "female", "A93": "male"}),
    "age": Role("age", bins=(25, 60)),
    "income": Role("income"),
    "region": Role("region"),
}
NAMES = {
    "target": "y",
    "prediction": "p",
    "score": "s",
    "gender": "sex",
    "age": "years",
    "income": "euros",
    "region": "where",
}
NEEDS = [
    Need(("target", "prediction")),
    Need(("target", "prediction"), ("gender",)),
    Need(("prediction",), ("age", "region")),
    Need(("target",), ("income",)),
    Need(("target",), number=SCORE),
    Need(("target",), ("gender",), number=SCORE),
]
LABELS = st.sampled_from([1, 2, None])
ROW = st.tuples(
    LABELS,
    LABELS,
    st.one_of(st.none(), st.floats(0, 1, width=32)),
    st.sampled_from(["A91", "A92", "A93", "A95", "ü", "", None]),
    st.one_of(st.none(), st.integers(18, 90)),
    st.one_of(st.none(), st.floats(-1e6, 1e6).map(lambda value: round(value, 3))),
    st.sampled_from(["north", "south", None]),
)
FIRST = (1, 2, 0.5, "A91", 30, 10.25, "north")
"""So that no column is missing throughout: an engine then cannot know what it is a column of."""


def tally_of(data: Any, binding: Binding | None = None) -> Any:
    binding = binding or bind(ROLES, NAMES, column_names(data), wanted=())
    return build_tally(data, needs=NEEDS, binding=binding, roles=ROLES)


def columns_of(rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    return {column: [row[i] for row in rows] for i, column in enumerate(NAMES.values())}


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROW, max_size=60))
def test_every_engine_gives_the_same_tally(engines: Any, rows: list[tuple[Any, ...]]) -> None:
    columns = columns_of([FIRST, *rows])
    expected = tally_of(engines["arrays"](columns))
    for name, make in engines.items():
        found = tally_of(make(columns))
        assert found == expected, name
        assert found.sha256 == expected.sha256, name


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, max_size=60))
def test_counts_are_those_of_counting_by_hand(rows: list[tuple[Any, ...]]) -> None:
    every = [FIRST, *rows]
    tally = tally_of({name: list(values) for name, values in columns_of(every).items()})
    counts = dense(tally, ("target", "prediction", "gender"))
    labels = [*tally.axis("target").levels, None]
    genders = [*tally.axis("gender").levels, None]
    mapped = ROLES["gender"].map
    assert mapped is not None
    by_hand = Counter((row[0], row[1], mapped.get(row[3])) for row in every)
    found = {
        (labels[i], labels[j], genders[k]): int(counts[i, j, k])
        for i, j, k in numpy.argwhere(counts > 0)
    }
    assert found == by_hand
    assert counts.sum() == tally.rows == len(every)
    assert tally.nulls == {
        role: sum(row[index] is None for row in every) for index, role in enumerate(NAMES)
    }


def test_row_order_does_not_change_the_tally(engine: Any) -> None:
    rows = [(1, 2, 0.25, "A91", 30, 1.5, "north"), (2, 2, None, None, None, None, "south"), FIRST]
    assert tally_of(engine(columns_of(rows))) == tally_of(engine(columns_of(rows[::-1])))


@pytest.mark.parametrize(
    "beside",
    [numpy.array([1, 2, 1]), [1.0, 2.0, 1.0], polars.Series([1, 2, 1], dtype=polars.UInt8)],
)
def test_an_array_beside_the_table_is_as_a_column_of_it(engine: Any, beside: Any) -> None:
    rows = [(1, 1, 0.25, "A91", 30, 1.5, "north"), (2, 2, 0.5, "A92", 70, 2.5, "south"), FIRST]
    rows[2] = (1, 1, *FIRST[2:])
    columns = columns_of(rows)
    data = engine(columns)
    names = {role: column for role, column in NAMES.items() if role != "prediction"}
    binding = bind(ROLES, {**names, "prediction": beside}, column_names(data), wanted=())
    found = tally_of(data, binding)
    as_column = tally_of(data)
    assert found.tables == as_column.tables
    assert found.scores == as_column.scores


def test_no_rows(engine: Any) -> None:
    columns: dict[str, list[Any]] = {"y": [], "g": []}
    binding = Binding({"target": "y", "group": "g"})
    tally: Any = build_tally(
        engine(columns), needs=[Need(("target",), ("group",))], binding=binding
    )
    assert tally.rows == 0
    assert tally.axis("target").levels == ()
    assert dense(tally, ("target", "group")).sum() == 0


def test_many_rows_and_numbers_are_cut_alike_before_and_after_grouping(engines: Any) -> None:
    """Engines cut floats in the pass, decimals and objects only after it."""
    generator = numpy.random.default_rng(7)
    euros = [round(float(value), 2) for value in generator.gamma(2.0, 900.0, 4_000)]
    euros[10] = None  # type: ignore[call-overload]
    columns = {"y": generator.integers(0, 2, 4_000).tolist(), "euros": euros}
    binding = Binding({"target": "y", "income": "euros"})
    needs = [Need(("target",), ("income",))]
    tallies = {
        name: build_tally(make(columns), needs=needs, binding=binding)
        for name, make in engines.items()
    }
    digests = {name: tally.sha256 for name, tally in tallies.items()}
    assert len(set(digests.values())) == 1, digests
    axis = tallies["polars"].axis("income")
    assert axis is not None
    present = sorted(value for value in euros if value is not None)
    assert len(axis.levels) == 4
    assert repr(present[1999]) in axis.note
    sizes = dense(tallies["polars"], ("income",))
    assert sizes[-1] == 1
    assert sizes[:-1].min() > 990


def test_text_views_are_text() -> None:
    """Arrow's own group-by has no kernel for them, nor for dictionaries of them."""
    words = ["a", "é", None, "a", ""] * 4
    plain = pyarrow.table({"g": pyarrow.array(words)})
    views = pyarrow.array(words, pyarrow.string_view())
    view = pyarrow.table({"g": views})
    needs, binding = [Need((), ("group",))], Binding({"group": "g"})
    assert build_tally(view, needs=needs, binding=binding) == build_tally(
        plain, needs=needs, binding=binding
    )


def test_decimal_scores_are_the_same_floats_on_every_engine() -> None:
    """Arrow's cast of a decimal to a float is off by one digit in every second value."""
    values = [Decimal(count).scaleb(-6) for count in range(1, 1_000_000, 997)]
    target = [0, 1] * (len(values) // 2) + [0] * (len(values) % 2)
    kind = pyarrow.decimal128(38, 18)
    frames = [
        pyarrow.table({"t": target, "s": pyarrow.array(values, kind)}),
        polars.DataFrame({"t": target, "s": polars.Series(values, dtype=polars.Decimal(38, 18))}),
        pandas.DataFrame({"t": target, "s": pandas.array(values, pandas.ArrowDtype(kind))}),
        pandas.DataFrame({"t": target, "s": values}),
    ]
    binding = Binding({"target": "t", "score": "s"})
    for frame in frames:
        (table,) = build_tally(
            frame, needs=[Need(("target",), number=SCORE)], binding=binding
        ).scores
        assert table.scores == tuple(float(value) for value in values)


def test_what_the_engine_cannot_group_is_a_data_error() -> None:
    frame = pandas.DataFrame({"g": pandas.Series(["\ud800", "a"] * 5, dtype=object)})
    with pytest.raises(DataError, match=r"pandas cannot group the rows by g \(.*surrogates"):
        build_tally(frame, needs=[Need((), ("group",))], binding=Binding({"group": "g"}))
