"""Parquet and Arrow files (IPC file and stream form; Feather)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from venturalitica.cli import libraries
from venturalitica.errors import DataError


def read_binary(files: Sequence[Path], kind: str) -> Any:
    engine = libraries.engine(libraries.BINARY_ENGINES)
    read = {"polars": _polars_binary, "pyarrow": _arrow_binary}[engine]
    frames: list[Any] = []
    for path in files:
        try:
            frames.append(read(path, kind))
        except DataError:
            raise
        except Exception as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DataError(f"{path}: cannot be read as {kind.capitalize()}: {first}") from error
        libraries.refuse_other_columns(
            path, libraries.names_of(frames[-1]), files[0], libraries.names_of(frames[0])
        )
    return libraries.joined(engine, frames)


def _polars_binary(path: Path, kind: str) -> Any:
    import polars

    if kind == "parquet":
        return polars.read_parquet(path, glob=False)
    if _is_arrow_file(path):
        return polars.read_ipc(path)
    return polars.read_ipc_stream(path)


def _arrow_binary(path: Path, kind: str) -> Any:
    if kind == "parquet":
        from pyarrow import parquet

        return parquet.read_table(path, partitioning=None)
    from pyarrow import ipc

    with path.open("rb") as file:
        if _is_arrow_file(path):
            return ipc.open_file(file).read_all()
        return ipc.open_stream(file).read_all()


def _is_arrow_file(path: Path) -> bool:
    """Whether it is the Arrow file form (Feather 2), not the stream form."""
    with path.open("rb") as file:
        return file.read(6) == b"ARROW1"
