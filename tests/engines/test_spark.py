"""The contract on Spark's classic session, and what becomes of a job that fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from tests.engine_contract import JUDGED, hold, in_files, judged, table
from tests.policies import small_policy


@pytest.mark.parametrize("what", list(JUDGED))
def test_spark(what: str, spark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    hold(lambda rows, f: spark.read.parquet(in_files(rows, f)), what, tmp_path, monkeypatch)


def test_the_record_says_what_stands_for_rows_without_an_order(
    spark: Any, tmp_path: Path, monkeypatch: Any
) -> None:
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
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())
    rows = spark.sql("SELECT 1 AS y, CAST(CONCAT('secret', id) AS INT) AS p FROM range(9)")
    audit = vl.enforce(rows, policy=tmp_path / "p.yaml", target="y", prediction="p")
    assert [verdict.status for verdict in audit] == ["error"]
    assert "pyspark stopped" in str(audit.statement)
    assert "secret" not in str(audit.statement)


def test_an_array_beside_rows_without_an_order_is_refused(
    spark: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())
    rows = spark.createDataFrame([(1,), (0,)], ["y"])
    with pytest.raises(vl.DataError, match="where they have no order"):
        vl.enforce(rows, policy=tmp_path / "p.yaml", target="y", prediction=[1, 0])


def test_partitions_do_not_count(spark: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    rows = spark.read.parquet(in_files(table(), tmp_path))
    one = judged(rows.coalesce(1), tmp_path, "weights")
    assert judged(rows.repartition(5), tmp_path, "weights") == one


ENDED = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
import venturalitica as vl

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
rows = spark.createDataFrame([(0, 1), (1, 1)] * 20, ["y", "p"])
spark.stop()
audit = vl.enforce(rows, policy=Path(sys.argv[1]), target="y", prediction="p")
print([verdict.status for verdict in audit], vl.verify(sys.argv[2]).ok)
"""


def test_a_session_that_has_ended_is_an_error_in_the_evidence(
    tmp_path: Path, monkeypatch: Any
) -> None:
    """In a process of its own: the session is one for all of a process."""
    (tmp_path / "p.yaml").write_text(small_policy())
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    command = [sys.executable, "-c", ENDED, str(tmp_path / "p.yaml"), str(tmp_path / "evidence")]
    found = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert found.stdout.strip().endswith("['error'] True")
    assert "pyspark stopped before all rows were counted" in found.stderr
