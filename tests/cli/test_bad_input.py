"""What a stranger may give `check`: verdicts or one sentence, never a traceback, nor a number from
half the data; and the same of rows in memory and of many on the engine."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from venturalitica.cli.reading import data_files

POLICY = """\
policy: loans
version: "1"
roles: {target: {favorable: 1}, group: {}}
controls:
  - {id: right, metric: accuracy, must: ">= 0.60"}
  - {id: parity, metric: demographic_parity_ratio, across: group, must: ">= 0.80"}
"""
TEXT = "y,p,g\n" + "1,1,a\n0,0,b\n1,0,b\n0,1,a\n" * 25
ROWS = pa.table({"y": [1, 0] * 50, "p": [1, 0] * 50, "g": ["a", "b", "b", "a"] * 25})
ZONE = pa.timestamp("us", tz="Europe/Zurich")
NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
ODD = {
    "decimal": pa.array([Decimal("0.50"), Decimal("1.50")] * 50, pa.decimal128(5, 2)),
    "category": pa.array(["a", "b"] * 50).dictionary_encode(),
    "time": pa.array([NOON, NOON + dt.timedelta(1)] * 50, ZONE),
    "nothing": pa.nulls(100),
    "nested": [{"a": 1}] * 100,
    "list": [[1, 2]] * 100,
    "bytes": [b"\xff"] * 100,
    "clock": [dt.time(1, 2)] * 100,
}


def put(path: Path, content: Any) -> None:
    """Text, bytes, or a table as Parquet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, pa.Table):
        parquet.write_table(content, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def cut_parquet() -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(ROWS, sink)
    return sink.getvalue().to_pybytes()[:-30]


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "gzip cut off": ({"d.csv.gz": gzip.compress(TEXT.encode())[:-12]}, "d.csv.gz", "ended before"),
    "zstd cut off": (
        {"d.csv.zst": pa.compress(TEXT.encode(), "zstd", asbytes=True)[:-5]},
        "d.csv.zst",
        "Truncated",
    ),
    "no gzip": ({"d.csv.gz": TEXT}, "d.csv.gz", "Not a gzipped file"),
    "Parquet cut off": ({"d.parquet": cut_parquet()}, "d.parquet", "cannot be read as Parquet"),
    "empty glob": ({}, "z*.csv", "no file matches 'z*.csv'"),
    "empty folder": ({"set/.keep": ""}, "set", "holds no data file"),
    "mixed formats": (
        {"set/a.csv": TEXT, "set/b.parquet": ROWS},
        "set",
        "check one format at a time",
    ),
    "another schema": (
        {"s/k=1/a.parquet": ROWS, "s/k=2/a.parquet": ROWS.set_column(0, "y", [["1", "0"] * 50])},
        "s",
        "'y' is numbers in s/k=1/a.parquet, text in s/k=2/a.parquet",
    ),
    "a column less": (
        {"s/k=1/a.parquet": ROWS, "s/k=2/a.parquet": ROWS.drop_columns(["y"])},
        "s",
        "lacks ['y']",
    ),
    "other separator": ({"d.csv": TEXT.replace(",", ";")}, "d.csv", "say --separator ';'"),
    "UTF-16": ({"d.csv": TEXT.encode("utf-16")}, "d.csv", "iconv -f utf-16 -t utf-8 'd.csv'"),
    "UTF-16 without a mark": ({"d.csv": TEXT.encode("utf-16-le")}, "d.csv", "holds NUL bytes"),
    "Latin-1": ({"d.csv": (TEXT + "1,1,é\n").encode("latin1")}, "d.csv", "iconv -f latin1"),
    "open quote": ({"d.csv": TEXT + '1,1,"a\n'}, "d.csv", "is never closed"),
    "twice the name": ({"d.csv": TEXT.replace("y,p,g", "y,p,y")}, "d.csv", "'y' occurs twice"),
    "other case": ({"d.csv": TEXT.replace("y,p,g", "Y,p,g")}, "d.csv", "did you mean 'Y'?"),
    "no table": ({"d.xlsx": b"PK"}, "d.xlsx", "cannot tell the format by its name"),
    "no database": ({"l.db": TEXT * 9}, "duckdb:///l.db::t", "cannot be read as a DuckDB database"),
}


