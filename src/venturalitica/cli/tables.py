"""Reads data files into a native frame, with whichever dataframe library is installed.

CSV and TSV (also gzipped), Parquet, Arrow IPC (file and stream; Feather). Several files, or a glob,
are read one after the other and must have the same columns. `csv_types` decides the types of a CSV
file's columns, not the library, so that the verdict does not depend on what is installed.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from venturalitica.cli.binary_files import read_binary
from venturalitica.cli.csv_files import read_csv
from venturalitica.errors import DataError, did_you_mean

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


def read_table(patterns: Sequence[str | Path], *, separator: str | None = None) -> Any:
    """The rows of all files that the patterns name, as one native frame.

    Args:
        patterns: paths or globs (`data/*.csv`, `data/**/*.parquet`).
        separator: what separates the fields of a CSV file; by default a comma, and a tab in `.tsv`.

    Raises:
        DataError: nothing there, unknown format, unreadable, no header, columns that differ.
        MissingExtra: no dataframe library is installed.
    """
    files = find_files(patterns)
    kinds = {path: _kind(path) for path in files}
    if len(set(kinds.values())) > 1:
        named = ", ".join(str(path) for path in files[:4])
        raise DataError(f"the files are of different formats ({named}): check one format at a time")
    if kinds[files[0]] == "csv":
        return read_csv(files, separator)
    return read_binary(files, kinds[files[0]])


def find_files(patterns: Sequence[str | Path]) -> list[Path]:
    """The files named, each once: in the order given, a glob's own in the order of their names."""
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_file():
            found[path] = None
            continue
        if path.is_dir():
            raise DataError(f"{path} is a folder; name its files, for example '{path}/*.csv'")
        matches = sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207
        matches = [match for match in matches if match.is_file()]
        if not matches:
            raise DataError(_nothing_there(path))
        found.update(dict.fromkeys(matches))
    if not found:
        raise DataError("no data file was named")
    return list(found)


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
