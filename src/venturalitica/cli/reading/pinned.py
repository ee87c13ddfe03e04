"""Objects of a store in the ranges that are asked for, each in the one version that was found.

fsspec's own files read ahead, up to 50 MB: of a Parquet file whose columns are asked for, all. And
each opening takes the object as it is by then, so that two passes could count two versions.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from fsspec import AbstractFileSystem

from venturalitica.cli.reading.cloud import changed, refusal
from venturalitica.cli.reading.places import DataFile, version_of

_LONG_AGO = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)


class PinnedFiles(AbstractFileSystem):  # type: ignore[misc]
    """The given objects, as a file system for DuckDB.

    Args:
        files: objects of stores.
    """

    cachable = False

    def __init__(self, files: Sequence[DataFile]) -> None:
        super().__init__()
        self._known: Mapping[str, DataFile] = {file.path: file for file in files}
        self.protocol = tuple(sorted({path.partition("://")[0] for path in self._known}))

    def unstrip_protocol(self, name: str) -> str:
        """As it is: the names of this file system are whole addresses."""
        return name

    def glob(self, path: str, **_: Any) -> list[str]:
        """One object each: what a pattern names was looked for before."""
        return [path]

    def exists(self, path: str, **_: Any) -> bool:
        """Whether it is one of the objects."""
        return path in self._known

    def size(self, path: str) -> int:
        """Its bytes."""
        return self._known[path].size

    def modified(self, path: str) -> datetime.datetime:
        """Long ago: so DuckDB keeps what it read, for a version that changes is an error."""
        return _LONG_AGO

    def open(self, path: str, mode: str = "rb", **_: Any) -> PinnedFile:
        """The object, to be read."""
        return PinnedFile(self._known[path])


class PinnedFile:
    """An object that is read by ranges: each read is one request, and changed bytes are an error.

    Raises:
        DataError: it changed since it was found, or it cannot be read.
    """

    def __init__(self, file: DataFile) -> None:
        self._file = file
        try:
            self._raw = file.files.open(file.path, "rb", cache_type="none")
        except Exception as error:
            raise refusal(file.name, error) from error
        # S3 is asked for this version with every range. Others are asked behind each which it is.
        self._is_asked_for = "IfMatch" in (getattr(self._raw, "read_kw", None) or {})
        self._hold(self._raw.details if self._is_asked_for else self._facts())

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        try:
            found = self._raw.read(size)
        except Exception as error:
            raise refusal(self._file.name, error) from error
        if not self._is_asked_for:
            self._hold(self._facts())
        return bytes(found)

    def seek(self, place: int, whence: int = 0) -> int:
        """Go to a place of the object."""
        return int(self._raw.seek(place, whence))

    def tell(self) -> int:
        """Where it is read next."""
        return int(self._raw.tell())

    def close(self) -> None:
        """Let go of it."""
        self._raw.close()

    def _facts(self) -> Mapping[str, Any]:
        files, path = self._file.files, self._file.path
        try:
            files.invalidate_cache()
            return dict(files.info(path))
        except Exception as error:
            raise refusal(self._file.name, error) from error

    def _hold(self, facts: Mapping[str, Any]) -> None:
        if version_of(facts) != self._file.version:
            raise changed(self._file.name)
