"""Reads data files into columns, with one engine whatever else is installed (`engine`).

CSV and TSV (also gzipped), Parquet, Arrow IPC (file and stream; Feather). Several files, or a glob,
are read one after the other and must have the same columns. `csv_types` decides the types of a CSV
file's columns.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from venturalitica.cli.csv_types import Together
    from venturalitica.cli.engine import Columns

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def read_table(
    patterns: Sequence[str | Path],
    *,
    separator: str | None = None,
    together: Sequence[Together] = (),
) -> Columns:
    """The columns of all files that the patterns name, by name, each read when it is asked for.

    Args:
        patterns: paths or globs (`data/*.csv`, `data/**/*.parquet`).
        separator: what separates the fields of a CSV file; by default a comma, in `.tsv` a tab.
        together: columns that are compared, and therefore typed together; they are read at once.

    Raises:
        DataError: nothing there, unknown format, unreadable, no header, columns that differ.
        MissingExtra: DuckDB is not installed, or, for Arrow files, pyarrow.
    """
    from venturalitica.cli.binary_files import read_binary
    from venturalitica.cli.csv_files import read_csv

    files = find_files(patterns)
    kinds = {path: _kind(path) for path in files}
    if len(set(kinds.values())) > 1:
        named = ", ".join(str(path) for path in files[:4])
        raise DataError(f"the files are of different formats ({named}): check one format at a time")
    kind = kinds[files[0]]
    is_csv = kind == "csv"
    columns = read_csv(files, separator, together) if is_csv else read_binary(files, kind)
    columns.read([name for each in together for name in each.columns])
    return columns


def find_files(patterns: Sequence[str | Path]) -> list[Path]:
    """The files named, each once by whatever name, since rows that are counted twice would narrow
    every interval; in the order given, a glob's own in the order of their names."""
    found: dict[Path, Path] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_file():
            found.setdefault(path.resolve(), path)
            continue
        if path.is_dir():
            raise DataError(f"{path} is a folder; name its files, for example '{path}/*.csv'")
        matches = sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207
        matches = [match for match in matches if match.is_file()]
        if not matches:
            raise DataError(_nothing_there(path))
        for match in matches:
            found.setdefault(match.resolve(), match)
    if not found:
        raise DataError("no data file was named")
    return list(found.values())


def _nothing_there(path: Path) -> str:
    if glob.has_magic(str(path)):
        return f"no file matches '{path}' (looked from {Path.cwd()})"
    names = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    return f"there is no file '{path}' (looked from {Path.cwd()}){did_you_mean(path.name, names)}"


def _kind(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".gz" and FORMATS.get((["", *suffixes])[-2]) == "csv":
        return "csv"
    kind = FORMATS.get(suffixes[-1] if suffixes else "")
    if kind is None:
        known = ", ".join(FORMATS)
        raise DataError(f"{path}: cannot tell the format by its name; expected one of {known}")
    return kind
