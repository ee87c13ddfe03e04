"""What an append says when the disk fails at the worst moments, and what the next writer finds."""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

import pytest

from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.log import append as log_module
from venturalitica.ledger.log.tail import TreeCache
from venturalitica.system import files


def broken(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def next_writer_is_well(ledger: Ledger, signer, statement, *, index: int) -> None:
    assert Ledger.open(ledger.home, signer=signer).append(statement(9)).index == index
    found = verify_ledger(ledger.home)
    assert found.ok, found.fault


def test_a_line_that_cannot_be_taken_back_is_said_to_be_doubtful(
    ledger: Ledger, signer, statement
) -> None:
    ledger.append(statement(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(log_module, "write_durably", broken)
        patch.setattr(os, "ftruncate", broken)
        with pytest.raises(EvidenceError, match="does not say how much"):
            ledger.append(statement(1))
    # It was whole: it is taken in.
    next_writer_is_well(ledger, signer, statement, index=2)


def test_a_seal_that_stands_though_its_folder_was_not_synced_is_said_to_be_doubtful(
    ledger: Ledger, signer, statement
) -> None:
    ledger.append(statement(0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "sync_folder", broken)
        with pytest.raises(EvidenceError, match="does not say how much"):
            ledger.append(statement(1))
    assert ledger.size == 2
    next_writer_is_well(ledger, signer, statement, index=2)


def test_an_error_while_the_lock_is_given_back_does_not_undo_the_append(
    ledger: Ledger, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock

    def flock(descriptor: int, kind: int) -> None:
        real(descriptor, kind)
        if kind == fcntl.LOCK_UN:
            broken()

    monkeypatch.setattr(fcntl, "flock", flock)
    assert ledger.append(statement(0)).index == 0


def test_what_a_killed_writer_left_is_synced_before_it_is_sealed(
    written: Path, signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power cut could keep the seal and lose the line."""
    ledger = Ledger.open(written, signer=signer)
    checkpoint = written / "log" / "checkpoint"
    before = checkpoint.read_bytes()
    ledger.append(dict(ledger.entry(0).statement, predicate={"format": 0}))
    checkpoint.write_bytes(before)
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    assert Ledger.open(written, signer=signer).size == 4
    assert synced[0] == "entries.jsonl"
    assert synced[1].startswith(".checkpoint.")


def test_temporary_files_of_killed_writers_are_removed(written: Path, signer) -> None:
    left = written / "log" / ".checkpoint.0123456789abcdef"
    left.write_bytes(b"half")
    Ledger.open(written, signer=signer)
    assert not left.exists()


def test_a_cache_that_cannot_be_read_is_made_again(
    written: Path, signer, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pread", _failing_for(written / "cache"))
    assert Ledger.open(written, signer=signer).append(statement(3)).index == 3


def _failing_for(folder: Path):
    real = os.pread

    def pread(descriptor: int, size: int, start: int) -> bytes:
        if Path(f"/proc/self/fd/{descriptor}").readlink().parent == folder:
            broken()
        return real(descriptor, size, start)

    return pread


def test_a_cache_that_another_process_replaces_by_an_older_one_disturbs_no_append(
    written: Path, signer, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader whose checkpoint is older may rebuild the cache without the lock."""
    rebuild = TreeCache.rebuild

    def and_then_shorter(self: TreeCache, *arguments) -> None:
        rebuild(self, *arguments)
        for name in ("hashes.bin", "offsets.bin"):
            (written / "cache" / name).write_bytes(b"")

    (written / "cache" / "hashes.bin").unlink()
    monkeypatch.setattr(TreeCache, "rebuild", and_then_shorter)
    assert Ledger.open(written, signer=signer).append(statement(3)).index == 3
    monkeypatch.undo()
    assert verify_ledger(written).ok


def test_an_error_while_the_cache_is_closed_does_not_undo_the_append(
    ledger: Ledger, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append(statement(0))
    real = os.close

    def close(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        real(descriptor)
        if name in ("hashes.bin", "offsets.bin"):
            broken()

    monkeypatch.setattr(os, "close", close)
    assert ledger.append(statement(1)).index == 1
