"""CSV files: read as text by the library at hand, then typed by our own rule (`csv_types`)."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from venturalitica.cli import libraries
from venturalitica.errors import DataError, VenturaliticaError

UNPACKED_ALWAYS = 256 * 1024 * 1024
UNPACKED_TIMES = 100
"""A gzipped file may unpack to so many bytes, or to so many times its size."""

_SPELT = {"\\t": "\t", "tab": "\t"}
"""How a tab is typed in a shell."""


def read_csv(files: Sequence[Path], separator: str | None) -> Any:
    from venturalitica.cli.csv_types import typed

    engine = libraries.engine(libraries.ENGINES)
    frames, first = [], None
    for path in files:
        by = _SPELT.get(separator or "", separator) or (
            "\t" if ".tsv" in path.name.lower() else ","
        )
        content = _bytes(path)
        header = _header(path, content, by, given=separator is not None)
        if first is None:
            first = header
        libraries.refuse_other_columns(path, header, files[0], first)
        frames.append(_CSV_READERS[engine](path, content, header, by))
    return typed(libraries.joined(engine, frames))


def _separator(path: Path, given: str | None) -> str:
    if given is None:
        return "\t" if ".tsv" in path.name.lower() else ","
    return _SPELT.get(given, given)


def _bytes(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".gz":
            content = _unpacked(path, content)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from error
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: not UTF-8 (byte {error.start} is 0x{content[error.start]:02x}); "
            f"convert it, for example: iconv -f {_likely(content)} -t utf-8 '{path}'"
        ) from None
    if b"\0" in content:
        raise DataError(f"{path}: holds NUL bytes, so it is no CSV text")
    return content


def _likely(content: bytes) -> str:
    """The encoding that spreadsheets write most where it is not UTF-8."""
    return "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin1"


def _unpacked(path: Path, packed: bytes) -> bytes:
    """A file of a few KB can unpack to many GB; that is an attack or an accident, not a table."""
    most = max(UNPACKED_ALWAYS, UNPACKED_TIMES * len(packed))
    with gzip.open(io.BytesIO(packed)) as stream:
        content = stream.read(most + 1)
    if len(content) > most:
        raise DataError(
            f"{path}: unpacks to more than {most:,} bytes, {most // max(len(packed), 1)} times its "
            "size; unpack it yourself if it is as it should be"
        )
    return content


def _header(path: Path, content: bytes, separator: str, *, given: bool) -> list[str]:
    if len(separator) != 1 or separator in '"\r\n' or not separator.isascii():
        raise DataError(f"separator {separator!r}: expected one ASCII character, such as ';'")
    reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""), delimiter=separator)
    try:
        names = next(reader, [])
    except csv.Error as error:
        raise DataError(f"{path}:1: the header cannot be read: {error}") from None
    if not any(names):
        raise DataError(f"{path}:1: no header; the first line must name the columns")
    likely = next((s for s in ";\t|," if s != separator and s in names[0]), None)
    if len(names) == 1 and likely and not given:
        raise DataError(
            f"{path}:1: one column only, {names[0][:60]!r}; "
            f"if {likely!r} separates the fields, say --separator {likely!r}"
        )
    if "" in names:
        raise DataError(f"{path}:1: column {names.index('') + 1} has no name")
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{path}:1: column name {twice[0]!r} occurs twice")
    return names


def _polars_csv(path: Path, content: bytes, header: list[str], separator: str) -> Any:
    import polars

    try:
        frame = polars.read_csv(io.BytesIO(content), separator=separator, infer_schema=False)
    except polars.exceptions.NoDataError:
        return polars.DataFrame(schema=dict.fromkeys(header, polars.String))
    except polars.exceptions.PolarsError as error:
        raise _malformed(path, error) from None
    return frame.rename(dict(zip(frame.columns, header, strict=True)))


def _pandas_csv(path: Path, content: bytes, header: list[str], separator: str) -> Any:
    import pandas

    try:
        with warnings.catch_warnings():
            # pandas only warns where it drops fields that the header has no name for.
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            frame = pandas.read_csv(
                io.BytesIO(content), sep=separator, dtype=str, na_filter=False, index_col=False
            )
    except (ValueError, pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        raise _malformed(path, error) from None
    return frame.set_axis(header, axis="columns")


def _arrow_csv(path: Path, content: bytes, header: list[str], separator: str) -> Any:
    import pyarrow
    from pyarrow import csv as arrow_csv

    try:
        return arrow_csv.read_csv(
            io.BytesIO(content),
            parse_options=arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pyarrow.string()), strings_can_be_null=False
            ),
        )
    except pyarrow.ArrowInvalid as error:
        raise _malformed(path, error) from None


_CSV_READERS = {"polars": _polars_csv, "pandas": _pandas_csv, "pyarrow": _arrow_csv}


def _malformed(path: Path, error: Exception) -> VenturaliticaError:
    first = str(error).strip().splitlines()
    return DataError(f"{path}: cannot be read as CSV: {first[0] if first else error}")
