"""The manifest of a model's folder, read from the disk: every file, nothing ignored.

A link is refused, not followed and not passed over: what it leads to may lie outside the folder,
and is not what a tracker stores. Empty folders have no bytes, and no tracker stores them. Names are
taken as they are; one that is no Unicode text could not be written into a record.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from venturalitica.core.manifest import MAX_FILES, REGISTRY_META, Manifest
from venturalitica.core.redact import redact_name
from venturalitica.errors import DataError, listed
from venturalitica.provenance.fingerprint import file_digest, version_of

_WRITTEN_BY_MLFLOW = re.compile(rb"model_name: .*(\n  .*)*\nmodel_version: .*\n")
_LONGEST_META = 4096

Progress = Callable[[int, int], None]
"""Called with the bytes read so far and the bytes there are."""


def read_manifest(folder: str | os.PathLike[str], *, progress: Progress | None = None) -> Manifest:
    """Name and SHA-256 of every file in a model's folder; memory does not grow with their size.

    `registered_model_meta` in the folder itself is left out where it is as MLflow writes it: a name
    and a version, which it adds to what it fetches from its registry.

    Raises:
        DataError: no folder, no file in it, a link or device, a name that is no Unicode text, or
            files that changed while they were read.
    """
    return ModelFolder(folder, progress=progress).manifest


class ModelFolder:
    """A model's folder, read once into `manifest`; `check` says whether that still holds."""

    def __init__(self, folder: str | os.PathLike[str], *, progress: Progress | None = None) -> None:
        """As `read_manifest`."""
        self.path = Path(folder).resolve()
        with _said():
            self._before = _files_in(self.path)
            self.manifest = self._read(progress)
            _refuse_changed(self.path, self._before, _files_in(self.path))

    def check(self) -> None:
        """Hold the files against what was read of them; others may have come.

        Raises:
            DataError: one was changed or removed meanwhile.
        """
        with _said():
            after = _files_in(self.path)
        named = self.manifest.files.keys()
        before = {name: self._before[name] for name in named}
        _refuse_changed(self.path, before, {name: after[name] for name in named & after.keys()})

    def unchanged(self) -> bool:
        """Whether the folder holds the very files that were read, and no other."""
        try:
            _refuse_changed(self.path, self._before, _files_in(self.path))
        except (DataError, OSError):
            return False
        return True

    def _read(self, progress: Progress | None) -> Manifest:
        left_out = (REGISTRY_META,) if _adds_nothing(self.path, self._before) else ()
        names = [name for name in self._before if name not in left_out]
        if not names:
            raise DataError(f"{_named(self.path)}: it holds no file, so there is no model in it")
        total = sum(self._before[name].st_size for name in names)
        done = 0

        def more(size: int) -> None:
            nonlocal done
            done += size
            if progress is not None:
                progress(done, total)

        digests = {name: file_digest(self.path / name, read=more)[0] for name in names}
        return Manifest.over(digests, left_out)


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{_named(error.filename)}: there is no such file or folder") from None
    except OSError as error:
        raise DataError(f"{_named(error.filename)}: {error.strerror or error}") from error


def _files_in(root: Path) -> dict[str, os.stat_result]:
    """Relative POSIX name -> what the file is, of all that lies below a folder."""
    found: dict[str, os.stat_result] = {}
    if not stat.S_ISDIR(root.lstat().st_mode):
        raise DataError(f"{_named(root)}: a file; expected the folder that holds the model")
    for base, folders, files in os.walk(root, onerror=_raise):
        for name in (*folders, *files):
            path = Path(base, name)
            kind = path.lstat()
            if stat.S_ISREG(kind.st_mode):
                found[_relative(path, root)] = kind
            elif not stat.S_ISDIR(kind.st_mode):
                raise DataError(_no_file(path, kind))
    if len(found) > MAX_FILES:
        raise DataError(f"{_named(root)}: {len(found):,} files; a record names {MAX_FILES:,}")
    return found


def _raise(error: OSError) -> None:
    raise error


def _relative(path: Path, root: Path) -> str:
    name = path.relative_to(root).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        raise DataError(
            f"{os.fsencode(path)!r}: the name is no Unicode text and cannot be put on record; "
            "rename the file"
        ) from None
    return name


def _no_file(path: Path, kind: os.stat_result) -> str:
    if stat.S_ISLNK(kind.st_mode):
        return (
            f"{_named(path)}: a symbolic link. A model is its own files: copy what the links lead "
            "to, 'cp -rL FOLDER COPY'"
        )
    return f"{_named(path)}: neither a file nor a folder, so it has no bytes to stand for it"


def _adds_nothing(root: Path, files: dict[str, os.stat_result]) -> bool:
    """Whether MLflow's file is there and holds what MLflow writes, and so nothing of the model's.

    By its name alone it could hide anything: a loader may read any file of the folder.
    """
    found = files.get(REGISTRY_META)
    if found is None or found.st_size > _LONGEST_META:
        return False
    return _WRITTEN_BY_MLFLOW.fullmatch((root / REGISTRY_META).read_bytes()) is not None


def _refuse_changed(
    root: Path, before: dict[str, os.stat_result], after: dict[str, os.stat_result]
) -> None:
    names = before.keys() | after.keys()
    changed = sorted(
        name
        for name in names
        if name not in before
        or name not in after
        or version_of(before[name]) != version_of(after[name])
    )
    if changed:
        raise DataError(
            f"{_named(root)}: changed while it was read ({listed(changed)}); let its writer end "
            "first"
        )


def _named(path: object) -> str:
    return redact_name(os.fsdecode(str(path)))
