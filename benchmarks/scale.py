"""What an audit costs on rows that stay on their engine: rows a second, memory, and the ratio to
the engine's own group-by over the same five columns.

The files are made first, in a folder of their own that is removed afterwards. Each measurement is a
process of its own, so that its peak of memory is its own.

    python benchmarks/scale.py                     # 10^6 and 10^7 rows, engines that are installed
    python benchmarks/scale.py --rows 100000000 --engines duckdb polars
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

COLUMNS = ("y", "p", "gender", "region", "age")
POLICY = """\
policy: scale
version: "1"
roles:
  target: {favorable: 1}
  age: {bins: [30, 60]}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
  - {id: recall, metric: recall, must: ">= 0.5"}
  - {id: gender, metric: demographic_parity_ratio, across: gender, must: ">= 0.5"}
  - {id: both, metric: equal_opportunity_difference, across: [gender, region], must: "<= 0.5"}
  - {id: age, metric: selection_rate, across: age, compare: difference, must: "<= 0.5"}
"""
SCORED = """\
  - {id: auc, metric: roc_auc, must: ">= 0.5"}
  - {id: brier, metric: brier_score, across: gender, compare: difference, must: "<= 0.5"}
"""
MADE = """
SELECT (hash(i) % 2)::TINYINT AS y,
       (CASE WHEN hash(i + 1) % 10 < 8 THEN hash(i) % 2 ELSE 1 - hash(i) % 2 END)::TINYINT AS p,
       (hash(i + 2) % 1000003) / 1000003.0 AS s,
       CASE WHEN hash(i + 3) % 2 = 0 THEN 'female' ELSE 'male' END AS gender,
       ['north', 'south', 'east', 'west'][1 + (hash(i + 4) % 4)::INTEGER] AS region,
       (18 + hash(i + 5) % 70)::SMALLINT AS age
FROM range({start}, {stop}) rows(i)
"""
_PART = 10_000_000


def make(rows: int, folder: Path) -> None:
    """A folder of Parquet, ten million rows in each file."""
    import duckdb

    connection = duckdb.connect(config={"memory_limit": "1GB"})
    for start in range(0, rows, _PART):
        query = MADE.format(start=start, stop=min(start + _PART, rows))
        connection.sql(f"COPY ({query}) TO '{folder}/{start:010}.parquet' (FORMAT parquet)")


def _duckdb(folder: str) -> tuple[Any, Callable[[Any], Any]]:
    import duckdb

    names = ", ".join(COLUMNS)
    return (
        duckdb.connect().sql(f"SELECT * FROM '{folder}/*.parquet'"),
        lambda relation: relation.aggregate(f"{names}, count(*) AS n", names).fetchall(),
    )


def _polars(folder: str) -> tuple[Any, Callable[[Any], Any]]:
    import polars

    return (
        polars.scan_parquet(f"{folder}/*.parquet"),
        lambda frame: frame.group_by(*COLUMNS).len().collect(engine="streaming"),
    )


def _dataset(folder: str) -> tuple[Any, Callable[[Any], Any]]:
    import pyarrow.dataset

    return pyarrow.dataset.dataset(folder), lambda _: _duckdb(folder)[1](_duckdb(folder)[0])


def _spark(folder: str) -> tuple[Any, Callable[[Any], Any]]:
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[*]")
        .config("spark.ui.enabled", "false")
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    return session.read.parquet(folder), lambda frame: frame.groupBy(*COLUMNS).count().collect()


def _dask(folder: str) -> tuple[Any, Callable[[Any], Any]]:
    import dask.dataframe

    frame = dask.dataframe.read_parquet(folder)
    return frame, lambda rows: rows.groupby(list(COLUMNS), observed=True).size().compute()


ENGINES: dict[str, tuple[str, Callable[[str], tuple[Any, Callable[[Any], Any]]]]] = {
    "duckdb": ("duckdb", _duckdb),
    "polars": ("polars", _polars),
    "dataset": ("pyarrow", _dataset),
    "spark": ("pyspark", _spark),
    "dask": ("dask", _dask),
}
WHAT = {
    "bare": "the engine's group-by",
    "labels": "five controls",
    "scored": "seven controls, with a score",
    "fingerprint": "five controls, fingerprint",
}


def measure(engine: str, what: str, folder: str) -> None:
    """One measurement in this process: seconds and the peak of its memory, as JSON."""
    import venturalitica as vl

    data, bare = ENGINES[engine][1](folder)
    place = Path(tempfile.mkdtemp())
    os.environ["VENTURALITICA_HOME"] = str(place)
    os.environ["VENTURALITICA_FINGERPRINT"] = str(int(what == "fingerprint"))
    policy = place / "model_policy.yaml"
    policy.write_text(POLICY + SCORED * (what == "scored"))
    roles: dict[str, Any] = {"gender": "gender", "region": "region", "age": "age"}
    if what == "scored":
        roles["score"] = "s"
    few: dict[str, list[Any]] = {name: ["a", "b"] * 50 for name in ("gender", "region")}
    few |= {name: [0, 1] * 50 for name in ("y", "p", "s", "age")}
    vl.enforce(few, policy=policy, target="y", prediction="p", **roles)  # what is loaded once
    began = time.perf_counter()
    if what == "bare":
        bare(data)
    else:
        audit = vl.enforce(data, policy=policy, target="y", prediction="p", **roles)
        assert {verdict.status for verdict in audit} <= {"passed", "failed"}, audit
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak": peak}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10**6, 10**7])
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES))
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(*given.measure)
        return
    print(
        f"{'rows':>11} {'engine':8} {'what':30} {'seconds':>8} {'rows/s':>12} {'ratio':>6} "
        f"{'MB':>6}"
    )
    for rows in given.rows:
        with tempfile.TemporaryDirectory() as folder:
            make(rows, Path(folder))
            for engine in given.engines:
                if importlib.util.find_spec(ENGINES[engine][0]) is not None:
                    _report(rows, engine, folder)


def _report(rows: int, engine: str, folder: str) -> None:
    bare = 0.0
    for what, said in WHAT.items():
        if what == "fingerprint" and engine in ("spark", "dask"):
            continue  # they have no order of rows to take it in
        command = [sys.executable, __file__, "--measure", engine, what, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.splitlines()[-1])
        seconds = found["seconds"]
        bare = bare or seconds
        print(
            f"{rows:>11,} {engine:8} {said:30} {seconds:>8.2f} {rows / seconds:>12,.0f} "
            f"{seconds / bare:>5.1f}x {found['peak']:>6.0f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
