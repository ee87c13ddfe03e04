"""Reading data files: one engine, the same rows whatever else is installed, plain refusals."""

from __future__ import annotations

import csv
import gzip
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather, ipc, parquet

from venturalitica.cli.reading import csv_reader as csv_files
from venturalitica.cli.reading import data_files as tables
from venturalitica.cli.reading import engine
from venturalitica.cli.reading.csv_types import Together
from venturalitica.errors import DataError, MissingExtra
from venturalitica.provenance.fingerprint import fingerprint

CSV = """id,zip,age,sex,ok,score,empty,signed,country
1,01234,30,F,true,0.5,,+1,NA
2,99999,,M,False,1e-3,, 2 ,DE
3,12345,NA,,TRUE,NaN,,-3,
4,5,7,"a,""b",FALSE,.5,,4,null
"""


def values(table: Any) -> dict[str, list[Any]]:
    """Plain values, missing ones as None."""
    return {
        name: [None if value is None or value != value else value for value in table[name].tolist()]
        for name in table
    }


def rows_of(path: Path, content: bytes) -> list[tuple[Any, ...]]:
    path.write_bytes(content)
    return list(zip(*values(tables.read_table([path])).values(), strict=True))


def test_csv_columns_have_the_types_of_our_rule(tmp_path):
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


TWO_ROWS = [(1, 2), (3, 4)]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a,b\n1,2\n\n3,4\n\n\n", TWO_ROWS),
        (b"\n\na,b\n\n1,2\n3,4", TWO_ROWS),
        (b"a,b\n1,2\n   \n3,4\n \t ", TWO_ROWS),
        (b"a,b\r\n1,2\r\n\r\n3,4\r\n", TWO_ROWS),
        (b"a,b\r1,2\r\r3,4\r", TWO_ROWS),
        (b"a,b\r\n1,2\r3,4\n", TWO_ROWS),
        (b"a,b\n1,2\r\n3,4", TWO_ROWS),
        (b"\xef\xbb\xbfa,b\n1,2\n3,4\n", TWO_ROWS),
        (b'\xef\xbb\xbf"a",b\r\n1,2\r\n3,4\r\n', TWO_ROWS),
        (b'"a","b"\n"1",2\n3,"4"\n', TWO_ROWS),
        (b'a,b\n"x\ny",2\n"x\r\ny",4\n', [("x\ny", 2), ("x\r\ny", 4)]),
        (b'a,b\n5" pipe,2\n"say ""so""",4\n', [('5" pipe', 2), ('say "so"', 4)]),
        (b'a,b\n "x",2\n', [(' "x"', 2)]),
        (b"a,b\n,2\n  ,4\n", [(None, 2), (None, 4)]),
        (b"a,b\n,\n1,2\n", [(None, None), (1, 2)]),
        (b'a\n1\n\n""\n2\n', [(1,), (None,), (2,)]),
        ("a,b\n\u00e9\u00e8,2\n".encode(), [("\u00e9\u00e8", 2)]),
        (b"a,b\n\\N,2\n", [("\\N", 2)]),
    ],
)
def test_what_a_row_is_does_not_depend_on_blanks_line_ends_and_quotes(tmp_path, content, rows):
    assert rows_of(tmp_path / "d.csv", content) == rows
    assert rows_of(tmp_path / "d.csv.gz", gzip.compress(content)) == rows


FIELD = st.one_of(
    st.integers(-(10**16), 10**16).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(str),
    st.sampled_from(["", "NA", "nan", "true", "False", "007", "0", "-0", "1e5", " 3", "inf", "é"]),
    st.text("abc,;\"' .\n-+eE0123456789", max_size=6),
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.tuples(FIELD, FIELD), min_size=1, max_size=5),
    # The writer leaves a line feed bare where lines end otherwise, unless it quotes all.
    style_and_end=st.sampled_from(
        [(csv.QUOTE_MINIMAL, "\n"), *((csv.QUOTE_ALL, end) for end in ("\n", "\r\n", "\r"))]
    ),
)
def test_any_csv_holds_what_was_written(tmp_path_factory, rows, style_and_end):
    style, end = style_and_end
    path = tmp_path_factory.mktemp("csv") / "d.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=style, lineterminator=end).writerows([("a", "b"), *rows])
    found = tables.read_table([path], together=[Together(("a",), text=True), TEXT_B])
    assert [(a or "", b or "") for a, b in zip(*values(found).values(), strict=True)] == [
        tuple(field if field.strip() else "" for field in row) for row in rows
    ]


