"""Clusters that the whole folder shares: Spark in local mode, and Dask."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

UNTIDY = (
    "ignore::ResourceWarning",  # sockets that Py4J and Dask leave to the garbage collector
    "ignore::pytest.PytestUnraisableExceptionWarning",
    "ignore::FutureWarning",  # of narwhals, whose part for Dask will be a package of its own
    "ignore::DeprecationWarning",
    "ignore::UserWarning:modin",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Warnings of the engines' own are none of ours."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for warning in UNTIDY:
                item.add_marker(pytest.mark.filterwarnings(warning))


@pytest.fixture(scope="session")
def spark() -> Iterator[Any]:
    """A session of Spark's own JVM."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def dask_client() -> Iterator[Any]:
    """A cluster of two worker processes."""
    from distributed import Client, LocalCluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client
