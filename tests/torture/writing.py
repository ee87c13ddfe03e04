"""What the parts about writing share: a key, small statements, and writers that can be killed.

Writers are forked from this warm process, so that a kill costs no imports. A writer notes each
acknowledged entry in a file of its own: what is in there was promised.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venturalitica.ledger import Ledger, load_signer, verify_ledger
from venturalitica.ledger.signing.signer import FileSigner

Promise = tuple[int, str]
"""An acknowledged entry: its index and its evidence digest."""


@contextmanager
def workshop() -> Iterator[tuple[Path, FileSigner]]:
    """A folder that is removed afterwards, and a signing key."""
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    try:
        yield folder, load_signer(None, folder / "config")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def statement(note: str, size: int = 0) -> dict[str, Any]:
    """A small statement that says who wrote it."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": note, "digest": {"sha256": "0" * 64}}],
        "predicateType": "urn:example:torture",
        "predicate": {"note": note, "padding": "x" * size},
    }


@dataclass
class Writer:
    """A forked child, and the file in which it notes its promises."""

    pid: int
    notes: Path
    status: int | None = None

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        """Its exit code, negative for a signal."""
        if self.status is None:
            self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.status

    def promises(self) -> list[Promise]:
        """What it was told is written; a line that the kill tore is no promise that anybody saw."""
        found = []
        for line in self.notes.read_text().splitlines(keepends=True):
            if line.endswith("\n"):
                index, digest = line.split()
                found.append((int(index), digest))
        return found

    def error(self) -> str:
        """What it ended with, if not well."""
        path = self.notes.with_suffix(".error")
        return path.read_text() if path.exists() else ""


def fork(notes: Path, work: Callable[[Callable[[Any], None]], None]) -> Writer:
    """Run `work(promise)` in a child; `promise(entry)` notes an acknowledged entry."""
    notes.touch()
    pid = os.fork()
    if pid:
        return Writer(pid, notes)
    status = 1
    try:
        descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND)
        work(lambda entry: _note(descriptor, f"{entry.index} {entry.evidence_sha256}\n"))
        status = 0
    except BaseException:  # noqa: BLE001 - the parent reads what it was
        notes.with_suffix(".error").write_text(traceback.format_exc())
    finally:
        os._exit(status)


def all_well(writers: list[Writer]) -> None:
    """Wait for writers that nobody killed."""
    ends = [writer.wait() for writer in writers]
    assert not any(ends), [writer.error() for writer in writers]


def _note(descriptor: int, text: str) -> None:
    os.write(descriptor, text.encode())


def append_for_ever(
    home: Path, signer: FileSigner, name: str, *, count: int = 10**9, size: int = 0
) -> Callable[[Callable[[Any], None]], None]:
    """A writer's work: open the ledger and append until it is killed, or `count` times."""

    def work(promise: Callable[[Any], None]) -> None:
        ledger = Ledger.open(home, signer=signer)
        for number in range(count):
            promise(ledger.append(statement(f"{name}-{number}", size)))

    return work


def hold(home: Path, signer: FileSigner, promised: list[Promise], *, whole: bool) -> int:
    """Open as the next writer does, and find every promise kept; gives the log's size.

    `whole`: verify the log from end to end, and look at every entry; else only at those promised.
    """
    ledger = Ledger.open(home, signer=signer)
    if not whole:
        for index, digest in promised:
            assert ledger.entry(index).evidence_sha256 == digest, f"entry {index} was changed"
        return ledger.size
    found = {entry.index: entry for entry in ledger.entries()}
    assert sorted(found) == list(range(ledger.size))
    for index, digest in promised:
        assert found[index].evidence_sha256 == digest, f"entry {index} was lost or changed"
    notes = [entry.statement["predicate"]["note"] for entry in found.values()]
    assert len(set(notes)) == len(notes), "a statement stands twice in the log"
    if ledger.size:
        verification = verify_ledger(home)
        assert verification.ok, verification.fault
        waits = [step for step in verification.steps if step.name == "inbox"]
        assert all(step.ok for step in waits), waits
    return ledger.size


def no_flock(*_: object) -> None:
    """What `fcntl.flock` does on a file system without locks."""
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@contextmanager
def without_flock() -> Iterator[None]:
    """This process, and what it forks, finds no locks."""
    real = fcntl.flock
    fcntl.flock = no_flock  # type: ignore[assignment]
    try:
        yield
    finally:
        fcntl.flock = real
