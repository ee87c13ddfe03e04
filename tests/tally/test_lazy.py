"""Rows that stay where they are, and rows held in other ways than a table: the quick part of the
contract that `tests/engines` holds every engine to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

import venturalitica as vl
from tests.engine_contract import JUDGED, Make, hold, judged, table
from tests.policies import small_policy
from venturalitica.errors import DataError, EngineError
from venturalitica.metrics.catalog.spec import SCORE, Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally
from venturalitica.tally.engines import narwhals as narwhals_engine
from venturalitica.tally.engines import queries


def _dataset(rows: pyarrow.Table, folder: Path) -> Any:
    """Two files, so that rows come in parts."""
    for name, part in (("one", rows[:1_000]), ("two", rows[1_000:])):
        (folder / "parts").mkdir(exist_ok=True)
        pyarrow.parquet.write_table(part, folder / "parts" / f"{name}.parquet")
    return pyarrow.dataset.dataset(folder / "parts")


MAKES: dict[str, Make] = {
    "pandas": lambda rows, _: rows.to_pandas(),
    "polars": lambda rows, _: polars.from_arrow(rows),
    "polars lazy": lambda rows, _: polars.from_arrow(rows).lazy(),
    "polars scan": lambda rows, folder: polars.scan_parquet(_dataset(rows, folder).files),
    "duckdb": lambda rows, _: duckdb.connect().from_arrow(rows),
    "dataset": _dataset,
    "scanner": lambda rows, folder: _dataset(rows, folder).scanner(),
    "reader": lambda rows, _: rows.to_reader(max_chunksize=700),
    "batch": lambda rows, _: rows.combine_chunks().to_batches()[0],
    "arrays": lambda rows, _: {name: rows[name].to_pylist() for name in rows.column_names},
    "records": lambda rows, _: rows.to_pylist(),
}


@pytest.mark.parametrize("what", list(JUDGED))
@pytest.mark.parametrize("engine", list(MAKES))
def test_the_contract(engine: str, what: str, tmp_path: Path, monkeypatch: Any) -> None:
    hold(MAKES[engine], what, tmp_path, monkeypatch)


def test_a_column_that_an_engine_cannot_name_is_refused() -> None:
    needs, binding = [Need(("target",))], Binding({"target": "*"})
    rows = pyarrow.table({"*": [1, 2], "other": [1, 1]})
    with pytest.raises(DataError, match=r"duckdb reads the name '\*' as all columns"):
        build_tally(duckdb.connect().from_arrow(rows), needs=needs, binding=binding)
    assert build_tally(polars.from_arrow(rows).lazy(), needs=needs, binding=binding).rows == 2


@pytest.mark.parametrize("values", [[2**62, 2**62 + 1, *range(30)], [1e300, -1e300, *range(30)]])
def test_quartiles_are_numbers_of_the_data_however_far_apart(values: list[Any]) -> None:
    needs, binding = [Need((), ("group",))], Binding({"group": "x"})
    rows = pyarrow.table({"x": [*values, *values]})
    expected = build_tally(rows, needs=needs, binding=binding)
    relation = duckdb.connect().from_arrow(rows)
    assert build_tally(relation, needs=needs, binding=binding) == expected
    assert build_tally({"x": rows["x"].to_pylist()}, needs=needs, binding=binding) == expected


def test_rows_behind_a_connection_that_is_closed_give_a_sentence_too() -> None:
    connection = duckdb.connect()
    rows = connection.sql("SELECT 1 AS y, 1 AS p FROM range(9)")
    connection.close()
    needs, binding = [Need(("target", "prediction"))], Binding({"target": "y", "prediction": "p"})
    with pytest.raises(EngineError, match="duckdb stopped before all rows were counted"):
        build_tally(rows, needs=needs, binding=binding)


def test_rows_on_an_engine_that_fails_half_way_give_a_sentence_and_no_number() -> None:
    broken = duckdb.connect().sql("SELECT 1 AS y, CAST('secret' AS INTEGER) AS p FROM range(9)")
    needs, binding = [Need(("target", "prediction"))], Binding({"target": "y", "prediction": "p"})
    with pytest.raises(EngineError, match="duckdb stopped before all rows were counted") as caught:
        build_tally(broken, needs=needs, binding=binding)
    assert "secret" not in str(caught.value)


def test_evidence_says_that_the_engine_failed(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())
    broken = duckdb.connect().sql("SELECT 1 AS y, CAST('secret' AS INTEGER) AS p FROM range(9)")
    audit = vl.enforce(broken, policy=tmp_path / "p.yaml", target="y", prediction="p")
    assert [verdict.status for verdict in audit] == ["error"]
    assert "duckdb stopped" in str(audit.statement)
    assert "secret" not in str(audit.statement)
    assert vl.verify(tmp_path / "evidence").ok


TIMES = pyarrow.array([1, 2], pyarrow.timestamp("us"))


@pytest.mark.parametrize("values", [["a", "b"], ["1", "2"], TIMES, [True, False]])
def test_a_part_of_another_schema_is_no_number(tmp_path: Path, values: Any) -> None:
    """pyarrow would cast what it can: text and times would be counted as numbers."""
    for name, held in (("one", [1, 2]), ("two", values)):
        pyarrow.parquet.write_table(pyarrow.table({"y": held}), tmp_path / f"{name}.parquet")
    data = pyarrow.dataset.dataset(tmp_path)
    with pytest.raises(DataError, match=r"'y' is numbers in \S+/one.parquet and \w+ in"):
        build_tally(data, needs=[Need(("target",))], binding=Binding({"target": "y"}))


def test_parts_whose_types_fit_are_counted_together(tmp_path: Path) -> None:
    parts = (
        pyarrow.table({"y": [0, 1], "more": ["a", "b"], "at": TIMES}),
        pyarrow.table({"y": [0.0, 1.0], "other": [1, 2], "at": TIMES.cast("timestamp[ns]")}),
        pyarrow.table({"y": pyarrow.array([1, None], pyarrow.int8()), "more": pyarrow.nulls(2)}),
    )
    for number, part in enumerate(parts):
        pyarrow.parquet.write_table(part, tmp_path / f"{number}.parquet")
    data = pyarrow.dataset.dataset(tmp_path)
    tally = build_tally(data, needs=[Need(("target",))], binding=Binding({"target": "y"}))
    assert tally.rows == 6


def leaving(monkeypatch: Any) -> list[tuple[int, int]]:
    """Rows and bytes of each answer of an engine from now on."""
    left: list[tuple[int, int]] = []
    answered = queries.answered

    def counting(query: Any, at_most: int | None = None) -> Any:
        found = answered(query if at_most is None else query.head(at_most + 1))
        left.append((len(found), found.to_arrow().nbytes))
        if at_most is not None and len(found) > at_most:
            raise queries.TooWide
        return found

    for module in (queries, narwhals_engine):
        monkeypatch.setattr(module, "answered", counting)
    return left


def test_what_leaves_the_engine_does_not_grow_with_copies_of_its_rows(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """Forty controls, over the same rows once and twenty times: as many cells come back."""
    monkeypatch.setenv("VENTURALITICA_FINGERPRINT", "0")
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    left, sizes = leaving(monkeypatch), []
    for times in (1, 20):
        left.clear()
        rows = pyarrow.concat_tables([table()] * times)
        judged(duckdb.connect().from_arrow(rows), tmp_path, "labels")
        sizes.append((sum(rows for rows, _ in left), sum(size for _, size in left)))
    (few_rows, few_bytes), (many_rows, many_bytes) = sizes
    assert many_rows == few_rows
    assert many_bytes < 1.1 * few_bytes


LEAVING: dict[str, Any] = {
    "polars": lambda rows: rows.lazy(),
    "duckdb": lambda rows: duckdb.connect().from_arrow(rows.to_arrow()),
}


@pytest.mark.parametrize("engine", list(LEAVING))
@pytest.mark.parametrize("each", [1, 200])
def test_names_are_numbered_where_they_are_and_do_not_leave_the_engine(
    engine: str, each: int, monkeypatch: Any
) -> None:
    """Where 200 rows in a row are one person's the first rows show few of them."""
    left = leaving(monkeypatch)
    monkeypatch.setattr("venturalitica.tally.build.CELL_LIMIT", 1_400)
    names = [f"person {row // each}" for row in range(1_500 * each)]
    rows = LEAVING[engine](polars.DataFrame({"y": [0, 1] * (len(names) // 2), "who": names}))
    needs, binding = [Need(("target",), ("group",))], Binding({"target": "y", "group": "who"})
    with pytest.raises(DataError, match="'group' has more than 1,000 different values"):
        build_tally(rows, needs=needs, binding=binding)
    assert sum(rows for rows, _ in left) <= (1 if each == 1 else 1_404)


@pytest.mark.parametrize("engine", list(LEAVING))
def test_a_target_of_measurements_does_not_leave_the_engine(engine: str, monkeypatch: Any) -> None:
    left = leaving(monkeypatch)
    rows = LEAVING[engine](polars.DataFrame({"y": [row / 7 for row in range(3_000)]}))
    with pytest.raises(DataError, match="looks like a score or a measurement, not a label"):
        build_tally(rows, needs=[Need(("target",))], binding=Binding({"target": "y"}))
    assert sum(rows for rows, _ in left) == 1


MANY: dict[str, Any] = {
    "probabilities": lambda draw, rows: draw.random(rows),
    "rounded out of [0, 1]": lambda draw, rows: draw.random(rows) * (1 + 1.8e-6) - 9e-7,
    "margins": lambda draw, rows: draw.normal(3.0, 40.0, rows),
    "too near to one another": lambda draw, rows: 1e12 + draw.integers(0, 90_000, rows) * 2**-12,
}
"""More different numbers than are kept as they are."""


@pytest.mark.parametrize("groups", [2, 90])
@pytest.mark.parametrize("what", list(MANY))
@pytest.mark.parametrize("engine", list(LEAVING))
def test_many_scores_are_joined_where_they_are_as_they_would_be_in_memory(
    engine: str, what: str, groups: int, monkeypatch: Any
) -> None:
    """Of 90 groups there are more cells than a tally keeps, and a coarser grid is asked for."""
    for module in ("core.scores", "tally.on_engine.scores"):
        monkeypatch.setattr(f"venturalitica.{module}.SCORE_CELLS", 100_000)
    draw = numpy.random.default_rng(3)
    size = 180_000
    scores = MANY[what](draw, size)
    scores[:3], scores[3:5] = numpy.nan, (scores.min(), scores.max())
    rows = polars.DataFrame(
        {
            "y": draw.integers(0, 2, size),
            "s": scores,
            "g": [f"g{place}" if place else None for place in draw.integers(0, groups, size)],
        }
    )
    needs = [
        Need(("target",), ("group",), number=SCORE),
        Need(("target",), number=SCORE),
    ]
    binding = Binding({"target": "y", "score": "s", "group": "g"})
    expected = build_tally(rows.to_arrow(), needs=needs, binding=binding)
    left = leaving(monkeypatch)
    found = build_tally(LEAVING[engine](rows), needs=needs, binding=binding)
    assert found == expected
    assert found.sha256 == expected.sha256
    assert not found.scores[0].exact
    assert max(rows for rows, _ in left) <= 100_001
