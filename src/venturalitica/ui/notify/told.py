"""What a destination was told, in `cache/told/`: a file for each, which holds no address.

Its name is made of the address by scrypt (RFC 7914), since an address may hold a short password
that could be found by trying. Who deletes the file makes the destination a new one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import msgspec

from venturalitica.errors import EvidenceError
from venturalitica.system.files import locked, write_durably
from venturalitica.ui.notify.changes import Told

FOLDER = Path("cache", "told")
_SALT = b"venturalitica: what was told"


class BusyError(EvidenceError):
    """Another watcher tells this destination now."""


class Memory:
    """The file of one destination; one process at a time has it `open`."""

    def __init__(self, home: Path, address: str) -> None:
        # 16 MB and some 50 ms for each guess.
        name = hashlib.scrypt(address.encode(), salt=_SALT, n=1 << 14, r=8, p=1, dklen=16)
        self._path = home / FOLDER / f"{name.hex()}.json"

    @property
    def exists(self) -> bool:
        """Whether it was told anything."""
        return self._path.exists()

    @contextmanager
    def open(self, patience: float) -> Iterator[None]:
        """Keep other watchers of this destination out.

        Raises:
            BusyError: another has kept it for `patience` seconds.
            EvidenceError: nothing can be written there.
        """
        lock = self._path.with_suffix(".lock")
        with ExitStack() as stack:
            self._enter(stack, locked(lock, create=True, patience=patience, required=False))
            yield

    def _enter(self, stack: ExitStack, alone: AbstractContextManager[int]) -> None:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            stack.enter_context(alone)
        except EvidenceError as error:
            raise BusyError(str(error)) from error
        except OSError as error:
            raise EvidenceError(
                f"{self._path.parent}: what was told is kept there, so that nothing is told twice, "
                f"and it cannot be written ({error.strerror or error})"
            ) from error

    def read(self) -> Told | None:
        """What was told; None where nothing was, or nobody can read it."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Told)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write(self, told: Told) -> None:
        """Keep it, also over a power cut."""
        write_durably(self._path, msgspec.json.encode(told), mode=0o600)