TEXT_B = Together(("b",), text=True)
PIECE = st.sampled_from(["a", "1", ",", ",", '"', '"', " ", "\n", "\n", "\t", "\r\n", "\r"])


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(pieces=st.lists(PIECE, max_size=14), head=st.sampled_from(["h,k\n", '"h",k\r\n', "h\n"]))
def test_both_readers_of_csv_agree_on_every_file(tmp_path_factory, pieces, head):
    """DuckDB reads what it takes as we do, Python's reader the rest: nothing may fall between."""
    path = tmp_path_factory.mktemp("csv") / "d.csv"
    content = (head + "".join(pieces)).encode()

    def outcome() -> Any:
        try:
            return rows_of(path, content)
        except DataError as error:
            return str(error)

    quick = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_files, "succeeds", lambda *_: False)
        assert outcome() == quick


def test_numbers_and_codes_keep_what_they_say(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("a,b,c\n1234567890123456,1.0,1\n2,2.5,x\n")
    assert values(tables.read_table([path])) == {
        "a": ["1234567890123456", "2"],
        "b": [1.0, 2.5],
        "c": ["1", "x"],
    }


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ("1.2e-105 0.5", [1.2e-105, 0.5]),
        ("2.5e-005 0.5", [2.5e-05, 0.5]),
        ("1e+16 1.0E10", [1e16, 1.0e10]),
        ("1E5 2E7", ["1E5", "2E7"]),
        ("1.0e400 1.0", ["1.0e400", "1.0"]),
        ("0x1F 1_000", ["0x1F", "1_000"]),
        ("+5 -0", [5, 0]),
        ("inf 1.5", ["inf", "1.5"]),
    ],
)
def test_exponents_are_read_and_codes_with_an_e_are_kept(tmp_path, fields, found):
    (tmp_path / "d.csv").write_text("a,b\n" + "".join(f"{field},1\n" for field in fields.split()))
    assert values(tables.read_table([tmp_path / "d.csv"]))["a"] == found


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_every_float_is_read_back_to_the_bit(tmp_path_factory, numbers):
    path = tmp_path_factory.mktemp("csv") / "d.csv"
    path.write_text("a,b\n" + "".join(f"{number!r},1\n" for number in numbers))
    found = tables.read_table([path], together=[Together(("a",), numbers=True)])["a"]
    assert found.astype(float).tolist() == numbers


@pytest.mark.parametrize(
    ("target", "prediction", "types"),
    [
        ("101 102", "101 other", (str, str)),
        ("007 11", "11 11", (str, str)),
        ("1 0", "1 0", (int, int)),
        ("1.0 0.0", "1 0", (float, int)),
        ("true false", "true maybe", (str, str)),
        ("true false", "1 0", (bool, int)),
        # They share no value: each as it is, so that they are refused as never equal.
        ("1 0", "yes no", (int, str)),
    ],
)
def test_columns_that_are_compared_are_typed_together(tmp_path, target, prediction, types):
    rows = zip(target.split(), prediction.split(), strict=True)
    (tmp_path / "d.csv").write_text("t,p\n" + "".join(f"{t},{p}\n" for t, p in rows))
    found = tables.read_table([tmp_path / "d.csv"], together=[Together(("t", "p"))])
    assert tuple(type(column.tolist()[0]) for column in found.values()) == types


