"""Spark Connect, in a process of its own: one has either it or the classic session."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from tests.engine_contract import JUDGED, hold


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessPoolExecutor]:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawned) as pool:
        yield pool
        pool.submit(_stop).result()


def _session() -> Any:
    """A session of Spark Connect, with a server that it starts itself."""
    from pyspark.sql import SparkSession

    return (
        SparkSession.builder.remote("local[2]")
        .config("spark.sql.shuffle.partitions", "2")
        .getOrCreate()
    )


def _stop() -> None:
    _session().stop()


def _held(what: str, folder: Path) -> None:
    def make(rows: Any, where: Path) -> Any:
        pyarrow.parquet.write_table(rows, where / "rows.parquet")
        return _session().read.parquet(str(where / "rows.parquet"))

    with pytest.MonkeyPatch.context() as patch:
        hold(make, what, folder, patch)


@pytest.mark.parametrize("what", list(JUDGED))
def test_spark_connect(what: str, apart: ProcessPoolExecutor, tmp_path: Path) -> None:
    apart.submit(_held, what, tmp_path).result()