@pytest.fixture(params=["in memory", "on the engine"])
def check(request: Any, call: Any, project: Path, monkeypatch: Any) -> Callable[..., Any]:
    """Calls `check` and holds it to what is true of every call."""
    (project / "model_policy.yaml").write_text(POLICY)
    if request.param == "on the engine":
        monkeypatch.setattr(data_files, "LAZY_ABOVE", 1)
        monkeypatch.setattr(data_files, "_FEW_BYTES", 0)

    def judged(data: str, *, group: str = "g", target: str = "y", prediction: str = "p") -> Any:
        roles = ["--target", target, "--prediction", prediction, "--role", f"group={group}"]
        result = call("check", data, *roles, "--json")
        assert "Traceback" not in result.stderr + result.stdout
        is_refused = result.exit_code == 2
        assert is_refused == (not result.stdout)
        assert (project / ".venturalitica" / "log").exists() != is_refused
        return result

    return judged


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_data_is_refused_in_one_sentence(check: Any, project: Path, what: str) -> None:
    files, data, said = REFUSED[what]
    for name, content in files.items():
        put(project / name, content)
    result = check(data)
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert said in line


def test_a_database_that_another_process_writes_is_refused(check: Any, project: Path) -> None:
    code = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('CREATE TABLE t (y INT)'); "
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(project / "l.db")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as writer:
        assert writer.stdout.readline() == b"open\n"
        result = check("duckdb:///l.db::t")
        writer.communicate(timeout=30)
    assert result.exit_code == 2
    assert "l.db: cannot be read as a DuckDB database" in result.stderr
    assert "lock" in result.stderr


@pytest.mark.parametrize("name", ["nested", "list", "bytes", "clock"])
def test_values_that_are_no_labels_are_refused(check: Any, project: Path, name: str) -> None:
    put(project / "d.parquet", pa.table({**ROWS.to_pydict(), **ODD}))
    for roles in ({"group": name}, {"target": name}):
        result = check("d.parquet", **roles)
        assert result.exit_code == 2
        assert re.search(f"column '{name}' holds .* values: labels and groups must", result.stderr)


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("decimal", {"0.5", "1.5"}),
        ("category", {"a", "b"}),
        ("time", {"2026-01-01T12:00:00+00:00", "2026-01-02T12:00:00+00:00"}),
    ],
)
def test_rare_types_are_groups(check: Any, project: Path, name: str, groups: set[str]) -> None:
    put(project / "d.parquet", pa.table({**ROWS.to_pydict(), **ODD}))
    right, parity = json.loads(check("d.parquet", group=name).stdout)["verdicts"]
    assert right["status"] == "passed"
    assert {group["name"] for group in parity["groups"]} == groups


def test_a_folder_for_rows_without_a_key_is_a_missing_group(check: Any, project: Path) -> None:
    for key in ("1", "x", "__HIVE_DEFAULT_PARTITION__"):
        put(project / "set" / f"k={key}" / "part.parquet", ROWS)
    result = check("set", group="k")
    assert result.exit_code == 3
    right, parity = json.loads(result.stdout)["verdicts"]
    assert (right["status"], right["value"]) == ("passed", 1.0)
    assert parity["status"] == "not_evaluated"
    assert "100 of 300 rows cannot be used: 100 rows have no group" in parity["reason"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_names_with_every_sign_are_columns(check: Any, project: Path, suffix: str) -> None:
    names = ["y.z", "p q", "g\"r's", "Y.Z"]
    table = pa.table([*ROWS.columns, pa.array([0, 0] * 50)], names=names)
    if suffix == "parquet":
        put(project / "d.parquet", table)
    else:
        lines = [",".join(map(str, row.values())) for row in table.to_pylist()]
        put(project / "d.csv", "\n".join(['y.z,p q,"g""r\'s",Y.Z', *lines]))
    result = check(f"d.{suffix}", target="y.z", prediction="p q", group="g\"r's")
    assert json.loads(result.stdout)["verdicts"][0]["value"] == 1.0


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + TEXT.encode(), TEXT.replace("a\n", '"a\nb ""c"""\n').encode()]
)
def test_marks_and_quoted_lines_are_read(check: Any, project: Path, content: bytes) -> None:
    put(project / "d.csv", content)
    verdict = json.loads(check("d.csv").stdout)["verdicts"][0]
    assert (verdict["value"], verdict["n"]) == (0.5, 100)
