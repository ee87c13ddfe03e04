"""Judge a folder of Parquet with Spark: rows stay with its executors, only counts come here.

Beside this package: pip install "pyspark>=4" pyarrow    # and Java 17
python judge.py
"""

from pathlib import Path

import numpy
import pyarrow
import pyarrow.parquet
from pyspark.sql import SparkSession

import venturalitica as vl


def month(number: int, rows: int = 20_000) -> pyarrow.Table:
    """Stands in for what your lender writes each month."""
    generator = numpy.random.default_rng(number)
    paid = generator.integers(0, 2, rows)
    score = numpy.clip(generator.normal(0.35 + 0.3 * paid, 0.2), 0.0, 1.0)
    return pyarrow.table(
        {
            "paid": paid,
            "approved": (score > 0.5).astype(int),
            "score": score,
            "gender": generator.choice(["female", "male"], rows),
            "income": generator.gamma(2.0, 1_500.0, rows),
        }
    )


if __name__ == "__main__":
    folder = Path("months")
    folder.mkdir(exist_ok=True)
    for number in range(1, 4):
        pyarrow.parquet.write_table(month(number), folder / f"2026-{number:02}.parquet")

    spark = (
        SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
    )
    audit = vl.enforce(
        spark.read.parquet(str(folder)),
        target="paid",
        prediction="approved",
        score="score",
        gender="gender",
        income="income",
    )
    for verdict in audit:
        print(f"{verdict.control}: {verdict.status}, {verdict.value:.3f}")
    print("verified:", vl.verify(".venturalitica").ok)
    spark.stop()
