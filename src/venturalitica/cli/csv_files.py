"""CSV files: read as text by DuckDB, then typed by our own rule (`csv_types`).

What a row is does not depend on the engine: lines end in LF, CR LF or CR; a blank line is none; a
field is quoted where it begins with a quote; a row has as many fields as the header. DuckDB takes
some files otherwise (two sorts of line end, blanks beside a quote, blank lines of one column), so
these, and all that it does not read at all, are read by Python's own reader, which also knows the
line of a fault. `tests/cli/test_tables.py` holds the two against each other.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import sys
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from numpy.typing import NDArray

from venturalitica.cli.csv_types import Together, typed
from venturalitica.cli.engine import (
    Columns,
    array,
    connected,
    location,
    objects,
    refuse_other_columns,
    stack,
    succeeds,
)
from venturalitica.errors import DataError

UNPACKED_ALWAYS = 256 * 1024 * 1024
UNPACKED_TIMES = 100
"""A gzipped file may unpack to so many bytes, or to so many times its size."""

_SPELT = {"\\t": "\t", "tab": "\t"}
"""How a tab is typed in a shell."""
_BLOCK = 1 << 22
_BATCH = 1 << 16
_NO_NULL = "venturalitica: no field is missing before it has a type"
_READ = (
    "read_csv(?, delim = ?, compression = ?, nullstr = ?, columns = {columns}, header = true, "
    "auto_detect = false, quote = '\"', escape = '\"', strict_mode = true, null_padding = false, "
    "hive_partitioning = false)"
)


@dataclass(frozen=True, slots=True)
class _File:
    """A file that can be read as text: its header, and whether DuckDB takes it as we do."""

    path: Path
    separator: str
    header: list[str]
    plain: bool


def read_csv(
    files: Sequence[Path], separator: str | None, together: Sequence[Together] = ()
) -> Columns:
    """The columns of all files, read and typed when they are asked for; those of `together` are
    typed together and therefore asked for together."""
    found = [_file(path, separator) for path in files]
    for file in found:
        refuse_other_columns(file.path, file.header, files[0], found[0].header)

    def load(wanted: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        with connected() as connection:
            for number, file in enumerate(found):
                _fill(connection, f"file{number}", file, [file.header.index(n) for n in wanted])
            stack(connection, len(found))
            expressions = typed(connection, wanted, together)
            return {
                name: array(connection, expression)
                for name, expression in zip(wanted, expressions, strict=True)
            }

    return Columns(found[0].header, load)


def _file(path: Path, given: str | None) -> _File:
    by = _SPELT.get(given or "", given) or ("\t" if ".tsv" in path.name.lower() else ",")
    if len(by) != 1 or by in '"\r\n' or not by.isascii():
        raise DataError(f"separator {by!r}: expected one ASCII character, such as ';'")
    with _readable(path):
        plain = _scanned(path)
        header = _header(path, by, given=given is not None)
    return _File(path, by, header, plain and len(header) > 1)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path) if _is_packed(path) else path.open("rb")  # type: ignore[return-value]


def _blocks(path: Path) -> Iterator[bytes]:
    """The file's bytes, unpacked. A few KB can unpack to many GB; that is an attack or an accident,
    not a table."""
    size = path.stat().st_size
    most = max(UNPACKED_ALWAYS, UNPACKED_TIMES * size)
    with _opened(path) as stream:
        while block := stream.read(_BLOCK):
            yield block
            if _is_packed(path) and stream.tell() > most:
                raise DataError(
                    f"{path}: unpacks to more than {most:,} bytes, {most // max(size, 1)} times "
                    "its size; unpack it yourself if it is as it should be"
                )


def _scanned(path: Path) -> bool:
    """Whether DuckDB takes the file as we do; DataError where it is no UTF-8 text."""
    ends: Counter[bytes] = Counter()
    decoder, first, last, odd, done = codecs.getincrementaldecoder("utf-8")(), b"", b"", False, 0
    for block in _blocks(path):
        first = first or block[:4].removeprefix(codecs.BOM_UTF8)
        _refuse_no_text(path, decoder, block, done)
        odd = odd or any(sign in last + block for sign in (b'" ', b' "'))
        ends.update({b"\r\n": (last + block).count(b"\r\n")})
        ends.update({end: block.count(end) for end in (b"\r", b"\n")})
        last, done = block[-1:], done + len(block)
    _refuse_no_text(path, decoder, b"", done)
    one_end = not ends[b"\r"] or ends[b"\r"] == ends[b"\n"] == ends[b"\r\n"]
    return one_end and not odd and not first[:1].isspace()


def _refuse_no_text(path: Path, decoder: Any, block: bytes, done: int) -> None:
    """Decode a block that begins at byte `done`, or the end of the file where it is empty."""
    waiting = decoder.getstate()[0]
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        wrong = (waiting + block)[error.start]
        # Spreadsheets write UTF-16 with a mark, or the encoding of Western Europe.
        likely = "utf-16" if not done and block[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
        raise DataError(
            f"{path}: not UTF-8 (byte {done - len(waiting) + error.start} is 0x{wrong:02x}); "
            f"convert it, for example: iconv -f {likely} -t utf-8 '{path}'"
        ) from None
    if b"\0" in block:
        raise DataError(f"{path}: holds NUL bytes, so it is no CSV text in UTF-8")


def _header(path: Path, separator: str, *, given: bool) -> list[str]:
    with closing(_records(path, separator)) as records:
        _, names = next(records, (1, []))
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


def _fill(connection: Any, table: str, file: _File, places: Sequence[int]) -> None:
    """A table of the columns at `places`, all text."""
    if file.plain:
        every = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(file.header)))
        source = _READ.replace("{columns}", f"{{{every}}}")
        packed = "gzip" if _is_packed(file.path) else "none"
        given = [location(file.path), file.separator, packed, _NO_NULL]
        chosen = ", ".join(f"c{place} AS c{index}" for index, place in enumerate(places))
        query = f"CREATE TABLE {table} AS SELECT {chosen} FROM {source}"
        if succeeds(connection, query, given):
            return
    with _readable(file.path):
        _fill_slowly(connection, table, file, places)


def _fill_slowly(connection: Any, table: str, file: _File, places: Sequence[int]) -> None:
    """The same by Python's own reader, and the line of what is wrong."""
    columns = ", ".join(f"c{index} VARCHAR" for index in range(len(places)))
    connection.execute(f"CREATE TABLE {table} ({columns})")
    with closing(_rows(file)) as rows:
        while batch := list(islice(rows, _BATCH)):
            found = {
                f"c{index}": objects([row[place] for row in batch])
                for index, place in enumerate(places)
            }
            connection.register("batch", found)
            connection.execute(f"INSERT INTO {table} SELECT * FROM batch")


def _rows(file: _File) -> Generator[list[str]]:
    count = len(file.header)
    with closing(_records(file.path, file.separator)) as records:
        for line, fields in islice(records, 1, None):
            if len(fields) != count:
                raise DataError(
                    f"{file.path}:{line}: cannot be read as CSV: {len(fields)} fields, and the "
                    f"header names {count}; quote a field that holds the separator"
                )
            yield fields


def _records(path: Path, separator: str) -> Generator[tuple[int, list[str]]]:
    """The line that each record begins at, and its fields; without blank lines."""
    limit = csv.field_size_limit(sys.maxsize)
    line = 1
    try:
        with io.TextIOWrapper(_opened(path), "utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, delimiter=separator, strict=True)
            for fields in reader:
                if fields and (len(fields) > 1 or not fields[0].isspace()):
                    yield line, fields
                line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}:{line}: cannot be read as CSV: {_reason(str(error))}") from None
    finally:
        csv.field_size_limit(limit)


def _reason(error: str) -> str:
    if "unexpected end" in error:
        return (
            "a quote in the record that begins here is never closed; the file is cut off, or a "
            "quote is missing"
        )
    if "expected after" in error:
        return "text follows a closing quote; double the quotes that a quoted field holds"
    return error
