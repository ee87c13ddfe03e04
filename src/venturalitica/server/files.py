"""The files of a version: hashed once and remembered as long as none of them changed.

On a disk of the server's own a file is the same while its device, inode, size and times in
nanoseconds are; its time of change is set by the system alone, so putting the old time back does
not hide new bytes. Storage elsewhere is fetched and hashed each time: MLflow hands out no ETag.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from venturalitica.core.manifest import Manifest
from venturalitica.errors import DataError
from venturalitica.provenance.model_files import ModelFolder, read_manifest
from venturalitica.system.files import reading
from venturalitica.trackers.haul import Haul

KEPT = 256
"""Versions remembered by a worker."""


class Files:
    """What one worker knows of the files of versions."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, ModelFolder] = OrderedDict()
        self._lock = threading.Lock()

    def manifest(self, folder: Path) -> Manifest:
        """Of a model's folder on this machine.

        Raises:
            DataError: it is no such folder, or changed while it was read.
        """
        with self._lock:
            known = self._known.get(folder)
        if known is None or not known.unchanged():
            known = ModelFolder(folder)
        with self._lock:
            self._known[folder] = known
            self._known.move_to_end(folder)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return known.manifest


def fetched_manifest(store: Any) -> Manifest:
    """Of a model in storage elsewhere, by MLflow's store of it.

    Raises:
        DataError: it holds no file.
        OSError: it cannot be fetched.
    """
    with TemporaryDirectory(prefix="venturalitica-gate-") as folder:
        return read_manifest(store.download_artifacts("", dst_path=folder))


def small_files(store: Any, folder: str, *, at: Path | None) -> dict[str, bytes]:
    """Name -> bytes of every file below a folder of a run, within the bounds of `Haul`.

    Args:
        at: where the run's artifacts lie on this machine; None: in storage elsewhere.

    Raises:
        TrackerError: there is more than any evidence needs, or a name that leads elsewhere.
        DataError: what is listed as a file is none.
        OSError: it cannot be read.
    """
    haul, waiting = Haul(), [folder]
    names: list[str] = []
    while waiting:
        here = waiting.pop()
        for item in store.list_artifacts(here):
            haul.admit(item.path, None if item.is_dir else item.file_size, folder=folder)
            (waiting if item.is_dir else names).append(item.path)
    if at is not None:
        return {name: _bytes(at / name, name) for name in names}
    with TemporaryDirectory(prefix="venturalitica-gate-") as place:
        return {
            name: _bytes(Path(store.download_artifacts(name, dst_path=place)), name)
            for name in names
        }


def _bytes(file: Path, name: str) -> bytes:
    if not file.is_file():
        raise DataError(f"{name}: no file")
    with reading(file) as opened:
        return opened.read()
