"""Beside the tally of rows: versions of lakes, the text of a query, a list of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

import venturalitica as vl
from venturalitica.core.prior import keyed
from venturalitica.core.record import Statement
from venturalitica.ledger.records.vault import key_in
from venturalitica.provenance.snapshot import of_files, snapshot_of

POLICY = """policy: loans
version: "1"
controls:
  - {id: right, metric: accuracy, must: ">= 0.70"}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0.80"}
"""
ROWS = pyarrow.table(
    {
        "paid": [0, 1] * 100,
        "said": [0, 1, 1, 1] * 50,
        "gender": ["female", "male", "male", "female"] * 50,
    }
)


@pytest.fixture
def audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], vl.Audit]:
    """Audits a table, in a folder of its own."""
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    return lambda table: vl.enforce(table, target="paid", prediction="said", gender="gender")


@pytest.fixture
def item(audited: Callable[[Any], vl.Audit], tmp_path: Path) -> Callable[[Any], Any]:
    """The data item of the record of a table's audit."""

    def of(table: Any) -> Any:
        audit = audited(table)
        assert [verdict.status for verdict in audit] == ["passed", "failed"]
        assert vl.verify(tmp_path / "evidence").ok
        (found,) = Statement.of(audit.statement).data
        return found

    return of


def log_key(folder: Path) -> bytes:
    key = key_in(folder / "evidence")
    assert key
    return key


def test_delta_names_the_version_that_was_read(item, tmp_path: Path) -> None:
    import deltalake

    place = str(tmp_path / "lake")
    deltalake.write_deltalake(place, ROWS.slice(0, 100))
    deltalake.write_deltalake(place, ROWS.slice(100), mode="append")
    table = deltalake.DeltaTable(place)
    deltalake.write_deltalake(place, ROWS.slice(0, 8), mode="overwrite")
    found = item(table)
    assert found["rows"] == 200
    assert found["method"] == "columns/v1"
    assert found["hmac_sha256"]
    state = {"method": "delta/v1", "table": str(table.metadata().id), "id": "1"}
    assert found["snapshot"] == state


def test_a_delta_table_that_lost_a_file_is_not_judged(audited, tmp_path: Path) -> None:
    import deltalake

    place = tmp_path / "lake"
    deltalake.write_deltalake(str(place), ROWS)
    table = deltalake.DeltaTable(str(place))
    for file in place.glob("*.parquet"):
        file.unlink()
    assert [verdict.status for verdict in audited(table)] == ["error", "error"]


@pytest.fixture
def iceberg(tmp_path: Path) -> Any:
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog(
        "own", uri=f"sqlite:///{tmp_path}/catalog.db", warehouse=f"file://{tmp_path}/house"
    )
    catalog.create_namespace("loans")
    return catalog.create_table("loans.year", schema=ROWS.schema)


def test_iceberg_names_its_snapshot_and_one_of_before(item, iceberg: Any) -> None:
    iceberg.append(ROWS)
    first = iceberg.current_snapshot().snapshot_id
    state = {"method": "iceberg/v1", "table": str(iceberg.metadata.table_uuid), "id": str(first)}
    assert item(iceberg)["snapshot"] == state
    iceberg.overwrite(ROWS.slice(0, 8))
    found = item(iceberg.scan(snapshot_id=first))
    assert (found["rows"], found["snapshot"]) == (200, state)


def test_an_iceberg_table_without_rows_has_none(iceberg: Any) -> None:
    assert snapshot_of(None, lake=iceberg, ordered=False) is None


def test_ibis_has_the_digest_of_its_query_and_no_word_of_it(item, tmp_path: Path) -> None:
    import ibis

    pyarrow.parquet.write_table(ROWS, tmp_path / "loans.parquet")
    connection = ibis.duckdb.connect()
    table = connection.read_parquet(tmp_path / "loans.parquet", table_name="loans")
    chosen = table.filter(table.gender != "Maria Muster")
    found = item(chosen)
    bare = hashlib.sha256(str(chosen.compile()).encode()).hexdigest()
    assert found["method"] == "tally/v1"
    assert found["snapshot"] == {
        "method": "sql/v1",
        "hmac_sha256": keyed(bare, log_key(tmp_path)),
    }
    written = "".join(
        path.read_text(errors="replace")
        for path in tmp_path.glob("evidence/**/*")
        if path.is_file()
    )
    assert "Muster" not in written
    assert bare not in written


