"""Many columns are read in one pass, and a fault is laid to the file that has it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from venturalitica.cli.reading import engine
from venturalitica.cli.reading.data_files import read_table
from venturalitica.errors import DataError

ROWS = pyarrow.table(
    {
        "n": [1, None, 3] * 100,
        "when": pyarrow.array([0, 1, None] * 100, pyarrow.date32()),
        "kind": pyarrow.array(["a", "b", None] * 100).dictionary_encode(),
        **{f"c{place}": [float(place)] * 300 for place in range(200)},
    }
)


def test_all_columns_are_read_by_one_view(tmp_path: Path) -> None:
    parquet.write_table(ROWS, tmp_path / "wide.parquet")
    table = read_table([tmp_path / "wide.parquet"])
    asked: list[int] = []
    view = table._view
    table._view = lambda connection, names: asked.append(len(names)) or view(connection, names)  # type: ignore[func-returns-value]
    found = dict(zip(table, table.values(), strict=True))
    assert asked == [len(ROWS.column_names)]
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
