"""One change at a time, over all workers of a server: what is checked is what is then set.

Without it a file could be swapped between the check of a version and the setting of its alias. An
upload takes long, and must not keep everybody waiting: it says at its beginning where it writes,
and a check refuses what is being written to just then.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from venturalitica.errors import EvidenceError
from venturalitica.server.places import overlap
from venturalitica.system.files import locked, reading


class Turns:
    """The turns of one server, kept in a folder that its workers share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writes = folder / "writes"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else checks, sets or begins to write.

        Raises:
            EvidenceError: somebody else has the turn for a minute, or there are no locks.
            OSError: the folder cannot be written.
        """
        self._writes.mkdir(parents=True, exist_ok=True)
        with locked(self._folder / "turn", create=True):
            yield

    def writing(self, place: str, allowed: Callable[[], None], *, seconds: float = 0) -> ExitStack:
        """Announce a write; it lasts until the stack is closed, or its process ends.

        Args:
            allowed: asked in a turn of its own; raises where the place must not be written to.
            seconds: it lasts so long, whatever becomes of the stack and the process.
        """
        stack = ExitStack()
        with self.turn():
            allowed()
            until = int(time.time() + seconds) + 1 if seconds else 0
            file = self._writes / f"{until}-{secrets.token_hex(8)}"
            file.write_bytes(place.encode("utf-8", "surrogateescape"))
            if until:
                return stack
            stack.callback(file.unlink, missing_ok=True)
            stack.enter_context(locked(file, create=False, patience=0))
        return stack

    def generation(self) -> bytes:
        """What is another whenever an alias, a stage or a name may have changed."""
        with contextlib.suppress(FileNotFoundError):
            return (self._folder / "generation").read_bytes()
        return b""

    def next_generation(self) -> None:
        """Say that the registry changes. In a turn only."""
        # In place: a file that is cut to nothing first is flushed to the disk when it is closed
        # (ext4(5): auto_da_alloc), for milliseconds and to no use.
        file = os.open(self._folder / "generation", os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(file, secrets.token_bytes(16), 0)
        finally:
            os.close(file)

    def written_to(self, places: tuple[str, ...]) -> bool:
        """Whether anybody writes to one of the places now. Ask it in a turn."""
        return any(overlap(place, one) for one in self._running() for place in places)

    def _running(self) -> Iterator[str]:
        for file in self._writes.iterdir():
            with contextlib.suppress(FileNotFoundError):
                if _alive(file):
                    with reading(file) as said:
                        yield said.read().decode("utf-8", "surrogateescape")
                else:
                    file.unlink()


def _alive(file: Path) -> bool:
    """Whether the writer still holds its file (the system lets go of it with the process), or the
    time has not come that its name tells."""
    until = file.name.partition("-")[0]
    if until != "0":
        return time.time() < int(until)
    try:
        with locked(file, create=False, patience=0):
            return False
    except EvidenceError:
        return True
