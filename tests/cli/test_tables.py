"""Reading data files: the same values whatever library is installed, plain refusals."""

from __future__ import annotations

import gzip
import importlib.util
import re
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from venturalitica._origin import install_line
from venturalitica.cli import libraries, tables
from venturalitica.errors import DataError, MissingExtra

CSV = """id,zip,age,sex,ok,score,empty,signed,country
1,01234,30,F,true,0.5,,+1,NA
2,99999,,M,False,1e-3,, 2 ,DE
3,12345,NA,,TRUE,NaN,,-3,
4,5,7,"a,""b",FALSE,.5,,4,null
"""


def only(monkeypatch, engine):
    """As if no other dataframe library were installed."""
    monkeypatch.setattr(libraries, "ENGINES", (engine,))
    monkeypatch.setattr(libraries, "BINARY_ENGINES", (engine,))


def values(frame: Any) -> dict[str, list[Any]]:
    """Plain values, missing ones as None."""
    if isinstance(frame, pl.DataFrame):
        return frame.to_dict(as_series=False)
    if isinstance(frame, pa.Table):
        return dict(frame.to_pydict())
    return {
        name: [None if value is None or value != value else value for value in frame[name].tolist()]
        for name in frame.columns
    }


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_csv_reads_the_same_with_every_library(tmp_path, monkeypatch, engine):
    only(monkeypatch, engine)
    path = tmp_path / "d.csv"
    path.write_text(CSV)
    assert values(tables.read_table([path])) == {
        "id": [1, 2, 3, 4],
        "zip": ["01234", "99999", "12345", "5"],
        "age": [30.0, None, None, 7.0],
        "sex": ["F", "M", None, 'a,"b'],
        "ok": [True, False, True, False],
        "score": [0.5, 0.001, None, 0.5],
        "empty": [None, None, None, None],
        "signed": [1, 2, -3, 4],
        "country": ["NA", "DE", None, "null"],
    }


FIELD = st.one_of(
    st.integers(-(10**16), 10**16).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["", "NA", "nan", "true", "False", "007", "0", "-0", "1e5", " 3", "inf", "é"]),
    st.text("abc,;\"' .\n-+eE0123456789", max_size=6),
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=5))
def test_any_csv_reads_the_same_with_every_library(tmp_path_factory, rows):
    import csv

    path = tmp_path_factory.mktemp("csv") / "d.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b"), *rows])
    found = []
    for engine in ("polars", "pandas", "pyarrow"):
        with pytest.MonkeyPatch.context() as patch:
            only(patch, engine)
            found.append(values(tables.read_table([path])))
    assert found[0] == found[1] == found[2]


def test_numbers_and_codes_keep_what_they_say(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,b,c\n1234567890123456,1.0,1\n2,2.5,x\n")
    frame = tables.read_table([path])
    assert frame["a"].to_list() == ["1234567890123456", "2"]
    assert frame["b"].to_list() == [1.0, 2.5]
    assert frame["c"].to_list() == ["1", "x"]


@pytest.mark.parametrize("engine", ["polars", "pyarrow"])
def test_every_binary_format_is_read(tmp_path, monkeypatch, engine):
    only(monkeypatch, engine)
    table = pa.table({"a": [1, None, 3], "b": ["x", "y", None]})
    parquet.write_table(table, tmp_path / "d.parquet")
    feather.write_feather(table, tmp_path / "d.feather", compression="uncompressed")
    with ipc.new_file(tmp_path / "f.arrow", table.schema) as writer:
        writer.write_table(table)
    with ipc.new_stream(tmp_path / "s.arrows", table.schema) as writer:
        writer.write_table(table)
    for name in ("d.parquet", "d.feather", "f.arrow", "s.arrows"):
        assert values(tables.read_table([tmp_path / name])) == table.to_pydict(), name


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_globs_are_read_in_the_order_of_names_with_one_type(tmp_path, monkeypatch, engine):
    only(monkeypatch, engine)
    (tmp_path / "b.csv").write_text("y,x\nz,3\n")
    (tmp_path / "a.csv").write_text("x,y\n1,\n2,w\n")
    frame = tables.read_table([tmp_path / "*.csv", tmp_path / "a.csv"])
    assert values(frame) == {"x": [1, 2, 3], "y": [None, "w", "z"]}


def test_separators_byte_order_mark_and_gzip(tmp_path):
    (tmp_path / "d.tsv").write_bytes(b"\xef\xbb\xbfa\tb\r\n1\t2\r\n")
    (tmp_path / "d.csv").write_text("a;b\n1;2,5\n")
    (tmp_path / "z.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n"))
    assert values(tables.read_table([tmp_path / "d.tsv"])) == {"a": [1], "b": [2]}
    (tmp_path / "t.csv").write_text("a\tb\n1\t2\n")
    for typed in ("\t", "\\t", "tab"):
        assert values(tables.read_table([tmp_path / "t.csv"], separator=typed)) == {
            "a": [1],
            "b": [2],
        }
    found = tables.read_table([tmp_path / "d.csv"], separator=";")
    assert values(found) == {"a": [1], "b": ["2,5"]}
    assert values(tables.read_table([tmp_path / "z.csv.gz"])) == {"a": [1], "b": [2]}


