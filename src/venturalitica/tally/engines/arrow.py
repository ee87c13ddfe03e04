"""Arrow datasets, scanners and readers of record batches, which DuckDB scans out of core.

A dataset is read as often as a question is asked, and only the columns that it is about. A scanner
or a reader may give its rows once, and half floats are none of DuckDB's: such rows are kept in a
table of DuckDB's, which goes to its temporary folder where memory ends. A Delta or Iceberg table,
opened by its own library, is such a stream of one version's rows. None of these libraries is
imported: they are what the data came from.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from venturalitica.errors import DataError, MissingExtra, listed
from venturalitica.tally.engines.queries import stopped

_STREAMS = ("Dataset", "Scanner", "RecordBatchReader")
_LAKES = {
    ("deltalake", "DeltaTable"): "Delta",
    ("pyiceberg", "Table"): "Iceberg",
    ("pyiceberg", "DataScan"): "Iceberg",
}


def kind_of_stream(data: Any) -> str:
    """Which of pyarrow's streams of rows this is, by name; nothing where it is none."""
    kinds = [kind.__name__ for kind in type(data).__mro__ if kind.__module__.startswith("pyarrow")]
    return next((kind for kind in kinds if kind in _STREAMS), "")


def kind_of_lake(data: Any) -> str:
    """Whose table or scan this is, "Delta" or "Iceberg"; nothing where it is none."""
    homes = ((kind.__module__.partition(".")[0], kind.__name__) for kind in type(data).__mro__)
    return next((_LAKES[home] for home in homes if home in _LAKES), "")


def stream_of(data: Any) -> Any:
    """A table or a scan as a dataset or a reader of Arrow's.

    A table is read at the version that its object holds: what is written meanwhile is not in it.

    Raises:
        DataError: its library cannot read it, a file of it is gone, say.
        MissingExtra: pyarrow is not installed.
    """
    try:
        if kind_of_lake(data) == "Delta":
            return data.to_pyarrow_dataset()
        scan = data.scan() if hasattr(data, "scan") else data
        return scan.to_arrow_batch_reader()
    except ImportError:
        raise MissingExtra("pyarrow, by which tables of a lake are read,", "all") from None
    # Each library has errors of its own, and their words may hold an address with its credentials.
    except Exception as error:
        raise DataError(
            f"the {kind_of_lake(data)} table could not be read ({type(error).__name__}): expected "
            "one whose files are all there, and whose features its library can read. Nothing was "
            "judged: open it anew, or give the rows themselves"
        ) from error


def as_relation(data: Any) -> Any:
    """A stream of rows as a relation of DuckDB.

    Raises:
        DataError: a name occurs twice, files of a dataset have a column in types that do not fit
            together, or the rows cannot be read.
        MissingExtra: DuckDB is not installed.
    """
    try:
        import duckdb
    except ImportError:
        raise MissingExtra("DuckDB, which reads Arrow streams,", "files") from None

    kind = kind_of_stream(data)
    schema = data.projected_schema if kind == "Scanner" else data.schema
    names = list(schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"the table has several columns of one name, rename them: {listed(twice)}")
    if kind == "Dataset":
        _refuse_mixed(data)
    connection = duckdb.connect()
    wider = _without_halves(schema)
    if kind == "Dataset" and wider is None:
        return connection.from_arrow(data)
    if wider is not None:
        data = data.scanner() if kind == "Dataset" else data
        data = (data if kind == "RecordBatchReader" else data.to_reader()).cast(wider)
    try:
        connection.from_arrow(data).create("rows")
    except (duckdb.Error, OSError, ValueError) as error:
        raise DataError(stopped("pyarrow", error)) from error
    return connection.table("rows")


def _refuse_mixed(dataset: Any) -> None:
    """A dataset casts what a file holds to its schema: text and times would come as numbers."""
    first: dict[str, tuple[str, str]] = {}
    for part in dataset.get_fragments():
        path = str(getattr(part, "path", ""))
        if not path:
            continue
        try:
            found = part.physical_schema
        except (OSError, ValueError):  # the count will meet it, and its error goes on record
            return
        for field in found:
            kind = _kind(str(field.type))
            known, other = first.setdefault(field.name, (kind, path)) if kind else ("", "")
            if kind != known:
                raise DataError(
                    f"the files' columns do not fit together: {field.name!r} is {known} in "
                    f"{_base(other)} and {kind} in {_base(path)}; write it alike in all, or leave "
                    "it out (dataset.scanner(columns=[...]))"
                )


def _base(path: str) -> str:
    """The end of a path, with the folder in which it is."""
    return "/".join(path.split("/")[-2:])


_KINDS = (
    ("text", r"(large_)?string(_view)?"),
    ("numbers", r"u?int\d|float|double|halffloat|decimal"),
    ("booleans", "bool"),
    ("times", "timestamp|date"),
)


def _kind(name: str) -> str:
    """What values of a type of Arrow's are to people; "" for what may stand beside anything."""
    name = re.sub(r"^dictionary<values=", "", name)
    return next((kind for kind, form in _KINDS if re.match(form, name)), "")


def _without_halves(schema: Any) -> Any:
    """The schema with half floats as floats, which DuckDB does not have; None where it has none."""
    halves = [place for place, field in enumerate(schema) if str(field.type) == "halffloat"]
    for place in halves:
        float32 = sys.modules["pyarrow"].float32()
        schema = schema.set(place, schema.field(place).with_type(float32))
    return schema if halves else None
