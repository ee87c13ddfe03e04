"""Which files of a folder were written between two looks at it."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from venturalitica.core.circumstances import WRITTEN
from venturalitica.errors import DataError
from venturalitica.provenance.fingerprint import data_item, digest_source

log = logging.getLogger(__name__)

LOOKED_AT = 5_000
"""Files and folders of a folder that are looked at; of a larger one nothing is said."""

RECORDED = 100
READ = 2 * 2**30
"""Files that are recorded, in the order of their paths, and the bytes that are read of them."""

_OTHERS = {"mlruns", "mlartifacts", "wandb", "catboost_info", "__pycache__", "node_modules"}
"""What trackers, libraries and tools write for themselves; hidden files and folders are left out,
too, and virtual environments."""

State = tuple[int, int, int, int]
"""Inode, size, and the times of its content and of its entry: the last nobody can set back."""


class Look(Struct, frozen=True):
    """The files below `folder`, without those below `without`; None where they are too many."""

    folder: Path
    without: tuple[Path, ...]
    files: dict[Path, State] | None

    @classmethod
    def at(cls, folder: Path, without: Collection[Path]) -> Look:
        """As they are now."""
        left_out = tuple(path.absolute() for path in without)
        found: dict[Path, State] = {}
        for count, (path, state) in enumerate(_walk(folder.absolute(), left_out)):
            if count >= LOOKED_AT:
                log.info(
                    "%s holds more than %d files: those that are written in it are not looked for; "
                    "name them, vl.monitor(outputs=[...])",
                    folder,
                    LOOKED_AT,
                )
                return cls(folder, left_out, None)
            if state is not None:
                found[path] = state
        return cls(folder, left_out, found)

    def written_since(self, named: Collection[Path]) -> list[dict[str, Any]]:
        """The data items of files that are new or others by now, but for the `named` ones."""
        if self.files is None:
            return []
        now = Look.at(self.folder, (*self.without, *named)).files or {}
        changed = sorted(path for path, state in now.items() if self.files.get(path) != state)
        if len(changed) > RECORDED:
            log.warning(
                "%d files were written in %s, and the first %d are on record; name those that "
                "matter, vl.monitor(outputs=[...])",
                *(len(changed), self.folder, RECORDED),
            )
        return list(_items(changed[:RECORDED], now, self.folder))


def _items(paths: list[Path], states: dict[Path, State], folder: Path) -> Iterator[dict[str, Any]]:
    left = READ
    for path in paths:
        size = states[path][1]
        name = path.relative_to(folder.absolute()).as_posix()
        left -= size
        if left < 0:
            yield data_item(name, WRITTEN, method="unread", size=size)
            continue
        try:
            yield digest_source(path, context=WRITTEN, name=name)
        except (DataError, OSError) as error:  # it went, or may not be read
            log.info("a file that was written could not be read: %s", error)
            yield data_item(name, WRITTEN, method="missing")


def _walk(folder: Path, without: tuple[Path, ...]) -> Iterator[tuple[Path, State | None]]:
    """Every folder, with no state, and every file; links are not followed."""
    try:
        with os.scandir(folder) as entries:
            inside = [entry for entry in entries if not _left_out(entry.name)]
    except OSError:  # it went, or may not be read: no file in it is known
        return
    for entry in inside:
        path = folder / entry.name
        if path in without:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield path, None
            if not (path / "pyvenv.cfg").exists():
                yield from _walk(path, without)
        elif entry.is_file(follow_symlinks=False):
            try:
                found = entry.stat(follow_symlinks=False)
            except OSError:
                continue
            yield path, (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _left_out(name: str) -> bool:
    return name.startswith((".", "mlflow.db")) or name in _OTHERS