@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_a_file_with_a_header_only_has_no_rows(tmp_path, monkeypatch, engine):
    only(monkeypatch, engine)
    (tmp_path / "d.csv").write_text("a,b\n")
    assert values(tables.read_table([tmp_path / "d.csv"])) == {"a": [], "b": []}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no header"),
        (b"\n", "no header"),
        (b"a,a\n1,2\n", "'a' occurs twice"),
        (b"a,\n1,2\n", "column 2 has no name"),
        (b"a;b\n1;2\n", "say --separator ';'"),
        (b"a\n\xff\n", "not UTF-8 (byte 2 is 0xff); convert it, for example: iconv -f latin1"),
        ("a\n1\n".encode("utf-16"), "iconv -f utf-16"),
        (b"a\n\0\n", "NUL"),
        (b"a,b\n1,2,3\n", "cannot be read as CSV"),
    ],
)
@pytest.mark.parametrize("engine", ["polars", "pandas", "pyarrow"])
def test_bad_csv_is_refused_with_file_and_reason(tmp_path, monkeypatch, engine, content, said):
    only(monkeypatch, engine)
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        tables.read_table([path])
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loans.csv").write_text("a\n1\n")
    for pattern, said in (
        ("loan.csv", "did you mean 'loans.csv'?"),
        ("*.parquet", "no file matches '*.parquet'"),
        (".", "is a folder"),
    ):
        with pytest.raises(DataError) as caught:
            tables.read_table([pattern])
        assert said in str(caught.value)
    with pytest.raises(DataError, match="no data file"):
        tables.read_table([])


def test_unknown_and_broken_formats_are_refused(tmp_path):
    for name in ("d.xlsx", "d"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(DataError, match="cannot tell the format"):
            tables.read_table([tmp_path / name])
    for name in ("d.parquet", "d.arrow", "e.csv.gz"):
        (tmp_path / name).write_bytes(b"ARROW1 but not really")
        with pytest.raises(DataError, match="cannot be read"):
            tables.read_table([tmp_path / name])


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    with pytest.raises(DataError, match=r"b\.csv.*lacks \['y'\] and has \['z'\]"):
        tables.read_table([tmp_path / "a.csv", tmp_path / "b.csv"])
    parquet.write_table(pa.table({"x": [1]}), tmp_path / "c.parquet")
    with pytest.raises(DataError, match="different formats"):
        tables.read_table([tmp_path / "a.csv", tmp_path / "c.parquet"])
    parquet.write_table(pa.table({"x": ["t"]}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match="do not fit together"):
        tables.read_table([tmp_path / "c.parquet", tmp_path / "d.parquet"])


@pytest.mark.parametrize("engine", ["polars", "pyarrow"])
def test_categories_in_one_file_and_text_in_another_are_one(tmp_path, monkeypatch, engine):
    monkeypatch.setattr(libraries, "BINARY_ENGINES", (engine,))
    plain = pa.table({"p": [0, 1], "g": ["a", "b"]})
    coded = plain.set_column(1, "g", plain["g"].dictionary_encode())
    other = pa.table({"p": [1, 0], "g": pa.array(["c", "a"]).dictionary_encode()})
    files = [tmp_path / f"{place}.parquet" for place in range(3)]
    for table, file in zip((coded, plain, other), files, strict=True):
        parquet.write_table(table, file)
    for order in (files, files[::-1]):
        read = tables.read_table(order)
        assert sorted(read["g"].to_pylist() if engine == "pyarrow" else read["g"].to_list()) == [
            *("a", "a", "a", "b", "b", "c")
        ]


def test_without_a_dataframe_library_the_message_is_the_line_that_installs_one(
    tmp_path, monkeypatch
):
    (tmp_path / "d.csv").write_text("a\n1\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=re.escape(install_line("all"))):
        tables.read_table([tmp_path / "d.csv"])


def test_with_pandas_alone_parquet_says_what_to_install(tmp_path, monkeypatch):
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "d.parquet")
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: found(name) if name == "pandas" else None
    )
    with pytest.raises(DataError, match="pip install pyarrow"):
        tables.read_table([tmp_path / "d.parquet"])


def test_a_gzip_bomb_and_a_broken_gzip_are_refused(tmp_path, monkeypatch):
    """A few KB can unpack to many GB."""
    monkeypatch.setattr("venturalitica.cli.csv_files.UNPACKED_ALWAYS", 1000)
    packed = tmp_path / "z.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    with pytest.raises(DataError, match="unpacks to more than"):
        tables.read_table([packed])
    packed.write_bytes(gzip.compress(b"a,b\n1,2\n")[:10] + b"\xff" * 50)
    with pytest.raises(DataError, match="cannot be read"):
        tables.read_table([packed])
