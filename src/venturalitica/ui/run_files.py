"""Records as a file, written a portion at a time: CSV, JSON, Parquet.

What a spreadsheet or a script reads on another machine: no cell of it is run there as a formula.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

Facts = Mapping[str, Any]
NEEDS_PYARROW = (
    'Parquet is written by pyarrow, which is not installed: pip install "pyarrow>=17". CSV and '
    "JSON need nothing more."
)


class Format(Struct, frozen=True):
    """One kind of file. `write` makes its bytes of portions of facts."""

    media_type: str
    write: Callable[[Iterable[Sequence[Facts]]], Iterator[bytes]]


def formats() -> tuple[str, ...]:
    """Those that can be written here."""
    return tuple(name for name in FORMATS if name != "parquet" or find_spec("pyarrow") is not None)


def _json(portions: Iterable[Sequence[Facts]]) -> Iterator[bytes]:
    begun = False
    for portion in portions:
        for facts in portion:
            text = json.dumps([facts], indent=2, ensure_ascii=True, allow_nan=False)
            yield ((",\n" if begun else "[\n") + text[2:-2]).encode()
            begun = True
    yield b"\n]\n" if begun else b"[]\n"


COLUMNS: Mapping[str, str] = {
    "index": "int64",
    "kind": "string",
    "run_id": "string",
    "name": "string",
    "experiment": "string",
    "source": "string",
    "started_at": "string",
    "light": "string",
    "waiting": "bool",
    "doubt": "string",
    "approval_decision": "string",
    "approval_role": "string",
    "approval_decided_at": "string",
    "notes": "int64",
    "passed": "int64",
    "failed": "int64",
    "not_evaluated": "int64",
    "errors": "int64",
    "begun": "string",
    "policy": "string",
    "policy_version": "string",
    "policy_sha256": "string",
    "model": "string",
    "evidence_sha256": "string",
    "trackers": "string",
}
"""What a table has of a record, and as what: facts within facts are taken apart."""


def _flat(facts: Facts) -> dict[str, Any]:
    approval = facts["approval"] or {}
    known = {f"approval_{name}": approval.get(name) for name in ("decision", "role", "decided_at")}
    known["trackers"] = "; ".join(map(_tracker, facts["trackers"])) or None
    return {name: _plain(known.get(name, facts.get(name))) for name in COLUMNS}


def _tracker(link: Mapping[str, Any]) -> str:
    words = (link.get(name) for name in ("tracker", "run_id", "url"))
    return " ".join(word for word in words if isinstance(word, str) and word)


def _plain(value: Any) -> Any:
    """A text that any encoding takes: a lone surrogate is spelled out."""
    return value.encode(errors="backslashreplace").decode() if isinstance(value, str) else value


_FORMULA = re.compile(r"(^|[;|\t\r\n])(?=\s*[=+\-@\t\r\n\uFF1D\uFF0B\uFF0D\uFF20])")


def inert(value: Any) -> Any:
    """A cell that a spreadsheet takes for text.

    CSV injection (OWASP): a cell that begins with `=`, `+`, `-`, `@` or a tab is run as a formula,
    and a name of a run may come from anybody. An apostrophe before it makes it text. Some places
    split at semicolons, whatever is quoted: what follows one is a cell there.
    """
    return _FORMULA.sub(r"\1'", value) if isinstance(value, str) else value


def _csv(portions: Iterable[Sequence[Facts]]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_NONNUMERIC)
    writer.writerow(COLUMNS)
    for portion in portions:
        for facts in portion:
            cells = _flat(facts) | {"waiting": "true" if facts["waiting"] else "false"}
            writer.writerow([inert("" if cell is None else cell) for cell in cells.values()])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


class _Sent(io.RawIOBase):
    """A file that is written once, from its beginning to its end: what was written is taken out."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def taken(self) -> bytes:
        """What was written since this was last asked."""
        found, self._parts = b"".join(self._parts), []
        return found


def _parquet(portions: Iterable[Sequence[Facts]]) -> Iterator[bytes]:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    schema = pyarrow.schema(
        [(name, pyarrow.type_for_alias(kind)) for name, kind in COLUMNS.items()]
    )
    sent = _Sent()
    with ParquetWriter(sent, schema) as writer:
        for portion in portions:
            if portion:
                rows = [_flat(facts) for facts in portion]
                writer.write_table(pyarrow.Table.from_pylist(rows, schema=schema))
            yield sent.taken()
    yield sent.taken()


FORMATS: Mapping[str, Format] = {
    "csv": Format("text/csv; charset=utf-8; header=present", _csv),
    "json": Format("application/json", _json),
    "parquet": Format("application/vnd.apache.parquet", _parquet),
}
