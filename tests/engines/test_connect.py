"""Spark Connect: a process has either it or the classic session, so it has a file of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.engine_contract import JUDGED, hold


@pytest.mark.parametrize("what", list(JUDGED))
def test_spark_connect(what: str, spark_connect: Any, tmp_path: Path, monkeypatch: Any) -> None:
    def make(rows: Any, folder: Path) -> Any:
        pyarrow.parquet.write_table(rows, folder / "rows.parquet")
        return spark_connect.read.parquet(str(folder / "rows.parquet"))

    hold(make, what, tmp_path, monkeypatch)
