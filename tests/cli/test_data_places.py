"""Folders, hive-partitioned sets, JSON lines and packed files; rows that stay on the engine."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather, parquet

from venturalitica.cli.reading import data_files
from venturalitica.cli.reading.csv_types import Together
from venturalitica.cli.reading.data_files import find_files, read_table
from venturalitica.cli.reading.engine import errors_as_ours
from venturalitica.cli.reading.places import data_name
from venturalitica.errors import DataError, MissingExtra


def values(table: Any) -> dict[str, list[Any]]:
    """Plain values, missing ones as None."""
    return {
        name: [None if value is None or value != value else value for value in table[name].tolist()]
        for name in table
    }


def hive(folder: Path, write: Any, suffix: str) -> Path:
    """Two partitions, the later one made first."""
    for year, month, rows in ((2026, "02", [3]), (2025, "a%20b", [1, 2])):
        place = folder / f"year={year}" / f"month={month}"
        place.mkdir(parents=True)
        write(pa.table({"n": rows, "g": ["x"] * len(rows)}), place / f"part{suffix}")
    (folder / "_SUCCESS").write_text("")
    (folder / ".part.crc").write_text("")
    return folder


def to_csv(table: pa.Table, path: Path) -> None:
    lines = ["n,g", *(f"{row['n']},{row['g']}" for row in table.to_pylist())]
    path.write_text("\n".join(lines) + "\n")


def to_json(table: pa.Table, path: Path) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))


WRITERS = [
    (parquet.write_table, ".parquet"),
    (feather.write_feather, ".feather"),
    (to_csv, ".csv"),
    (to_json, ".jsonl"),
]


@pytest.mark.parametrize(("write", "suffix"), WRITERS)
def test_folders_name_columns_in_every_format(tmp_path, write, suffix):
    folder = hive(tmp_path / "user=me", write, suffix)
    expected = {
        "n": [1, 2, 3],
        "g": ["x", "x", "x"],
        "year": [2025, 2025, 2026],
        "month": ["a b", "a b", "02"],
    }
    for named in (folder, f"{folder}/*/*/*{suffix}", f"{folder}/**/*{suffix}"):
        table = read_table([named])
        assert values(table) == expected, named
        assert table.relation(list(table)).to_arrow_table().to_pydict() == expected, named
    # A file that is named by itself is that file, whatever its folders are called.
    part = folder / "year=2026" / "month=02" / f"part{suffix}"
    assert values(read_table([part])) == {"n": [3], "g": ["x"]}


def test_a_missing_partition_key_is_missing(tmp_path):
    for key, number in (("__HIVE_DEFAULT_PARTITION__", 1), ("7", 2)):
        (tmp_path / "set" / f"k={key}").mkdir(parents=True)
        parquet.write_table(pa.table({"n": [number]}), tmp_path / "set" / f"k={key}" / "p.parquet")
    assert values(read_table([tmp_path / "set"])) == {"n": [2, 1], "k": [7, None]}


def test_what_a_folder_says_wins_over_a_column_of_that_name(tmp_path):
    (tmp_path / "set" / "k=7").mkdir(parents=True)
    parquet.write_table(pa.table({"k": [1], "n": [2]}), tmp_path / "set" / "k=7" / "p.parquet")
    assert values(read_table([tmp_path / "set"])) == {"n": [2], "k": [7]}


def test_a_partition_with_another_schema_is_refused(tmp_path):
    folder = hive(tmp_path / "set", parquet.write_table, ".parquet")
    odd = folder / "year=2027"
    odd.mkdir()
    parquet.write_table(pa.table({"n": [1], "g": ["x"]}), odd / "part.parquet")
    with pytest.raises(DataError, match=r"year=2027.*lacks \['month'\]"):
        read_table([folder])
    (odd / "month=1").mkdir()
    (odd / "part.parquet").rename(odd / "month=1" / "part.parquet")
    parquet.write_table(pa.table({"n": ["1"], "g": ["x"]}), odd / "month=1" / "part.parquet")
    with pytest.raises(
        DataError, match=r"'n' is numbers in \S+/year=2025/\S+, text in \S+/year=2027/"
    ):
        values(read_table([folder]))
    parquet.write_table(pa.table({"N": [1], "g": ["x"]}), odd / "month=1" / "part.parquet")
    with pytest.raises(DataError, match=r"lacks \['n'\] and has \['N'\] besides"):
        read_table([folder])


def test_folders_that_are_no_set_of_files_are_refused(tmp_path):
    folder = hive(tmp_path / "set", parquet.write_table, ".parquet")
    (folder / "README.md").write_text("what this is")
    with pytest.raises(DataError, match=r"README.md: cannot tell the format"):
        read_table([folder])
    (folder / "README.md").unlink()
    (tmp_path / "elsewhere").mkdir()
    (folder / "year=2020").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="is a link to a folder"):
        read_table([folder])
    (folder / "year=2020").unlink()
    (folder / "_delta_log").mkdir()
    with pytest.raises(DataError, match="is a Delta table, whose files hold rows that are deleted"):
        read_table([folder])


def test_what_cannot_be_read_twice_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "link.csv").symlink_to("nowhere")
    for name in ("pipe.csv", "link.csv"):
        with pytest.raises(DataError, match=f"{name}' is no file that can be read twice"):
            find_files([tmp_path / name])
    with pytest.raises(DataError, match="no file matches"):
        find_files([f"{tmp_path}/z*.csv"])


def test_a_record_names_the_files(tmp_path):
    folder = hive(tmp_path / "set", parquet.write_table, ".parquet")
    assert data_name(find_files([folder])) == "part.parquet and 1 more"


def packed(content: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(content)
    return pa.compress(content, "zstd", asbytes=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize(
    ("name", "content"),
    [("d.csv", b"a,b\n1,x\n"), ("d.csv", b'a,b\r\n1,x\n"",\n'), ("d.jsonl", b'{"a":1,"b":"x"}\n')],
)
def test_text_may_be_packed(tmp_path, name, content, suffix):
    (tmp_path / name).write_bytes(content)
    (tmp_path / f"{name}{suffix}").write_bytes(packed(content, suffix))
    plain = values(read_table([tmp_path / name]))
    assert values(read_table([tmp_path / f"{name}{suffix}"])) == plain
    assert plain["a"][0] == 1


def test_zstd_asks_for_what_unpacks_it(tmp_path, monkeypatch):
    (tmp_path / "d.csv.zst").write_bytes(packed(b"a,b\n1,2\n", ".zst"))
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match="pyarrow"):
        read_table([tmp_path / "d.csv.zst"])


def json_table(tmp_path: Path, *records: Any) -> dict[str, list[Any]]:
    path = tmp_path / "d.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return values(read_table([path]))


def test_json_lines_have_the_types_that_they_say(tmp_path):
    found = json_table(
        tmp_path,
        {"i": 1, "f": 0.1, "t": "2026-01-01", "code": "007", "b": True, "none": None, "l": [1, 2]},
        {"i": -2, "f": 3, "t": "é\n\"'", "b": False, "l": []},
    )
    assert found == {
        "i": [1, -2],
        "f": [0.1, 3.0],
        "t": ["2026-01-01", "é\n\"'"],
        "code": ["007", None],
        "b": [True, False],
        "none": [None, None],
        "l": ["[1,2]", "[]"],
    }
    assert json_table(tmp_path, {"n": 2**64 - 1}, {"n": -1}) == {"n": [2**64 - 1, -1]}


KEYS = st.text(st.sampled_from("ab~/'\"\\.$*[] é0"), min_size=1, max_size=5)
JSON_VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.text()
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(record=st.dictionaries(KEYS, JSON_VALUES, min_size=1, max_size=4))
def test_any_record_of_json_lines_is_read_as_it_was_written(tmp_path_factory, record):
    path = tmp_path_factory.mktemp("json") / "d.jsonl"
    path.write_text(json.dumps(record) + "\n")
    found = read_table([path])
    assert {name: found[name].tolist() for name in found} == {k: [v] for k, v in record.items()}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "it has no records"),
        ('{"a": 1}\n[1]\n', "not every line is an object"),
        ('[{"a": 1}]\n', "not every line is an object"),
        ('{"a": 1}\n{"a": "se\n', "cannot be read as JSON lines: .*line 3"),
        ('{"b": 1}\n{"a": 1, "a": 2}\n', "a record has a key twice"),
        ('{"a": 1}\n{"a": "x"}\n', "'a' holds values of several types"),
        ("{}\n", "not every line is an object"),
    ],
)
def test_bad_json_lines_are_refused(tmp_path, content, said):
    path = tmp_path / "bad.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match=said) as caught:
        values(read_table([path]))
    assert str(path) in str(caught.value)


def test_columns_of_several_json_files_are_one_type(tmp_path):
    (tmp_path / "1.jsonl").write_text('{"a": 1}\n')
    (tmp_path / "2.jsonl").write_text('{"a": 2.5}\n')
    (tmp_path / "3.jsonl").write_text("")
    assert values(read_table([f"{tmp_path}/*.jsonl"])) == {"a": [1.0, 2.5]}
    (tmp_path / "3.jsonl").write_text('{"a": "x"}\n')
    with pytest.raises(DataError, match=r"do not fit together: 'a' is .*varchar in .*3.jsonl"):
        values(read_table([f"{tmp_path}/*.jsonl"]))


def test_a_relation_holds_the_named_columns_and_the_names_of_the_others(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text('t,p,"o""; --",A,a\n1,1,x,5,6\n0,7,y,5,6\n')
    table = read_table([path], together=[Together(("t", "p"))])
    relation = table.relation(["t", "p"])
    assert relation.columns == ["t", "p", 'o"; --', "A"]
    assert relation.select("t", "p").fetchall() == [(1, 1), (0, 7)]
    with pytest.raises(DataError, match="a column that is not read"), errors_as_ours():
        relation.select("A").fetchall()
    assert table.can_relate(["A"])
    assert not table.can_relate(["A", "a"])
    assert not table.can_relate(["nowhere"])


POLICY = """\
policy: loans
version: "1"
roles:
  target: {favorable: 1}
  age: {bins: [40]}
  gender: {}
