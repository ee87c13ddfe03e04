"""CSV files: read as text by DuckDB, then typed by our own rule (`csv_types`).

What a row is does not depend on the engine: lines end in LF, CR LF or CR; a blank line is none; a
field is quoted where it begins with a quote; a row has as many fields as the header. DuckDB takes
some files otherwise (two sorts of line end, blanks beside a quote, blank lines of one column), so
these, and all that it does not read at all, are read into memory by Python's own reader, which also
knows the line of a fault. `tests/cli/test_tables.py` holds the two against each other.
"""

from __future__ import annotations

import codecs
import csv
import io
import sys
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from msgspec import Struct

from venturalitica.cli.reading.csv_types import Together, typed
from venturalitica.cli.reading.engine import Columns, objects, stack, succeeds, text, texts
from venturalitica.cli.reading.parts import (
    FILE,
    common_names,
    grouped,
    opened,
    readable,
    selected,
)
from venturalitica.cli.reading.places import DataFile
from venturalitica.errors import DataError

UNPACKED_ALWAYS = 256 * 1024 * 1024
UNPACKED_TIMES = 100
"""A packed file may unpack to so many bytes, or to so many times its size."""

_SPELT = {"\\t": "\t", "tab": "\t"}
"""How a tab is typed in a shell."""
_BLOCK = 1 << 22
_BATCH = 1 << 16
_SMALL_SHARE = 0.1
_MOST_KEPT = 16 * 1024 * 1024
"""Columns that are so small a part of the files, and of so many bytes, are read once and kept."""
_NO_NULL = "venturalitica: no field is missing before it has a type"
_READ = (
    "read_csv({files}, delim = {delim}, compression = {compression}, nullstr = {nothing}, "
    "columns = {columns}, header = true, auto_detect = false, quote = '\"', escape = '\"', "
    "strict_mode = true, null_padding = false, hive_partitioning = false, filename = {filename})"
)


class _File(Struct, frozen=True):
    """A file that can be read as text: its header, and whether DuckDB takes it as we do."""

    file: DataFile
    separator: str
    header: list[str]
    plain: bool


def read_csv(
    files: Sequence[DataFile], separator: str | None, together: Sequence[Together] = ()
) -> Columns:
    """The columns of all files, read and typed when they are asked for; those of `together` are
    typed together and therefore asked for together."""
    found = [_file(file, separator) for file in files]
    names = common_names(files, [file.header for file in found])
    groups = grouped(found, lambda each: (each.file, each.header, each.plain, each.separator))

    def view(connection: Any, wanted: Sequence[str]) -> Sequence[str]:
        parts = [
            part
            for number, group in enumerate(groups)
            for part in _parts(connection, f"group{number}", group, wanted)
        ]
        stack(connection, parts)
        return typed(connection, wanted, together)

    return Columns(names, view)


def _file(path: DataFile, given: str | None) -> _File:
    by = _SPELT.get(given or "", given) or ("\t" if ".tsv" in path.base.lower() else ",")
    if len(by) != 1 or by in '"\r\n' or not by.isascii():
        raise DataError(f"separator {by!r}: expected one ASCII character, such as ';'")
    with readable(path):
        plain = _scanned(path)
        header = _header(path, by, given=given is not None)
    return _File(path, by, header, plain and len(header) > 1)


def _blocks(path: DataFile) -> Iterator[bytes]:
    """The file's bytes, unpacked. A few KB can unpack to many GB; that is an attack or an accident,
    not a table."""
    size, done = path.size, 0
    most = max(UNPACKED_ALWAYS, UNPACKED_TIMES * size)
    with opened(path) as stream:
        while block := stream.read(_BLOCK):
            yield block
            done += len(block)
            if path.packed != "none" and done > most:
                raise DataError(
                    f"{path}: unpacks to more than {most:,} bytes, {most // max(size, 1)} times "
                    "its size; unpack it yourself if it is as it should be"
                )


def _scanned(path: DataFile) -> bool:
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