def test_the_policy_says_what_is_text_and_what_is_a_number(tmp_path):
    (tmp_path / "d.csv").write_text("t,p,s\n1,1,05\n0,0,17\n")
    both = [Together(("t", "p"), text=True), Together(("s",), numbers=True)]
    found = tables.read_table([tmp_path / "d.csv"], together=both)
    assert values(found) == {"t": ["1", "0"], "p": ["1", "0"], "s": [5.0, 17.0]}


def test_only_the_columns_that_are_named_are_read(tmp_path, monkeypatch):
    read: list[str] = []
    real = engine.arrays

    def spied(connection: Any, expressions: Any) -> Any:
        read.extend(expressions)
        return real(connection, expressions)

    monkeypatch.setattr(engine, "arrays", spied)
    table = pa.table({"a": [1, 2], "huge": ["x" * 1000] * 2, "b": [3, 4]})
    parquet.write_table(table, tmp_path / "d.parquet")
    (tmp_path / "d.csv").write_text("a,huge,b\n1,x,3\n2,x,4\n")
    for name in ("d.parquet", "d.csv"):
        read.clear()
        found = tables.read_table([tmp_path / name], together=[Together(("b", "a", "nowhere"))])
        assert list(found) == ["a", "huge", "b"]
        assert (found["a"].tolist(), found["b"].tolist(), len(read)) == ([1, 2], [3, 4], 2)


def test_every_binary_format_is_read(tmp_path):
    table = pa.table({"a": [1, None, 3], "b": ["x", "y", None]})
    parquet.write_table(table, tmp_path / "d.parquet")
    feather.write_feather(table, tmp_path / "d.feather", compression="uncompressed")
    with ipc.new_file(tmp_path / "f.arrow", table.schema) as writer:
        writer.write_table(table)
    with ipc.new_stream(tmp_path / "s.arrows", table.schema) as writer:
        writer.write_table(table)
    for name in ("d.parquet", "d.feather", "f.arrow", "s.arrows"):
        assert values(tables.read_table([tmp_path / name])) == table.to_pydict(), name


def test_globs_are_read_in_the_order_of_names_with_one_type(tmp_path):
    (tmp_path / "b.csv").write_text("y,x\nz,3\n")
    (tmp_path / "a.csv").write_text("x,y\n1,\n2,w\n")
    (tmp_path / "again.csv").symlink_to(tmp_path / "a.csv")
    frame = tables.read_table([tmp_path / "*.csv", tmp_path / ".." / tmp_path.name / "a.csv"])
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


