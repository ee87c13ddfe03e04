"""The contract on Dask with two worker processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from tests.engine_contract import JUDGED, hold, in_files
from tests.policies import small_policy


@pytest.mark.parametrize("what", list(JUDGED))
def test_dask_of_two_processes(
    what: str, dask_client: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import dask.dataframe

    assert len(dask_client.scheduler_info()["workers"]) == 2
    hold(
        lambda rows, f: dask.dataframe.read_parquet(in_files(rows, f)), what, tmp_path, monkeypatch
    )


def test_a_partition_of_dask_with_another_schema_is_no_number(
    dask_client: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    import dask.dataframe
    import pandas

    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    (tmp_path / "p.yaml").write_text(small_policy())

    def part(number: int) -> pandas.DataFrame:
        values: list[Any] = [1, 0] * 5 if number else ["1", "0"] * 5
        return pandas.DataFrame({"y": values, "p": [1, 0] * 5})

    meta = pandas.DataFrame({"y": [1], "p": [1]})
    rows = dask.dataframe.from_map(part, [1, 0], meta=meta, enforce_metadata=False)
    audit = vl.enforce(rows, policy=tmp_path / "p.yaml", target="y", prediction="p")
    assert [verdict.status for verdict in audit] == ["error"]
