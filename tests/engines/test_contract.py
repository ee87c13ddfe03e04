"""The contract on engines that a team's data outgrows one machine for, and their neighbours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tests.engine_contract import JUDGED, hold, judged, table


def _parts(rows: pyarrow.Table, folder: Path) -> str:
    parts = folder / "parts"
    parts.mkdir(exist_ok=True)
    for start in range(0, len(rows), 800):
        pyarrow.parquet.write_table(rows[start : start + 800], parts / f"{start}.parquet")
    return str(parts)


@pytest.mark.parametrize("what", list(JUDGED))
def test_spark(what: str, spark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    hold(lambda rows, f: spark.read.parquet(_parts(rows, f)), what, tmp_path, monkeypatch)


@pytest.mark.parametrize("what", list(JUDGED))
def test_dask_of_two_processes(
    what: str, dask_client: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import dask.dataframe

    assert len(dask_client.scheduler_info()["workers"]) == 2
    hold(lambda rows, f: dask.dataframe.read_parquet(_parts(rows, f)), what, tmp_path, monkeypatch)


@pytest.mark.parametrize("what", list(JUDGED))
def test_ibis(what: str, tmp_path: Path, monkeypatch: Any) -> None:
    import ibis

    connection = ibis.duckdb.connect()
    hold(
        lambda rows, f: connection.read_parquet(f"{_parts(rows, f)}/*.parquet"),
        what,
        tmp_path,
        monkeypatch,
    )


@pytest.mark.parametrize("what", list(JUDGED))
def test_modin(what: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("MODIN_ENGINE", "Python")
    import modin.pandas

    hold(lambda rows, _: modin.pandas.DataFrame(rows.to_pandas()), what, tmp_path, monkeypatch)


def test_the_record_says_what_stands_for_rows_without_an_order(
    spark: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import venturalitica as vl
    from tests.policies import small_policy

    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())
    rows = spark.createDataFrame([(1, 1), (0, 1), (1, 1), (0, 0), (1, 1), (0, 0)], ["y", "p"])
    audit = vl.enforce(rows, policy=tmp_path / "p.yaml", target="y", prediction="p")
    (item,) = audit.statement["predicate"]["data"]
    assert item["method"] == "tally/v1"
    assert item["rows"] == 6
    assert vl.verify(tmp_path / "evidence").ok


def test_a_job_of_spark_that_fails_is_an_error_in_the_evidence(
    spark: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import venturalitica as vl
    from tests.policies import small_policy

    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())
    rows = spark.sql("SELECT 1 AS y, CAST(CONCAT('secret', id) AS INT) AS p FROM range(9)")
    audit = vl.enforce(rows, policy=tmp_path / "p.yaml", target="y", prediction="p")
    assert [verdict.status for verdict in audit] == ["error"]
    assert "pyspark stopped" in str(audit.statement)
    assert "secret" not in str(audit.statement)


def test_a_partition_of_dask_with_another_schema_is_no_number(
    dask_client: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import dask.dataframe
    import pandas

    import venturalitica as vl
    from tests.policies import small_policy

    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())

    def part(number: int) -> pandas.DataFrame:
        values: list[Any] = [1, 0] * 5 if number else ["1", "0"] * 5
        return pandas.DataFrame({"y": values, "p": [1, 0] * 5})

    meta = pandas.DataFrame({"y": [1], "p": [1]})
    rows = dask.dataframe.from_map(part, [1, 0], meta=meta, enforce_metadata=False)
    audit = vl.enforce(rows, policy=tmp_path / "p.yaml", target="y", prediction="p")
    assert [verdict.status for verdict in audit] == ["error"]


def test_an_array_beside_rows_without_an_order_is_refused(
    spark: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import venturalitica as vl
    from tests.policies import small_policy

    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())
    rows = spark.createDataFrame([(1,), (0,)], ["y"])
    with pytest.raises(vl.DataError, match="where they have no order"):
        vl.enforce(rows, policy=tmp_path / "p.yaml", target="y", prediction=[1, 0])


@pytest.mark.parametrize("what", list(JUDGED))
def test_partitions_do_not_count(what: str, spark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    if what == "amounts":
        pytest.skip("its sums are those of weights, which take a tenth of the time")
    rows = spark.read.parquet(_parts(table(), tmp_path))
    one = judged(rows.coalesce(1), tmp_path, what)
    assert judged(rows.repartition(5), tmp_path, what) == one