controls:
  - {id: right, metric: accuracy, must: ">= 0.60"}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0.80"}
  - {id: ages, metric: accuracy, across: age, compare: min, must: ">= 0.50"}
  - {id: ranking, metric: roc_auc, must: ">= 0.50"}
  - {id: complete, metric: completeness, must: ">= 1.0"}
"""


@pytest.mark.parametrize("name", ["d.csv", "d.jsonl", "d.parquet", "d.feather"])
def test_many_rows_stay_on_the_engine_and_are_judged_alike(call, project, monkeypatch, name):
    (project / "model_policy.yaml").write_text(POLICY)
    rows = [
        {"y": i % 2, "p": int(i % 3 > 0), "s": (i * 37 % 100) / 99, "g": "fm"[i % 2], "age": i % 80}
        for i in range(400)
    ]
    rows[7]["g"] = None
    table = pa.Table.from_pylist(rows)
    if name == "d.csv":
        lines = [",".join("" if v is None else str(v) for v in row.values()) for row in rows]
        (project / name).write_text("\n".join(["y,p,s,g,age", *lines]) + "\n")
    else:
        write = {
            ".jsonl": to_json,
            ".parquet": parquet.write_table,
            ".feather": feather.write_feather,
        }
        write[Path(name).suffix](table, project / name)
    roles = ["--target", "y", "--prediction", "p", "--score", "s", "--role", "gender=g"]
    judged = ["check", name, *roles, "--role", "age=age", "--json"]
    in_memory = call(*judged)
    handed_over: list[Any] = []
    real = data_files.judged_table

    def seen(*arguments: Any) -> Any:
        handed_over.append(real(*arguments))
        return handed_over[-1]

    monkeypatch.setattr(data_files, "LAZY_ABOVE", 399)
    monkeypatch.setattr(data_files, "_FEW_BYTES", 0)
    monkeypatch.setattr(data_files, "judged_table", seen)
    on_engine = call(*judged)
    assert [type(each).__name__ for each in handed_over] == ["DuckDBPyRelation"]
    assert on_engine.exit_code == in_memory.exit_code == 1
    first, second = json.loads(in_memory.stdout), json.loads(on_engine.stdout)
    assert second["verdicts"] == first["verdicts"]
    assert len(first["verdicts"]) == 5
