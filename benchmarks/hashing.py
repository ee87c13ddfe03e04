"""Measure hashing beside `openssl dgst -sha256`: `python benchmarks/hashing.py [--megabytes 1024]`.

A file's digest is timed in turn with openssl over the same file; the fingerprint of a table with
hashlib over as many bytes as are hashed for it (a whole number takes the fewest bytes that hold it,
a text its UTF-8 and a byte for its length; docs/data-fingerprint.md). Both are held to one core,
and CPU seconds are counted, so that the ratios are of like with like. Printed are GB per second of
each, by the median, and how many times as long ours took.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from venturalitica.provenance.fingerprint import file_digest, fingerprint

BLOCK = 1 << 20


def cpu_seconds() -> float:
    """What this process and those it waited for have computed, other work on the machine apart."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def in_turn(times: int, *actions: Callable[[], Any], repeats: int = 1) -> list[float]:
    """The median CPU seconds of each, made one after the other so that all meet the same noise."""
    taken: list[list[float]] = [[] for _ in actions]
    for _ in range(times):
        for action, seconds in zip(actions, taken, strict=True):
            start = cpu_seconds()
            for _ in range(repeats):
                action()
            seconds.append((cpu_seconds() - start) / repeats)
    return [statistics.median(seconds) for seconds in taken]


def tell(what: str, size: float, ours: float, theirs: float, against: str) -> None:
    print(
        f"{what:<34} {size / ours / 1e9:6.2f} GB/s   {against:<22} {size / theirs / 1e9:6.2f} GB/s"
        f"   ratio {ours / theirs:5.2f}"
    )


def a_file(folder: Path, megabytes: int, times: int) -> None:
    path = folder / "data.bin"
    block = os.urandom(BLOCK)
    with path.open("wb") as file:
        for _ in range(megabytes):
            file.write(block)
    command = ["openssl", "dgst", "-sha256", str(path)]

    def openssl() -> None:
        subprocess.run(command, check=True, capture_output=True)

    file_digest(path)  # so that both find the file in memory
    ours, theirs = in_turn(times, lambda: file_digest(path), openssl)
    tell(f"a file of {megabytes} MB", path.stat().st_size, ours, theirs, "openssl dgst -sha256")
    path.unlink()


def columns(rows: int) -> dict[str, tuple[Any, int]]:
    """Columns by kind, each with the bytes that are hashed: values, and one for a text's length."""
    draw = np.random.default_rng(7)
    words = np.array(["rent", "own", "free", "for free", "unknown"], dtype=object)
    texts = draw.choice(words, rows).astype(object)
    ids = np.array([f"customer-{number:09d}" for number in range(rows)], dtype=object)
    return {
        "float64": (draw.normal(size=rows), 8 * rows),
        "int64": (draw.integers(0, 1 << 40, rows), 8 * rows),
        "int8": (draw.integers(0, 100, rows).astype(np.int8), rows),
        "bool": (draw.integers(0, 2, rows).astype(bool), rows),
        "words": (texts, sum(map(len, texts)) + rows),
        "identifiers": (ids, sum(map(len, ids)) + rows),
    }


def frames(name: str, values: Any) -> Iterator[tuple[str, Any]]:
    plain = values.tolist() if values.dtype == object else values
    yield "Polars", pl.DataFrame({name: plain})
    yield "pandas", pd.DataFrame({name: plain})
    yield "Arrow", pa.table({name: plain})


def tables(rows: int, times: int) -> None:
    for name, (values, size) in columns(rows).items():
        data = os.urandom(size)
        for library, frame in frames(name, values):
            ours, theirs = in_turn(times, partial(fingerprint, frame), partial(sha256, data))
            tell(f"{library}: {rows:,} {name}", size, ours, theirs, "hashlib.sha256")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        a_file(Path(folder), options.megabytes, options.times)
    tables(options.rows, options.times)


if __name__ == "__main__":
    main()
