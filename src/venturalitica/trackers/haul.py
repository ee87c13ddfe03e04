"""What is taken from a run is bounded, and has no name that leads elsewhere.

A listing comes from whoever may write to the run, or from a server that lies: a name such as
`venturalitica/../../.bashrc` would be written where it says, a folder that links to itself would
never end.
"""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from venturalitica.errors import TrackerError

MAX_FILE = 256 * 1024 * 1024
"""Bytes of one artifact."""

MAX_BYTES = 1024 * 1024 * 1024
MAX_FILES = 20_000
MAX_DEPTH = 8
"""Folders inside each other; ours are three deep."""


def below(folder: Path, name: str) -> Path:
    """Where a file that a model lists by this name lies in `folder`.

    Raises:
        TrackerError: the name leads elsewhere.
    """
    if not {"", ".", ".."}.isdisjoint(name.split("/")):
        raise TrackerError(f"the model lists {name[:120]!r}: no name of a file below it")
    return folder / name


class Haul(Struct, dict=True):
    """Counts what was taken from one run."""

    files: int = 0
    bytes: int = 0

    def admit(self, path: str, size: int | None, *, folder: str) -> None:
        """Refuse a path that a listing of `folder` gave; `size` is None for a folder.

        Raises:
            TrackerError: the name leads out of `folder`, or there is more than any evidence needs.
        """
        parts = path.split("/")
        below = path.startswith(f"{folder}/") and len(parts) <= MAX_DEPTH
        if not below or {"", ".", ".."} & set(parts) or "\\" in path or not path.isprintable():
            raise TrackerError(f"the run lists {path[:120]!r} in {folder!r}: not a name of ours")
        self.files += 1
        self.bytes += size or 0
        if (size or 0) > MAX_FILE:
            raise TrackerError(f"{path} of the run is {size} bytes: no evidence of ours")
        if self.files > MAX_FILES or self.bytes > MAX_BYTES:
            raise TrackerError(f"the run holds more below {folder!r} than evidence of ours does")
