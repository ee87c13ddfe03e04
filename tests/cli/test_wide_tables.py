"""Many columns are read in one pass, and a fault is laid to the file that has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from venturalitica.cli.reading import csv_types, engine
from venturalitica.cli.reading.data_files import read_table
from venturalitica.core.circumstances import Share
from venturalitica.errors import DataError
from venturalitica.tally.copies import doubled_share

ROWS = pyarrow.table(
    {
        "n": [1, None, 3] * 100,
        "when": pyarrow.array([0, 1, None] * 100, pyarrow.date32()),
        "kind": pyarrow.array(["a", "b", None] * 100).dictionary_encode(),
        **{f"c{place}": [float(place)] * 300 for place in range(200)},
    }
)


def test_all_columns_are_read_by_few_views(tmp_path: Path) -> None:
    parquet.write_table(ROWS, tmp_path / "wide.parquet")
    table = read_table([tmp_path / "wide.parquet"])
    asked: list[int] = []
    view = table._view
    table._view = lambda connection, names: asked.append(len(names)) or view(connection, names)  # type: ignore[func-returns-value]
    found = dict(zip(table, table.values(), strict=True))
    assert asked == [64, len(ROWS.column_names) - 64]
    assert list(found) == ROWS.column_names
    for name, column in found.items():
        plain = [None if value is None or value != value else value for value in column.tolist()]
        assert plain == ROWS[name].to_pylist(), name


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_columns_are_the_same_however_many_are_fetched_at_once(
    at_once: int, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(engine, "_AT_ONCE", at_once)
    parquet.write_table(ROWS, tmp_path / "wide.parquet")
    table = read_table([tmp_path / "wide.parquet"])
    table.read(["n", "c7", "kind"])
    assert table["c7"].tolist() == ROWS["c7"].to_pylist()
    assert table["kind"].tolist() == ROWS["kind"].to_pylist()


@pytest.mark.parametrize("others", [0, 3])
def test_wrong_bytes_within_a_file_are_laid_to_it(others: int, tmp_path: Path) -> None:
    for number in range(others):
        parquet.write_table(ROWS, tmp_path / f"{number}.parquet")
    broken = tmp_path / "broken.parquet"
    parquet.write_table(ROWS, broken)
    content = broken.read_bytes()
    broken.write_bytes(content[:4] + b"\xff" * 400 + content[404:])
    table = read_table([tmp_path])
    with pytest.raises(DataError, match=r"broken\.parquet: "):
        table.read(["n"])


def test_few_columns_of_many_are_as_they_are_alone(tmp_path: Path) -> None:
    """A small part of a wide file is read once and kept; its types and faults are the same."""
    named = ["n", "when", "kind"]
    rows = [[str(row), f"2026-01-{row % 9 + 1:02}", "" if row % 5 else "a"] for row in range(90)]
    beside = [str(place) for place in range(60)]
    wide, alone = tmp_path / "wide.csv", tmp_path / "alone.csv"
    alone.write_text("\n".join(map(",".join, [named, *rows, []])))
    lines = [[*named, *(f"c{place}" for place in beside)], *([*row, *beside] for row in rows), []]
    wide.write_text("\n".join(map(",".join, lines)))
    found, expected = read_table([wide]), read_table([alone])
    found.read(named)
    expected.read(named)
    for name in named:
        assert found[name].tolist() == expected[name].tolist()
    with wide.open("a") as file:
        file.write("7,8\n")
    with pytest.raises(DataError, match=r"wide\.csv:92: cannot be read as CSV: 2 fields"):
        read_table([wide]).read(named)


FIELDS = {
    "whole": ["1", "-2", "+3", " 4"],
    "with_gaps": ["1", "", "NA", "4"],
    "numbers": ["1.5", "1e-05", "1.0E10", "7"],
    "padded": ["007", "1", "2", "3"],
    "endless": ["1e-05", "1.0e+400", "2", "3"],
    "yes": ["true", "False", "", "TRUE"],
    "yes_or_one": ["true", "1", "false", "0"],
    "text": ["a", "1", "2", "3"],
    "nothing": ["", "NA", "", "null"],
}


@pytest.mark.parametrize("few", [0, 2_000])
@pytest.mark.parametrize("together", [2, 1_024])
def test_a_column_has_one_type_however_it_is_looked_at(
    few: int, together: int, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(csv_types, "_FEW", few)
    monkeypatch.setattr(csv_types, "_TOGETHER", together)
    lines = [",".join(FIELDS), *map(",".join, zip(*FIELDS.values(), strict=True)), ""]
    (tmp_path / "fields.csv").write_text("\n".join(lines))
    table = read_table([tmp_path / "fields.csv"])
    table.read(list(FIELDS))
    assert {name: table[name].dtype.kind for name in FIELDS} == {
        **dict.fromkeys(("with_gaps", "numbers"), "f"),
        **dict.fromkeys(("padded", "endless", "yes_or_one", "text", "nothing"), "O"),
        "whole": "i",
        "yes": "O",  # one of them is missing
    }
    assert table["whole"].tolist() == [1, -2, 3, 4]
    assert table["yes"].tolist() == [True, False, None, True]


def test_copies_are_looked_for_in_no_more_columns_than_tell_the_rows_apart(tmp_path: Path) -> None:
    names = [f"c{place}" for place in range(300)]
    table = [[str(row % 10), str(row // 10), *["7"] * 298] for row in range(89)]
    lines = [",".join(names), *map(",".join, table)]
    (tmp_path / "apart.csv").write_text("\n".join([*lines, ""]))
    (tmp_path / "twice.csv").write_text("\n".join([*lines, *lines[1:], ""]))
    apart, twice = read_table([tmp_path / "apart.csv"]), read_table([tmp_path / "twice.csv"])
    assert doubled_share(apart, {}) == Share(0.0, rows=89)
    assert len(apart._read) == 64
    found = doubled_share(twice, {})
    assert found is not None
    assert found.share == 0.5
    assert len(twice._read) == 300
