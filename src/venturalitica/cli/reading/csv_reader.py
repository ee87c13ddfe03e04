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
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

from msgspec import Struct
from numpy.typing import NDArray

from venturalitica.cli.reading.engine import (
    Columns,
    array,
    connected,
    location,
    objects,
    refuse_other_columns,
    stack,
    succeeds,
)
from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Policy, Role
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


class _File(Struct, frozen=True):
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


INTEGER = r"[+-]?(?:0|[1-9][0-9]{0,14})"
# What programs print has a sign in the exponent or a point before it (1e-05, 1.0E10).
NUMBER = (
    INTEGER + r"|(?:" + INTEGER + r"(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:[eE][+-][0-9]+)?"
    r"|(?:" + INTEGER + r"\.[0-9]*|[+-]?\.[0-9]+)[eE][0-9]+"
)
ANY_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
MISSING = ("NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none")
YES = ("true", "True", "TRUE")
NO = ("false", "False", "FALSE")


class Together(Struct, frozen=True):
    """Columns whose values are compared with one another, and what the policy says of these.

    `numbers` is whether it needs numbers, `text` whether it writes such a value as text.
    """

    columns: tuple[str, ...]
    numbers: bool = False
    text: bool = False


def compared(policy: Policy, bindings: Mapping[str, str]) -> tuple[Together, ...]:
    """The columns that a policy names and those bound by the caller, which rules them, as sets."""
    roles = {name: policy.role(name) for name in (*LABEL_ROLES, *policy.grouping_roles)}
    columns = {name: bindings.get(name, role.column) for name, role in roles.items()}
    sets: dict[str, list[str]] = {name: [name] for name in roles}
    prediction = roles["prediction"]
    if not prediction.reads:
        # Without a rule of its own a prediction is read as the target is.
        sets["target"] += sets.pop("prediction")
    found = (
        (roles[first], tuple(c for name in names if (c := columns[name]) is not None))
        for first, names in sets.items()
    )
    return tuple(_together(role, names) for role, names in found if names)


def _together(role: Role, columns: tuple[str, ...]) -> Together:
    written = (role.favorable,) if role.map is None else tuple(role.map)
    stated = (*written, *(role.labels or ()))
    return Together(
        columns,
        numbers=role.name in ("score", WEIGHT) or role.bins is not None,
        text=any(isinstance(value, str) for value in stated),
    )


class _Facts(Struct, frozen=True):
    """What the fields of a column are, without those that are missing."""

    stated: bool
    whole: bool
    number: bool
    any_number: bool
    boolean: bool
    complete: bool


def typed(connection: Any, columns: Sequence[str], sets: Iterable[Together]) -> list[str]:
    """The expression that gives each column of `rows` (`c0`, `c1`, …, all text) its type."""
    connection.execute(_MACROS)
    facts = [_facts(connection, f"c{index}") for index in range(len(columns))]
    place = {name: index for index, name in enumerate(columns)}
    kinds = {index: _alone(found) for index, found in enumerate(facts)}
    done: set[int] = set()
    for each in sets:
        members = [place[name] for name in dict.fromkeys(each.columns) if name in place]
        members = [index for index in members if index not in done]
        done |= set(members)
        if each.numbers:
            number = (index for index in members if facts[index].any_number)
            kinds |= dict.fromkeys(number, "number")
        elif each.text or _apart(connection, [i for i in members if facts[i].stated], kinds):
            kinds |= dict.fromkeys(members, "text")
    return [_expression(f"c{index}", kinds[index], found) for index, found in enumerate(facts)]


def _apart(connection: Any, members: Sequence[int], kinds: Mapping[int, str]) -> bool:
    """Whether columns of several types hold a value in common, so that they must be one type. If
    they have none, they keep their own: 0/1 against yes/no is then refused as never equal."""
    if len({kinds[index] for index in members}) < 2:
        return False
    values = " INTERSECT ".join(
        f"SELECT c{index} FROM rows WHERE stated(c{index}) IS NOT NULL" for index in members
    )
    return bool(connection.execute(f"SELECT count(*) FROM ({values})").fetchone()[0])


def _alone(facts: _Facts) -> str:
    if facts.number:
        return "number"
    return "boolean" if facts.boolean else "text"


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_MACROS = f"""
CREATE OR REPLACE MACRO bare(x) AS trim(x, E' \\t\\r\\n');
CREATE OR REPLACE MACRO stated(x) AS
  CASE WHEN bare(x) NOT IN ('', {_quoted(MISSING)}) THEN ltrim(bare(x), '+') END;
"""


def _facts(connection: Any, column: str) -> _Facts:
    """Each different field is looked at once."""
    tests = (
        *(f"regexp_full_match(x, '{form}')" for form in (INTEGER, NUMBER, ANY_NUMBER)),
        f"x IN ({_quoted((*YES, *NO))})",
        "isfinite(TRY_CAST(x AS DOUBLE))",
    )
    whole, number, any_number, boolean, finite = (
        f"coalesce(bool_and({test}), false)" for test in tests
    )
    different = f"SELECT stated(v) AS x FROM (SELECT DISTINCT {column} AS v FROM rows)"
    row = connection.execute(
        f"SELECT count(x) > 0, {whole}, {number} AND {finite}, {any_number} AND {finite}, "
        f"{boolean}, count(x) = count(*) FROM ({different})"
    ).fetchone()
    return _Facts(*row)


def _expression(column: str, kind: str, facts: _Facts) -> str:
    if kind == "number":
        exact = facts.whole and facts.complete
        # Blanks and signs are read too; what is missing is NULL, or NaN where it says so.
        return f"TRY_CAST({column} AS {'BIGINT' if exact else 'DOUBLE'})"
    if kind == "boolean":
        return f"stated({column}) IN ({_quoted(YES)})"
    return f"CASE WHEN bare({column}) <> '' THEN {column} END"
