"""What one engine holds, rounds or forgets, and another does not: all give one tally."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet
import pytest

from venturalitica.core.policy import Role
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import SCORE, Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally

pytestmark = pytest.mark.usefixtures("counted_by")

ROWS = 60
GROUPED = [Need(("target",), ("group",))]
SCORED = [Need(("target",), number=SCORE)]


def tally_of(data: Any, needs: Any = GROUPED, role: Role | None = None) -> Tally:
    binding = Binding({"target": "y", "group": "x", "score": "x"})
    return build_tally(data, needs=needs, binding=binding, roles={"group": role or Role("group")})


def every_way(values: Any, folder: Path) -> dict[str, Any]:
    rows = pyarrow.table({"y": [i % 2 for i in range(ROWS)], "x": values})
    pyarrow.parquet.write_table(rows, folder / "rows.parquet")
    on_disk = pyarrow.dataset.dataset(folder / "rows.parquet")
    return {
        "pyarrow": rows,
        "polars": polars.from_arrow(rows),
        "polars lazy": polars.from_arrow(rows).lazy(),  # type: ignore[union-attr]
        "dataset": on_disk,
        "scanner": on_disk.scanner(),
        "reader": rows.to_reader(max_chunksize=7),
        "duckdb": duckdb.connect().read_parquet(str(folder / "rows.parquet")),
        "records": rows.to_pylist(),
    }


def repeated(*values: Any) -> list[Any]:
    return [values[i % len(values)] for i in range(ROWS)]


SUMMER = datetime(2020, 7, 1, 1, 2, 3, 5000)
WINTER = datetime(2020, 1, 1, tzinfo=ZoneInfo("Europe/Madrid"))
NANO = 1_577_840_523_000_000_000
VALUES: dict[str, Any] = {
    "unused categories": pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(repeated(0, 1, None), pyarrow.int32()), pyarrow.array(["a", "b", "c"])
    ),
    "numbers as categories": pyarrow.DictionaryArray.from_arrays(
        pyarrow.array(repeated(0, 1, None), pyarrow.int32()), pyarrow.array([10, 20, 30])
    ),
    "a zone": pyarrow.array(
        repeated(SUMMER, SUMMER + timedelta(1)), pyarrow.timestamp("us", "Europe/Madrid")
    ),
    "nanoseconds": pyarrow.array(repeated(NANO, NANO + 1, NANO + 100), pyarrow.timestamp("ns")),
    "nothing": pyarrow.nulls(ROWS),
    "half floats": pyarrow.array(numpy.array(repeated(1.0, 2.5), dtype="float16")),
    "unsigned": pyarrow.array([2**64 - 1 - i for i in range(ROWS)], pyarrow.uint64()),
    "as large as can be": pyarrow.array([(i - 30) * 5e306 for i in range(ROWS)]),
    "as small as can be": pyarrow.array([i * 5e-324 for i in range(ROWS)]),
}


@pytest.mark.parametrize("name", VALUES)
def test_groups(name: str, tmp_path: Path) -> None:
    tallies = {way: tally_of(data) for way, data in every_way(VALUES[name], tmp_path).items()}
    for way, found in tallies.items():
        assert found.sha256 == tallies["records"].sha256, way


@pytest.mark.parametrize("name", ["nothing", "half floats", "unsigned", "as small as can be"])
def test_scores(name: str, tmp_path: Path) -> None:
    ways = every_way(VALUES[name], tmp_path)
    tallies = {way: tally_of(data, SCORED) for way, data in ways.items()}
    for way, found in tallies.items():
        assert found.sha256 == tallies["records"].sha256, way


def test_no_group_is_shown_of_which_there_is_no_row(tmp_path: Path) -> None:
    for way, data in every_way(VALUES["unused categories"], tmp_path).items():
        axis = tally_of(data).axis("group")
        assert axis is not None
        assert axis.levels == ("a", "b"), way


def test_a_time_of_a_zone_is_said_in_utc(tmp_path: Path) -> None:
    times = pyarrow.array(repeated(WINTER), pyarrow.timestamp("s", "Europe/Madrid"))
    for way, data in every_way(times, tmp_path).items():
        axis = tally_of(data).axis("group")
        assert axis is not None
        assert axis.levels == ("2019-12-31T23:00:00+00:00",), way


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, -1, None], pyarrow.int8()),
        ([2**63, 2**64 - 1, 5], pyarrow.uint64()),
        ([2**53, 2**53 + 1, -(2**63), 2**63 - 1], pyarrow.int64()),
        ([1.5, -0.0, float("inf"), float("nan")], pyarrow.float64()),
    ],
)
def test_bins_beyond_what_the_column_can_hold(values: Any, kind: Any, tmp_path: Path) -> None:
    role = Role("group", bins=(-1e300, -5, 0.5, 2**53, 2**63, 1e300))
    ways = every_way(pyarrow.array(repeated(*values), kind), tmp_path)
    tallies = {way: tally_of(data, role=role) for way, data in ways.items()}
    for way, found in tallies.items():
        assert found.sha256 == tallies["records"].sha256, way


def test_spellings_are_refused_in_the_same_words(tmp_path: Path) -> None:
    said = set()
    for data in every_way(repeated("é", "e\u0301", "z", "z\u202e"), tmp_path).values():
        with pytest.raises(DataError) as caught:
            tally_of(data)
        said.add(str(caught.value))
    assert len(said) == 1