def _refuse_no_text(path: DataFile, decoder: Any, block: bytes, done: int) -> None:
    """Decode a block that begins at byte `done`, or the end of the file where it is empty."""
    waiting = decoder.getstate()[0]
    try:
        decoder.decode(block, final=not block)
    except UnicodeDecodeError as error:
        wrong = (waiting + block)[error.start]
        # Spreadsheets write UTF-16 with a mark, or the encoding of Western Europe.
        likely = "utf-16" if not done and block[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
        place = "FILE" if path.kept else f"'{path}'"
        raise DataError(
            f"{path}: not UTF-8 (byte {done - len(waiting) + error.start} is 0x{wrong:02x}); "
            f"convert it, for example: iconv -f {likely} -t utf-8 {place}"
        ) from None
    if b"\0" in block:
        raise DataError(f"{path}: holds NUL bytes, so it is no CSV text in UTF-8")


def _header(path: DataFile, separator: str, *, given: bool) -> list[str]:
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


def _parts(
    connection: Any, name: str, group: Sequence[_File], wanted: Sequence[str]
) -> Iterator[str]:
    """Views of the columns `wanted` of files that are alike, all text; of a file that DuckDB does
    not take as we do, a table."""
    if group[0].plain:
        _view(connection, name, group, wanted)
        if _few_bytes(group, wanted):
            # Each question reads all columns of the files anew, and there are several.
            if succeeds(connection, f"CREATE TABLE {name}_kept AS SELECT * FROM {name}", []):
                yield f"{name}_kept"
                return
        elif succeeds(connection, _probe(name, len(wanted)), []):
            yield name
            return
    if len(group) > 1:
        for number, each in enumerate(group):
            yield from _parts(connection, f"{name}_{number}", [each], wanted)
        return
    with readable(group[0].file):
        _fill_slowly(connection, f"{name}_read", group[0], wanted)
    yield f"{name}_read"


def _few_bytes(group: Sequence[_File], wanted: Sequence[str]) -> bool:
    """Whether the columns `wanted` are a small part of the files, and may be held in memory."""
    size = sum(each.file.size for each in group)
    packed = any(each.file.packed != "none" for each in group)
    share = len(wanted) / len(group[0].header)
    return not packed and share <= _SMALL_SHARE and size * share <= _MOST_KEPT


def _probe(name: str, count: int) -> str:
    """Reads all that will be read, and keeps nothing."""
    return f"SELECT {', '.join(f'count(c{place})' for place in range(count))} FROM {name}"


def _view(connection: Any, name: str, group: Sequence[_File], wanted: Sequence[str]) -> None:
    first = group[0]
    every = ", ".join(f"c{place}: 'VARCHAR'" for place in range(len(first.header)))
    source = _READ.format(
        files=texts([each.file.at for each in group]),
        delim=text(first.separator),
        compression=text(first.file.packed),
        nothing=text(_NO_NULL),
        columns=f"{{{every}}}",
        filename=text(FILE),
    )
    chosen = selected(first.file, first.header, wanted)
    connection.execute(f"CREATE VIEW {name} AS SELECT {chosen} FROM {source}")


def _fill_slowly(connection: Any, table: str, file: _File, wanted: Sequence[str]) -> None:
    """The same by Python's own reader, and the line of what is wrong."""
    columns = ", ".join(f"c{index} VARCHAR" for index in range(len(wanted)))
    connection.execute(f"CREATE TABLE {table} ({columns})")
    keys = {name: file.file.key_value(depth) for depth, name in file.file.keys}
    places = [None if name in keys else file.header.index(name) for name in wanted]
    with closing(_rows(file)) as rows:
        while batch := list(islice(rows, _BATCH)):
            found = {
                f"c{index}": objects(
                    [keys[name]] * len(batch) if place is None else [row[place] for row in batch]
                )
                for index, (name, place) in enumerate(zip(wanted, places, strict=True))
            }
            connection.register("batch", found)
            connection.execute(f"INSERT INTO {table} SELECT * FROM batch")


def _rows(file: _File) -> Generator[list[str]]:
    count = len(file.header)
    with closing(_records(file.file, file.separator)) as records:
        for line, fields in islice(records, 1, None):
            if len(fields) != count:
                raise DataError(
                    f"{file.file}:{line}: cannot be read as CSV: {len(fields)} fields, and the "
                    f"header names {count}; quote a field that holds the separator"
                )
            yield fields


def _records(path: DataFile, separator: str) -> Generator[tuple[int, list[str]]]:
    """The line that each record begins at, and its fields; without blank lines."""
    limit = csv.field_size_limit(sys.maxsize)
    line = 1
    try:
        with io.TextIOWrapper(opened(path), "utf-8-sig", newline="") as stream:
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
