"""Where data lie: what the paths, globs, folders and addresses of a call name, file by file.

A folder, or a glob, may be a hive-partitioned set: `year=2026/part-0.parquet` below it has a column
`year`. What a folder names wins over a column of that name in the file, as in Spark and Polars.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from msgspec import Struct

from venturalitica.cli.reading.engine import location
from venturalitica.errors import DataError, did_you_mean

FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
PACKED = {".gz": "gzip", ".zst": "zstd"}
"""How text may be packed: what both DuckDB and Python can read as a stream."""
_TEXT = ("csv", "json")
_TABLES = {"_delta_log": "Delta", ".hoodie": "Hudi"}
"""Folders that belong to a table format: its files hold rows that were deleted since."""
_MISSING_KEY = "__HIVE_DEFAULT_PARTITION__"


class DataFile(Struct, frozen=True):
    """One file of data: `name` as it is said, `at` as DuckDB is given it.

    `keys` are the columns that its folders name below `root`, each with its depth: (0, "year").
    `files` is the file system that holds it, None for this machine's own, and `version` what that
    calls its state; `kept` is what goes when a copy of it is needed no more.
    """

    name: str
    at: str
    kind: str
    packed: str
    size: int
    path: str
    root: str = ""
    keys: tuple[tuple[int, str], ...] = ()
    files: Any = None
    version: str = ""
    kept: Any = None

    def __str__(self) -> str:
        return self.name

    def spoken(self, text: str) -> str:
        """A text about it by its own name, where a copy of it is what was read."""
        return text.replace(self.path, self.name)

    @property
    def base(self) -> str:
        """The last part of its name."""
        return self.name.rstrip("/").rpartition("/")[2]

    def key_value(self, depth: int) -> str | None:
        """What the folder at this depth says, None where that is nothing."""
        value = unquote(self.path[len(self.root) :].split("/")[depth].partition("=")[2])
        return None if value == _MISSING_KEY else value


def key_expression(root: str, depth: int, column: str) -> str:
    """The same in DuckDB, of the column that holds the file's name."""
    part = f"split_part(substr({column}, {len(root) + 1}), '/', {depth + 1})"
    return f"nullif(url_decode(substr({part}, strpos({part}, '=') + 1)), '{_MISSING_KEY}')"


_VERSIONS = ("ETag", "etag", "generation", "LastModified", "last_modified", "created")


def version_of(facts: Mapping[str, Any]) -> str:
    """What a store calls the state of an object, of what it says of it, and its size."""
    told = next((str(facts[name]) for name in _VERSIONS if facts.get(name)), "")
    return f"{told.strip(chr(34))} {facts.get('size')}"


def is_address(pattern: str) -> bool:
    """Whether this is no file of this machine, but an address such as `s3://bucket/key`."""
    return bool(re.match(r"[A-Za-z][A-Za-z0-9+.\-]+://", pattern))


def find_local(pattern: str | Path) -> list[tuple[Path, DataFile]]:
    """The files of one path, folder or glob; each beside the place where it really is.

    Raises:
        DataError: nothing there, a format that is not known, a folder of something else.
    """
    return [(file.resolve(), _local(file, root)) for file, root in _matches(Path(pattern))]


def _matches(path: Path) -> list[tuple[Path, str]]:
    """The files of one path, folder or glob, and the folder below which folders name columns."""
    if path.is_file():
        return [(path, "")]
    if path.is_dir():
        return [(file, root_of(path)) for file in _below(path)]
    matches = sorted(map(Path, glob.glob(str(path), recursive=True)))  # noqa: PTH207
    matches = [match for match in matches if match.is_file()]
    if not matches:
        raise DataError(_nothing_there(path))
    root = root_of(Path(*path.parts[: _first_magic(path.parts)]))
    return [(match, root) for match in matches]


def _first_magic(parts: Sequence[str]) -> int:
    return next(place for place, part in enumerate(parts) if glob.has_magic(part))


def root_of(folder: Path) -> str:
    """The folder as the beginning of a path."""
    return str(folder.absolute()).rstrip("/") + "/"


def _below(folder: Path) -> list[Path]:
    found: list[Path] = []
    for base, folders, names in os.walk(folder):
        refuse_table_format(base, folders)
        _refuse_links(base, folders)
        folders[:] = sorted(name for name in folders if not hidden(name))
        found += [Path(base) / name for name in sorted(names) if not hidden(name)]
    if not found:
        raise DataError(f"the folder '{folder}' holds no data file")
    return found


def _refuse_links(base: str, folders: Iterable[str]) -> None:
    """A link may lead round in a circle, and what is passed over in silence is missing."""
    for name in folders:
        if not hidden(name) and Path(base, name).is_symlink():
            raise DataError(f"{Path(base, name)} is a link to a folder: name that folder as well")


def refuse_table_format(folder: object, names: Iterable[str]) -> None:
    """Reading the files of such a table would count rows that were deleted."""
    for name in names:
        if name in _TABLES:
            raise DataError(
                f"{folder} is a {_TABLES[name]} table, whose files hold rows that are deleted "
                "since: open it with its own library, and give the rows to vl.enforce"
            )


def hidden(name: str) -> bool:
    """What programs lay beside the data: `_SUCCESS`, `.crc`; a folder `_a=1` names a column."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _local(path: Path, root: str) -> DataFile:
    kind, packed = kind_of(path.name, str(path))
    whole = str(path.absolute())
    keys = keys_of(whole, root) if root else ()
    size = path.stat().st_size
    return DataFile(str(path), location(path), kind, packed, size, whole, root, keys)


def keys_of(path: str, root: str) -> tuple[tuple[int, str], ...]:
    """The columns that the folders between `root` and the file name."""
    folders = path[len(root) :].split("/")[:-1]
    return tuple(
        (depth, unquote(part.partition("=")[0]))
        for depth, part in enumerate(folders)
        if part.partition("=")[0] and "=" in part
    )


def kind_of(name: str, said: str) -> tuple[str, str]:
    """The format and the packing that a file's name tells; DataError, which says so, for none."""
    stem, _, last = name.lower().rpartition(".")
    packed = PACKED.get(f".{last}", "")
    if packed:
        kind = FORMATS.get("." + stem.rpartition(".")[2])
        if kind in _TEXT:
            return kind, packed
    kind = FORMATS.get(f".{last}") if stem else None
    if kind is None:
        known = ", ".join(FORMATS)
        raise DataError(
            f"{said}: cannot tell the format by its name; expected one of {known}; "
            f"behind those of text also {' or '.join(PACKED)}"
        )
    return kind, "none"


def _nothing_there(path: Path) -> str:
    if glob.has_magic(str(path)):
        return f"no file matches '{path}' (looked from {Path.cwd()})"
    if path.is_symlink() or path.exists():
        return f"'{path}' is no file that can be read twice, but a pipe, a device or a broken link"
    names = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
    return f"there is no file '{path}' (looked from {Path.cwd()}){did_you_mean(path.name, names)}"


def data_name(files: Sequence[DataFile]) -> str:
    """What data out of these files are called in a record."""
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0].base}{more}"