def test_a_name_that_ibis_drew_stands_for_nothing(item, tmp_path: Path) -> None:
    import ibis

    pyarrow.parquet.write_table(ROWS, tmp_path / "loans.parquet")
    found = item(ibis.duckdb.connect().read_parquet(tmp_path / "loans.parquet"))
    assert found["method"] == "tally/v1"
    assert "snapshot" not in found


def test_spark_has_the_digest_of_its_files(item, spark: Any, tmp_path: Path) -> None:
    place = tmp_path / "months" / "january.parquet"
    place.parent.mkdir()
    pyarrow.parquet.write_table(ROWS, place)
    found = item(spark.read.parquet(str(place.parent)))
    bare = hashlib.sha256(json.dumps([f"file://{place}"]).encode()).hexdigest()
    assert found["method"] == "tally/v1"
    assert found["snapshot"] == {
        "method": "input-files/v1",
        "hmac_sha256": keyed(bare, log_key(tmp_path)),
    }
    assert "snapshot" not in item(spark.createDataFrame(ROWS.to_pylist()))


def test_dask_says_nothing_of_its_files_and_the_record_says_that(
    item, tmp_path: Path, capsys: Any
) -> None:
    import dask.dataframe

    from venturalitica.cli import main

    place = tmp_path / "loans.parquet"
    pyarrow.parquet.write_table(ROWS, place)
    found = item(dask.dataframe.read_parquet(place))
    assert (found["method"], "snapshot" in found) == ("tally/v1", False)
    said = "none: dask does not say which data it read"
    assert main(["runs", "show", "0", "--details"]) == 0
    assert said in capsys.readouterr().out
    assert main(["report", "run", "0", "--out", str(tmp_path / "page.html")]) == 0
    assert said in (tmp_path / "page.html").read_text()


def test_credentials_of_an_address_have_no_part_in_it() -> None:
    """Two keys to one bucket read the same files."""
    first = of_files(["s3a://KEY:secret@bucket/a", "s3a://KEY:secret@bucket/b"])
    assert first == of_files(["s3a://bucket/b", "s3a://bucket/a"])
    assert first != of_files(["s3a://bucket/b", "s3a://bucket/c"])


def test_a_query_of_duckdb_where_fingerprints_are_off(item, tmp_path: Path, monkeypatch) -> None:
    import duckdb

    pyarrow.parquet.write_table(ROWS, tmp_path / "loans.parquet")
    question = "SELECT * FROM 'loans.parquet' WHERE paid < 2"
    assert "snapshot" not in item(duckdb.connect().sql(question))
    monkeypatch.setenv("VENTURALITICA_FINGERPRINT", "0")
    first, second = (item(duckdb.connect().sql(question)) for _ in range(2))
    assert first["method"].startswith("off")
    assert first["snapshot"]["method"] == "sql/v1"
    assert first["snapshot"] == second["snapshot"]
    assert first["snapshot"] != item(duckdb.connect().sql(question + "0"))["snapshot"]


def test_it_is_shown_where_the_record_is(item, iceberg: Any, tmp_path: Path, capsys: Any) -> None:
    from venturalitica.cli import main

    iceberg.append(ROWS)
    item(iceberg)
    said = f"Iceberg table {iceberg.metadata.table_uuid}, snapshot "
    assert main(["runs", "show", "0", "--details"]) == 0
    assert said in capsys.readouterr().out
    assert main(["report", "run", "0", "--out", str(tmp_path / "page.html")]) == 0
    assert said in (tmp_path / "page.html").read_text()
