"""Inputs and outputs of a run as digests: files, folders and data frames."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.redact import redact_name
from venturalitica.errors import DataError
from venturalitica.system.settings import working_folder


def digest_source(source: Any, *, context: str, name: str | None = None) -> dict[str, Any]:
    """The data item of a statement for a path or a frame.

    A file is its SHA-256; a folder the SHA-256 over the canonical JSON of its files' relative
    paths and digests (links are not followed); a frame the column fingerprint over all columns.

    Raises:
        DataError: nothing is there, or the value is neither a path nor a table.
    """
    if isinstance(source, str | os.PathLike):
        return _path_item(Path(source), context, name)
    return frame_item(source, context=context, name=name or type(source).__name__)


def missing_source(source: Any, *, context: str) -> dict[str, Any]:
    """The item of something that was named and is not there."""
    name = Path(source).name if isinstance(source, str | os.PathLike) else type(source).__name__
    return data_item(name, context, method="missing")


def frame_item(
    frame: Any,
    *,
    context: str,
    name: str,
    columns: tuple[str, ...] | None = None,
    arrays: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The item of a data frame; `columns` limits it to these, `arrays` adds some beside it."""
    from venturalitica.provenance.fingerprint import fingerprint

    found = fingerprint(frame, columns, arrays=arrays)
    return data_item(
        name,
        context,
        sha256=found.sha256,
        rows=found.rows,
        columns=[
            {"name": c.name, "type": c.type, "nulls": c.nulls, "sha256": c.sha256}
            for c in found.columns
        ],
        method=found.method,
        engine=found.engine,
    )


def _path_item(path: Path, context: str, name: str | None) -> dict[str, Any]:
    from venturalitica.provenance.fingerprint import file_digest

    if path.is_file():
        sha256, size = file_digest(path)
        return data_item(name or path.name, context, sha256=sha256, method="file", size=size)
    if path.is_dir():
        sha256, size = _folder_digest(path)
        return data_item(name or path.name, context, sha256=sha256, method="folder", size=size)
    named = redact_name(str(path))
    raise DataError(
        f"{context} {named!r}: there is no such file or folder (looked in {working_folder()})"
    )


def _folder_digest(folder: Path) -> tuple[str, int]:
    from venturalitica.provenance.fingerprint import file_digest

    listing: dict[str, str] = {}
    total = 0
    for base, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(base) / file
            if path.is_symlink() or not path.is_file():
                continue
            sha256, size = file_digest(path)
            listing[path.relative_to(folder).as_posix()] = sha256
            total += size
    return sha256_hex(canonical_json(listing)), total


def data_item(name: str, context: str, **facts: Any) -> dict[str, Any]:
    """The `data` item of a statement: what is not given is null."""
    return {
        "name": redact_name(name),
        "context": context,
        "sha256": None,
        "rows": None,
        "columns": [],
        "method": "",
        "engine": None,
        "size": None,
        "training_rows": None,
    } | facts
