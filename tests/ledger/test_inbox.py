"""Writing without locks: what the inbox decides, what waits there, what is not obeyed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import threading
from pathlib import Path

import pytest

from venturalitica.core.encoding import MAX_LINE
from venturalitica.errors import EvidenceError, EvidenceWaiting
from venturalitica.ledger import Ledger, Outbox, load_signer, verify_ledger
from venturalitica.ledger.formats.merkle import leaf_hash
from venturalitica.ledger.log import append as log_module
from venturalitica.ledger.log import lockless
from venturalitica.ledger.log.inbox import KEPT_SECONDS, Inbox


@pytest.fixture(autouse=True)
def _no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    monkeypatch.setattr(log_module, "GRACE", 0.0)


def step(home: Path):
    return next(step for step in verify_ledger(home).steps if step.name == "inbox")


def claims(home: Path) -> list[str]:
    return sorted(path.name for path in (home / "inbox").iterdir())


def fail(monkeypatch: pytest.MonkeyPatch, module: object, name: str, code: int = errno.EIO) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(module, name, broken)


def test_entries_are_written_sealed_and_verified(ledger: Ledger, statement) -> None:
    entries = [ledger.append(statement(number)) for number in range(5)]
    assert [entry.index for entry in entries] == list(range(5))
    assert list(ledger.entries()) == [ledger.entry(number) for number in range(5)]
    found = verify_ledger(ledger.home)
    assert found.ok, found.fault
    assert step(ledger.home).ok is True
    # Byte for byte what is written under the lock: leaves and links of the same form.
    lines = (ledger.home / "log" / "entries.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert [leaf_hash(line).hex() for line in lines] == [entry.leaf_sha256 for entry in entries]


def test_where_locks_work_there_is_no_inbox(
    home: Path, signer, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    Ledger.open(home, signer=signer).append(statement())
    assert not (home / "inbox").exists()
    assert "inbox" not in [step.name for step in verify_ledger(home).steps]


def test_once_there_is_an_inbox_writers_with_locks_use_it_too(
    home: Path, signer, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(home, signer=signer).append(statement(0))
    monkeypatch.undo()
    Ledger.open(home, signer=signer).append(statement(1))
    assert claims(home) == ["000000000000.0.json", "000000000001.0.json"]
    assert verify_ledger(home).ok


@pytest.mark.parametrize("value", ["0", "off", "No"])
def test_locks_can_be_turned_off(
    home: Path, signer, statement, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.undo()
    monkeypatch.setenv("VENTURALITICA_LOCKS", value)
    Ledger.open(home, signer=signer).append(statement())
    assert claims(home) == ["000000000000.0.json"]


def test_a_log_that_was_written_under_locks_goes_on(written: Path, signer, statement) -> None:
    before = (written / "log" / "entries.jsonl").read_bytes()
    assert Ledger.open(written, signer=signer).append(statement(3)).index == 3
    assert (written / "log" / "entries.jsonl").read_bytes().startswith(before)
    assert verify_ledger(written).ok


def test_a_torn_line_from_the_time_of_locks_is_dropped(written: Path, signer, statement) -> None:
    with (written / "log" / "entries.jsonl").open("ab") as stream:
        stream.write(b'{"payload":"' + b"A" * 9000)
    assert Ledger.open(written, signer=signer).append(statement(3)).index == 3
    assert verify_ledger(written).ok


def test_an_unsealed_line_from_the_time_of_locks_is_taken_in(
    written: Path, signer, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal = (written / "log" / "checkpoint").read_bytes()
    with pytest.MonkeyPatch.context() as locks:
        locks.setattr(fcntl, "flock", lambda *_: None)
        Ledger.open(written, signer=signer).append(statement(3))
    (written / "log" / "checkpoint").write_bytes(seal)
    assert Ledger.open(written, signer=signer).size == 4
    assert verify_ledger(written).ok


def test_a_line_that_somebody_added_stops_the_next_writer(written: Path, signer) -> None:
    with (written / "log" / "entries.jsonl").open("ab") as stream:
        stream.write(b'{"payload":"e30=","payloadType":"x","signatures":[]}\n')
    with pytest.raises(EvidenceError, match="not ours"):
        Ledger.open(written, signer=signer)
    assert verify_ledger(written).fault.name == "signatures"


def test_writers_that_begin_a_log_together_begin_one(home: Path, signer, statement) -> None:
    gate = threading.Barrier(4)
    indexes: list[int] = []

    def write(number: int) -> None:
        gate.wait()
        ledger = Ledger.open(home, signer=signer)
        indexes.extend(ledger.append(statement(number)).index for _ in range(6))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(indexes) == list(range(24))
    found = verify_ledger(home)
    assert found.ok, found.fault


STEPS = ["pwrite", "write_durably", "fsync"]


@pytest.mark.parametrize("broken", STEPS)
def test_what_was_claimed_is_kept_and_taken_in_later(
    ledger: Ledger, statement, signer, broken: str
) -> None:
    ledger.append(statement(0))
    with pytest.MonkeyPatch.context() as patch:
        if broken == "write_durably":
            fail(patch, lockless, "write_durably", errno.ENOSPC)
        elif broken == "pwrite":
            fail(patch, os, "pwrite", errno.ENOSPC)
        else:
            # The claim itself is synced; the line is not.
            patch.setattr(os, "fsync", _fails_for(ledger.home / "log" / "entries.jsonl"))
        with pytest.raises(EvidenceWaiting, match="venturalitica sync"):
            ledger.append(statement(1))
    assert ledger.size == 1
    assert ledger.waiting == 1
    found = verify_ledger(ledger.home)
    assert found.ok, found.fault
    assert step(ledger.home).ok is None
    assert "1 statement waits" in step(ledger.home).detail
    assert Ledger.open(ledger.home, signer=signer).size == 2
    assert [e.statement["predicate"]["run"]["sequence"] for e in ledger.entries()] == [0, 1]
    assert step(ledger.home).ok is True


def _fails_for(path: Path):
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            raise OSError(errno.EIO, "no")
        real(descriptor)

    return fsync


def test_a_claim_that_fails_leaves_nothing(
    ledger: Ledger, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append(statement(0))
    with pytest.MonkeyPatch.context() as patch:
        fail(patch, os, "link", errno.ENOSPC)
        with pytest.raises(EvidenceError, match="could not be written") as caught:
            ledger.append(statement(1))
    assert not isinstance(caught.value, EvidenceWaiting)
    assert ledger.waiting == 0
    assert claims(ledger.home) == ["000000000000.0.json"]


def test_without_hard_links_either_it_says_so(home: Path, signer, statement) -> None:
    ledger = Ledger.open(home, signer=signer)
    with pytest.MonkeyPatch.context() as patch:
        fail(patch, os, "link", errno.EOPNOTSUPP)
        with pytest.raises(EvidenceError, match="neither locks nor hard links"):
            ledger.append(statement())


def test_the_next_writer_takes_in_what_another_left(
    ledger: Ledger, statement, signer, tmp_path: Path
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        fail(patch, os, "pwrite")
        with pytest.raises(EvidenceWaiting):
            ledger.append(statement(0))
    other = load_signer(None, tmp_path / "other")
    # Another key cannot seal it alone, for the record names the key that does; but its next can.
    opened = Ledger.open(ledger.home, signer=other)
    assert (opened.size, opened.waiting) == (0, 1)
    assert opened.append(statement(1)).index == 1
    assert verify_ledger(ledger.home).ok


def test_a_line_torn_by_a_kill_is_completed_from_the_inbox(
    ledger: Ledger, statement, signer
) -> None:
    ledger.append(statement(0))
    before = (ledger.home / "log" / "checkpoint").read_bytes()
    ledger.append(statement(1))
    entries = ledger.home / "log" / "entries.jsonl"
    whole = entries.read_bytes()
    (ledger.home / "log" / "checkpoint").write_bytes(before)
    entries.write_bytes(whole[:-500])
    assert verify_ledger(ledger.home).ok
    assert Ledger.open(ledger.home, signer=signer).size == 2
    assert entries.read_bytes() == whole


def test_what_the_inbox_has_not_decided_is_no_excuse(ledger: Ledger, statement) -> None:
    """Lines behind the checkpoint are passed over only where the inbox holds the same bytes."""
    ledger.append(statement(0))
    before = (ledger.home / "log" / "checkpoint").read_bytes()
    ledger.append(statement(1))
    (ledger.home / "log" / "checkpoint").write_bytes(before)
    assert verify_ledger(ledger.home).ok
    entries = ledger.home / "log" / "entries.jsonl"
    data = bytearray(entries.read_bytes())
    data[-100] ^= 1
    entries.write_bytes(data)
    assert not verify_ledger(ledger.home).ok


def test_an_overtaken_writer_that_puts_its_old_checkpoint_back_loses_nothing(
    ledger: Ledger, statement, signer
) -> None:
    ledger.append(statement(0))
    old = (ledger.home / "log" / "checkpoint").read_bytes()
    for number in (1, 2, 3):
        ledger.append(statement(number))
    (ledger.home / "log" / "checkpoint").write_bytes(old)
    assert verify_ledger(ledger.home).ok
    assert step(ledger.home).ok is None
    assert ledger.append(statement(4)).index == 4
    assert ledger.size == 5
    assert verify_ledger(ledger.home).ok


def test_a_writer_that_slept_past_the_tidying_does_not_spoil_its_place(
    ledger: Ledger, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.append(statement(0))
    claim = Inbox.claim
    slept: list[int] = []

    def sleepy(self: Inbox, index: int, turn: int, line: bytes) -> bool:
        if not slept:
            slept.append(index)
            Ledger.append(ledger, statement(1))
            self.path(1, 0).unlink()  # a day later
        return claim(self, index, turn, line)

    monkeypatch.setattr(Inbox, "claim", sleepy)
    assert ledger.append(statement(2)).index == 2
    assert slept == [1]
    assert verify_ledger(ledger.home).ok


def plant(path: Path, what: str, outside: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    if what == "link":
        outside.write_text("secret\n")
        path.symlink_to(outside)
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "huge":
        with path.open("wb") as stream:
            stream.truncate(MAX_LINE * 2)
    else:
        path.write_bytes({"empty": b"", "noise": b"\0\xff\n", "two": b"{}\n{}\n"}[what])


@pytest.mark.parametrize("what", ["link", "pipe", "folder", "huge", "empty", "noise", "two"])
def test_what_is_not_ours_is_said_and_stops_nobody(
    ledger: Ledger, statement, signer, tmp_path: Path, what: str
) -> None:
    ledger.append(statement(0))
    path = ledger.home / "inbox" / "000000000001.0.json"
    plant(path, what, tmp_path / "outside")
    there = path.lstat()
    assert step(ledger.home).ok is None
    assert "not ours" in step(ledger.home).detail
    assert Ledger.open(ledger.home, signer=signer).append(statement(1)).index == 1
    assert verify_ledger(ledger.home).ok
    assert path.lstat() == there
    assert claims(ledger.home)[-1] == "000000000001.1.json"


def test_a_statement_signed_by_an_unknown_key_is_not_taken_in(
    ledger: Ledger, statement, stranger, signer, tmp_path: Path
) -> None:
    ledger.append(statement(0))
    other = tmp_path / "other"
    shutil.copytree(ledger.home, other)
    Ledger.open(other, signer=stranger).append(statement(66))
    name = "000000000001.0.json"
    shutil.copy(other / "inbox" / name, ledger.home / "inbox" / name)
    assert "not among the keys" in step(ledger.home).detail
    entry = ledger.append(statement(1))
    assert (entry.index, entry.statement["predicate"]["run"]["sequence"]) == (1, 1)
    assert verify_ledger(ledger.home).ok


def test_a_statement_for_another_place_is_not_taken_in(ledger: Ledger, statement) -> None:
    ledger.append(statement(0))
    shutil.copy(
        ledger.home / "inbox" / "000000000000.0.json", ledger.home / "inbox" / "000000000001.0.json"
    )
    assert "another place" in step(ledger.home).detail
    assert ledger.append(statement(1)).statement["predicate"]["run"]["sequence"] == 1


def test_a_strange_name_is_said_and_left(ledger: Ledger, statement, signer) -> None:
    ledger.append(statement(0))
    strange = ledger.home / "inbox" / "000000000001.0 (copy).json"
    strange.write_text("x")
    assert "copy" in step(ledger.home).detail
    Ledger.open(ledger.home, signer=signer).append(statement(1))
    assert strange.read_text() == "x"


def test_an_inbox_that_is_flooded_is_an_error_not_a_loop(ledger: Ledger, statement) -> None:
    ledger.append(statement(0))
    for turn in range(64):
        (ledger.home / "inbox" / f"000000000001.{turn}.json").write_text("x")
    with pytest.raises(EvidenceError, match="somebody else writes there"):
        ledger.append(statement(1))


def test_sealed_claims_go_after_a_day(ledger: Ledger, statement, signer) -> None:
    for number in range(3):
        ledger.append(statement(number))
    inbox = ledger.home / "inbox"
    (inbox / ".0123456789abcdef").write_text("left by a kill")
    now = (inbox / "000000000002.0.json").stat().st_mtime
    for name in ("000000000000.0.json", ".0123456789abcdef"):
        os.utime(inbox / name, (now, now - KEPT_SECONDS - 60))
    Ledger.open(ledger.home, signer=signer)
    assert claims(ledger.home) == ["000000000001.0.json", "000000000002.0.json"]
    assert ledger.append(statement(3)).index == 3
    assert verify_ledger(ledger.home).ok


def test_receipts_need_no_locks(ledger: Ledger, statement) -> None:
    run = {"tracker": "memory", "uri": "memory:", "run_id": "r", "url": ""}
    ledger.append(statement(0, trackers=[run]))
    assert [item.run_id for item in Outbox(ledger).waiting()] == ["r"]
    Outbox(ledger).confirm(0, "memory", "r")
    assert Outbox(ledger).waiting() == []
    line = json.loads((ledger.home / "receipts.jsonl").read_text())
    assert line["outcome"] == "confirmed"


def test_an_append_that_is_done_does_not_fail_for_the_tidying(
    ledger: Ledger, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockless, "TIDY_EVERY", 1)
    fail(monkeypatch, Inbox, "_files")
    assert ledger.append(statement(0)).index == 0