def test_a_file_with_a_header_only_has_no_rows(tmp_path):
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
        (b"a,b\n1,2,3\n", "bad.csv:2: cannot be read as CSV: 3 fields"),
        (b"a,b\n1,2\n\n3\n", "bad.csv:4: cannot be read as CSV: 1 fields"),
        (b"a,b\n1,2,\n", "bad.csv:2: cannot be read as CSV: 3 fields"),
        (b'a,b\n1,"2\n3,4\n', "bad.csv:2: cannot be read as CSV: a quote"),
        (b'a,b\n1,2\n3,"4', "bad.csv:3: cannot be read as CSV: a quote"),
        (b'a,b\n"1"x,2\n', "bad.csv:2: cannot be read as CSV: text follows a closing quote"),
        (b'a,b\n"x\ny",2\n1\n', "bad.csv:4: cannot be read as CSV: 1 fields"),
        ("a,b\n1,2\n".encode("utf-16-le"), "NUL"),
        (b"a,b\n1,\xc3", "not UTF-8 (byte 6 is 0xc3)"),
    ],
)
def test_bad_csv_is_refused_with_file_and_reason(tmp_path, content, said):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        values(tables.read_table([path]))
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_what_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loans.csv").write_text("a\n1\n")
    (tmp_path / "empty").mkdir()
    for pattern, said in (
        ("loan.csv", "did you mean 'loans.csv'?"),
        ("*.parquet", "no file matches '*.parquet'"),
        ("empty", "the folder 'empty' holds no data file"),
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
            values(tables.read_table([tmp_path / name]))


def test_files_that_do_not_fit_together_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_text("x,z\n1,2\n")
    with pytest.raises(DataError, match=r"b\.csv.*lacks \['y'\] and has \['z'\]"):
        tables.read_table([tmp_path / "a.csv", tmp_path / "b.csv"])
    parquet.write_table(pa.table({"x": [1]}), tmp_path / "c.parquet")
    with pytest.raises(DataError, match="different formats"):
        tables.read_table([tmp_path / "a.csv", tmp_path / "c.parquet"])
    parquet.write_table(pa.table({"x": ["t"]}), tmp_path / "d.parquet")
    with pytest.raises(DataError, match=r"'x' is numbers in .*c.parquet, text in .*d.parquet"):
        values(tables.read_table([tmp_path / "c.parquet", tmp_path / "d.parquet"]))


def test_one_column_may_be_written_in_several_ways(tmp_path):
    """Categories, Enum, text; integers of several widths, fractions; nothing at all."""
    plain = pa.table({"g": ["a", "b"], "n": pa.array([1, 2], pa.int8()), "x": pa.nulls(2)})
    parquet.write_table(plain, tmp_path / "1.parquet")
    coded = plain.set_column(0, "g", plain["g"].dictionary_encode())
    coded = coded.set_column(1, "n", pa.array([3, 2**62], pa.int64()))
    parquet.write_table(coded.set_column(2, "x", pa.array(["t", None])), tmp_path / "2.parquet")
    enum = pl.Series(["b", "a"], dtype=pl.Enum(["a", "b"]))
    pl.DataFrame(
        {"n": pl.Series([5, 6], dtype=pl.UInt16), "x": ["u", "v"], "g": enum}
    ).write_parquet(tmp_path / "3.parquet")
    frame = pd.DataFrame({"g": pd.Categorical(["c", None]), "n": [7, 8], "x": ["w", None]})
    frame.to_parquet(tmp_path / "4.parquet", index=False)
    found = values(tables.read_table([tmp_path / "*.parquet"]))
    assert found == {
        "g": ["a", "b", "a", "b", "b", "a", "c", None],
        "n": [1, 2, 3, 2**62, 5, 6, 7, 8],
        "x": [None, None, "t", None, "u", "v", "w", None],
    }
    for number in (1, 2):
        table = parquet.read_table(tmp_path / f"{number}.parquet")
        feather.write_feather(table, tmp_path / f"{number}.feather")
    found = values(tables.read_table([tmp_path / "*.feather"]))
    assert found["g"] == ["a", "b", "a", "b"]
    parquet.write_table(pa.table({"n": [1.5], "g": ["a"], "x": ["t"]}), tmp_path / "5.parquet")
    found = values(tables.read_table([tmp_path / "1.parquet", tmp_path / "5.parquet"]))
    assert found["n"] == [1.0, 2.0, 1.5]


TYPES = pa.table(
    {
        "int": pa.array([1, None, 3]),
        "whole": pa.array([1, 2, 3], pa.uint8()),
        "wide": pa.array([2**63 + 1, 2, 3], pa.uint64()),
        "float": pa.array([1.5, None, float("nan")]),
        "single": pa.array([0.1, 0.2, 0.3], pa.float32()),
        "bool": pa.array([True, None, False]),
        "text": pa.array(["x", None, ""]),
        "coded": pa.array(["x", "y", "x"]).dictionary_encode(),
        "day": pa.array([18000, None, 18001], pa.date32()),
        "time": pa.array([1, None, 3], pa.timestamp("us")),
        "zoned": pa.array([1, None, 3], pa.timestamp("us", "UTC")),
        "none": pa.nulls(3),
        "A": [1, 2, 3],
        "a": [4, 5, 6],
        'we"ird; --': [1, 2, 3],
        "nested": [{"int": 1, "deep": {"a": 2}}] * 3,
        "after": [7, 8, 9],
    }
)


def test_a_file_has_the_fingerprint_of_the_same_data_in_memory(tmp_path):
    plain = TYPES.drop_columns(["nested"])
    parquet.write_table(TYPES, tmp_path / "d.parquet")
    feather.write_feather(TYPES, tmp_path / "d.feather")
    for name in ("d.parquet", "d.feather"):
        found = tables.read_table([tmp_path / name])
        assert list(found) == TYPES.column_names
        for column in plain.column_names:
            ours, theirs = fingerprint(found, [column]), fingerprint(plain, [column])
            assert ours.sha256 == theirs.sha256, (name, column)
    frame = pd.DataFrame({"i": [1, 2], "f": [0.1, None], "t": ["x", "é"], "b": [True, False]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    found = tables.read_table([tmp_path / "d.csv"])
    assert fingerprint(found).sha256 == fingerprint(frame).sha256


@pytest.mark.parametrize("name", ["a*b", "[x]", "q?", "**", "{a,b}", "year=2026/x", "di[r]/x", "'"])
def test_a_name_is_a_file_and_never_a_pattern(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for path in (Path(f"{name}.csv"), Path(f"{name}.parquet"), Path("axb.csv"), Path("x.parquet")):
        path.parent.mkdir(exist_ok=True)
        if path.suffix == ".csv":
            path.write_text(f"name,n\n{path.parent.name}{len(path.name)},1\n")
        else:
            parquet.write_table(pa.table({"name": [path.name], "n": [1]}), path)
    for suffix in (".csv", ".parquet"):
        found = tables.read_table([f"{name}{suffix}"])
        assert list(found) == ["name", "n"]
        assert len(found["n"]) == 1


def test_nothing_is_fetched_and_nothing_is_spilled(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with engine.connected() as connection:
        for setting, value in (
            ("autoinstall_known_extensions", False),
            ("autoload_known_extensions", False),
            ("temp_directory", ""),
        ):
            asked = connection.execute(f"SELECT current_setting('{setting}')").fetchone()
            assert asked == (value,)
    with pytest.raises(DataError, match="httpfs"), engine.connected() as connection:
        connection.execute("SELECT * FROM read_csv('https://127.0.0.1:9/x.csv')")
    assert list(tmp_path.iterdir()) == []


def test_without_duckdb_the_message_is_the_line_that_installs_it(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("a,b\n1,2\n")
    parquet.write_table(pa.table({"a": [1]}), tmp_path / "d.parquet")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    for name in ("d.csv", "d.parquet"):
        with pytest.raises(MissingExtra) as caught:
            values(tables.read_table([tmp_path / name]))
        assert caught.value.extra == "files"
        assert "pip install" in str(caught.value)


def test_arrow_files_ask_for_pyarrow_and_others_do_without(tmp_path, monkeypatch):
    table = pa.table({"a": [1, None], "g": pa.array(["x", "y"]).dictionary_encode()})
    feather.write_feather(table, tmp_path / "d.feather")
    parquet.write_table(table, tmp_path / "d.parquet")
    (tmp_path / "d.csv").write_text("a,g\n1,x\n,y\n")
    for library in ("pandas", "polars", "pyarrow"):
        monkeypatch.setitem(sys.modules, library, None)
    for name in ("d.csv", "d.parquet"):
        assert values(tables.read_table([tmp_path / name])) == {"a": [1, None], "g": ["x", "y"]}
    with pytest.raises(MissingExtra, match="pyarrow"):
        tables.read_table([tmp_path / "d.feather"])


def test_a_gzip_bomb_and_a_broken_gzip_are_refused(tmp_path, monkeypatch):
    """A few KB can unpack to many GB."""
    monkeypatch.setattr("venturalitica.cli.reading.csv_reader.UNPACKED_ALWAYS", 1000)
    packed = tmp_path / "z.csv.gz"
    packed.write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 100_000))
    with pytest.raises(DataError, match="unpacks to more than"):
        tables.read_table([packed])
    packed.write_bytes(gzip.compress(b"a,b\n1,2\n")[:10] + b"\xff" * 50)
    with pytest.raises(DataError, match="cannot be read"):
        tables.read_table([packed])
