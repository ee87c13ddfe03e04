"""Append, read back, survive what a killed writer or a full disk leaves."""

from __future__ import annotations

import errno
import itertools
import json
import logging
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.formats.dsse import Envelope
from venturalitica.ledger.formats.merkle import leaf_hash


def lines(home: Path) -> list[bytes]:
    return (home / "log" / "entries.jsonl").read_bytes().split(b"\n")[:-1]


def test_what_is_appended_comes_back(ledger: Ledger, statement) -> None:
    entry = ledger.append(statement(0, note="é ☃ 𝄞"))
    assert entry == ledger.entry(0)
    assert list(ledger.entries()) == [entry]
    (line,) = lines(ledger.home)
    assert entry.envelope == line
    assert entry.evidence_sha256 == sha256_hex(line)
    assert entry.leaf_sha256 == leaf_hash(line).hex()
    assert entry.checkpoint == ledger.checkpoint
    payload = Envelope.parse(line).payload
    assert payload == canonical_json(entry.statement)
    link = entry.statement["predicate"].pop("log")
    assert entry.statement == statement(0, note="é ☃ 𝄞")
    assert (link["index"], link["previous"]) == (0, None)


def test_each_entry_names_the_one_before(ledger: Ledger, statement) -> None:
    entries = [ledger.append(statement(number)) for number in range(5)]
    assert [entry.index for entry in entries] == list(range(5))
    for before, after in itertools.pairwise(entries):
        link = after.statement["predicate"]["log"]
        assert link["previous"] == before.leaf_sha256
    assert [entry.index for entry in ledger.entries(3)] == [3, 4]
    assert list(ledger.entries(9)) == []


def test_the_argument_is_not_changed(ledger: Ledger, statement) -> None:
    given = statement(0)
    ledger.append(given)
    assert given == statement(0)


def test_a_ledger_of_nothing_is_there_and_empty(ledger: Ledger) -> None:
    assert ledger.size == 0
    assert list(ledger.entries()) == []
    with pytest.raises(EvidenceError, match="no entry 0"):
        ledger.entry(0)
    assert not verify_ledger(ledger.home).ok


def test_reading_needs_no_key_and_makes_nothing(home: Path, written: Path) -> None:
    ledger = Ledger.open(written)
    assert ledger.size == 3
    with pytest.raises(SigningKeyError, match="without a signing key"):
        ledger.append({})
    absent = home.parent / "absent"
    with pytest.raises(EvidenceError, match="no evidence log here"):
        Ledger.open(absent)
    assert not absent.exists()


def test_not_to_be_made(home: Path, signer) -> None:
    with pytest.raises(EvidenceError, match="no evidence log here"):
        Ledger.open(home, signer=signer, create=False)
    assert not home.exists()


def test_a_signer_that_cannot_seal_needs_another(home: Path, signer) -> None:
    class Remote:
        public = signer.public
        keyid = signer.keyid

        def sign(self, data: bytes) -> bytes:
            return bytes(signer.sign(data))

    with pytest.raises(SigningKeyError, match="checkpoint_signer"):
        Ledger.open(home, signer=Remote())
    ledger = Ledger.open(home, signer=Remote(), checkpoint_signer=signer.checkpoint_signer())
    assert ledger.size == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"predicate": []},
        {"predicateType": None},
        {"subject": []},
        {"subject": [{"name": "x"}]},
        {"predicate": {"log": {}}},
        {"predicate": {"value": float("nan")}},
        {"predicate": {"value": float("inf")}},
        {"predicate": {"value": 2**60}},
        {"predicate": {"value": object()}},
        {"predicate": {"value": "\ud800"}},
        {"predicate": {1: 2}},
    ],
)
def test_what_is_not_a_statement_is_refused(ledger: Ledger, statement, wrong: Any) -> None:
    bad = statement(0) | wrong if wrong else {}
    with pytest.raises(EvidenceError):
        ledger.append(bad)
    assert (ledger.size, lines(ledger.home)) == (0, [])


def test_a_statement_too_deep_to_be_read_is_not_written(ledger: Ledger, statement) -> None:
    deep: Any = 0
    for _ in range(70):
        deep = [deep]
    with pytest.raises(EvidenceError, match="nested deeper"):
        ledger.append(statement(0, deep=deep))


def test_time_is_the_clocks_in_utc(home: Path, signer, statement) -> None:
    at = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
    entry = Ledger.open(home, signer=signer, clock=lambda: at).append(statement())
    assert entry.statement["predicate"]["log"]["appended_at"] == "2026-03-04T05:06:07.000000Z"


# --- What a killed writer leaves ---------------------------------------------------------------


def test_a_torn_line_is_dropped_by_the_next_writer(
    written: Path, signer, statement, caplog: pytest.LogCaptureFixture
) -> None:
    log = written / "log" / "entries.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + whole[:57])
    assert not verify_ledger(written).ok
    with caplog.at_level(logging.WARNING):
        ledger = Ledger.open(written, signer=signer)
    assert "torn line of 57 bytes" in caplog.text
    assert log.read_bytes() == whole
    assert ledger.append(statement(3)).index == 3
    assert verify_ledger(written).ok


def test_readers_pass_over_what_is_not_sealed(written: Path) -> None:
    log = written / "log" / "entries.jsonl"
    log.write_bytes(log.read_bytes() + b"torn")
    assert len(list(Ledger.open(written).entries())) == 3
    assert log.read_bytes().endswith(b"torn")


def unsealed(home: Path, signer, statement, count: int = 1) -> bytes:
    """Append and put the older checkpoint back, as a kill between line and checkpoint leaves it."""
    ledger = Ledger.open(home, signer=signer)
    checkpoint = (home / "log" / "checkpoint").read_bytes()
    for number in range(count):
        ledger.append(statement(100 + number))
    (home / "log" / "checkpoint").write_bytes(checkpoint)
    return (home / "log" / "entries.jsonl").read_bytes()


@pytest.mark.parametrize("cache", [True, False])
def test_whole_lines_that_were_not_sealed_are_taken_in(
    written: Path, signer, statement, cache: bool
) -> None:
    bytes_left = unsealed(written, signer, statement, count=2)
    if not cache:
        shutil.rmtree(written / "cache")
    found = verify_ledger(written)
    assert found.fault is not None
    assert found.fault.name == "tree"
    assert "killed before" in found.fault.detail
    ledger = Ledger.open(written, signer=signer)
    assert ledger.size == 5
    assert (written / "log" / "entries.jsonl").read_bytes() == bytes_left
    assert ledger.append(statement(5)).index == 5
    assert verify_ledger(written).ok


def test_a_line_that_another_writer_left_is_sealed_with_the_next(
    written: Path, signer, stranger, statement
) -> None:
    unsealed(written, stranger, statement)
    ledger = Ledger.open(written, signer=signer)
    assert ledger.size == 3, "its own writer's key has to seal it, or a record after it"
    assert ledger.append(statement(4)).index == 4
    assert verify_ledger(written).ok


def test_a_line_that_somebody_added_stops_the_next_writer(written: Path, signer, statement) -> None:
    log = written / "log" / "entries.jsonl"
    whole = log.read_bytes()
    first = whole.split(b"\n")[0]
    for added in (first + b"\n", b"{}\n", b"\n", b"garbage\n"):
        log.write_bytes(whole + added)
        with pytest.raises(EvidenceError, match="line 4 was added after the last checkpoint"):
            Ledger.open(written, signer=signer)
        assert log.read_bytes() == whole + added, "nothing is tidied away"
        assert not verify_ledger(written).ok


# --- Damage stops writers ------------------------------------------------------------------------


def damage_cut(home: Path) -> None:
    log = home / "log" / "entries.jsonl"
    log.write_bytes(b"".join(line + b"\n" for line in lines(home)[:-1]))


def damage_last_line(home: Path) -> None:
    log = home / "log" / "entries.jsonl"
    data = bytearray(log.read_bytes())
    data[-40] ^= 1
    log.write_bytes(data)


def damage_no_checkpoint(home: Path) -> None:
    (home / "log" / "checkpoint").unlink()


def damage_no_log(home: Path) -> None:
    (home / "log" / "entries.jsonl").unlink()


def damage_checkpoint(home: Path) -> None:
    path = home / "log" / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n3\n", b"\n2\n"))


@pytest.mark.parametrize(
    "damage",
    [damage_cut, damage_last_line, damage_no_checkpoint, damage_no_log, damage_checkpoint],
)
@pytest.mark.parametrize("cache", [True, False])
def test_nothing_is_appended_to_a_damaged_log(
    written: Path, signer, statement, damage, cache: bool
) -> None:
    ledger = Ledger.open(written, signer=signer)
    damage(written)
    if not cache:
        shutil.rmtree(written / "cache")
    before = {p: p.read_bytes() for p in (written / "log").iterdir()}
    with pytest.raises(EvidenceError):
        ledger.append(statement(3))
    with pytest.raises(EvidenceError):
        Ledger.open(written, signer=signer)
    assert {p: p.read_bytes() for p in (written / "log").iterdir()} == before
    assert not verify_ledger(written).ok


def test_removing_the_folder_while_open_begins_a_new_log(written: Path, signer, statement) -> None:
    ledger = Ledger.open(written, signer=signer)
    origin = ledger.head().origin
    shutil.rmtree(written)
    assert ledger.append(statement(0)).index == 0
    assert ledger.head().origin != origin
    assert verify_ledger(written).ok


# --- The cache is never believed -----------------------------------------------------------------


def test_a_missing_cache_is_rebuilt(written: Path, signer, statement) -> None:
    before = [entry.evidence_sha256 for entry in Ledger.open(written).entries()]
    shutil.rmtree(written / "cache")
    ledger = Ledger.open(written, signer=signer)
    assert [entry.evidence_sha256 for entry in ledger.entries()] == before
    assert ledger.append(statement(3)).index == 3
    assert verify_ledger(written).ok


@pytest.mark.parametrize("name", ["hashes.bin", "offsets.bin"])
def test_no_byte_of_the_cache_can_spoil_the_log(written: Path, signer, statement, name) -> None:
    path = written / "cache" / name
    whole, log = path.read_bytes(), (written / "log" / "entries.jsonl").read_bytes()
    for place in range(0, len(whole), 8):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        ledger = Ledger.open(written, signer=signer)
        assert [entry.index for entry in ledger.entries()] == [0, 1, 2], place
        assert [ledger.entry(index).index for index in range(3)] == [0, 1, 2], place
        assert len(list(ledger.entries(1))) == 2
    path.write_bytes(whole[: len(whole) // 2])
    assert Ledger.open(written, signer=signer).append(statement(3)).index == 3
    assert (written / "log" / "entries.jsonl").read_bytes().startswith(log)
    assert verify_ledger(written).ok


def test_an_altered_line_is_never_read_as_evidence(written: Path) -> None:
    ledger = Ledger.open(written)
    log = written / "log" / "entries.jsonl"
    whole = log.read_bytes()
    second = whole.index(b"\n") + 60
    log.write_bytes(whole[:second] + bytes([whole[second] ^ 1]) + whole[second + 1 :])
    for read in (
        lambda: ledger.entry(1),
        lambda: list(ledger.entries()),
        lambda: ledger.bundle(1),
    ):
        with pytest.raises(EvidenceError, match="verify"):
            read()


def test_a_read_only_copy_can_be_read(written: Path) -> None:
    shutil.rmtree(written / "cache")
    (written / "cache").write_text("in the way: the cache cannot be written")
    ledger = Ledger.open(written)
    assert len(list(ledger.entries())) == 3
    assert ledger.entry(2).index == 2
    assert verify_ledger(written).ok


# --- Errors of the disk --------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["write", "fsync", "rename", "open"])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_an_error_of_the_disk_leaves_the_log_as_it_was(
    written: Path, signer, statement, monkeypatch: pytest.MonkeyPatch, call, nth, code
) -> None:
    ledger = Ledger.open(written, signer=signer)
    real = Path.rename if call == "rename" else getattr(os, call)
    seen = 0

    def failing(*arguments: Any, **more: Any) -> Any:
        nonlocal seen
        # The cache is made again where it could not be written: that is no error of an append.
        cached = call == "open" and Path(arguments[0]).parent.name == "cache"
        writes = not cached and (call != "open" or arguments[1] & os.O_CREAT)
        seen += bool(writes)
        if writes and seen == nth:
            raise OSError(code, os.strerror(code))
        return real(*arguments, **more)

    target = "pathlib.Path.rename" if call == "rename" else f"os.{call}"
    with monkeypatch.context() as patched:
        patched.setattr(target, failing)
        told = ""
        try:
            ledger.append(statement(3))
        except EvidenceError as error:
            told = str(error)
    assert os.strerror(code) in told or seen < nth, "the error was swallowed"
    assert verify_ledger(written).ok
    size = ledger.size
    assert ledger.append(statement(4)).index == size
    assert verify_ledger(written).ok


def test_a_short_write_is_cut_off(
    written: Path, signer, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(written, signer=signer)
    before = (written / "log" / "entries.jsonl").read_bytes()
    real = os.write
    with monkeypatch.context() as patched:
        patched.setattr("os.write", lambda descriptor, data: real(descriptor, bytes(data)[:100]))
        with pytest.raises(EvidenceError, match="No space left"):
            ledger.append(statement(3))
    assert (written / "log" / "entries.jsonl").read_bytes() == before
    assert verify_ledger(written).ok


def test_an_interrupt_leaves_the_log_as_it_was(
    written: Path, signer, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger.open(written, signer=signer)

    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    before = (written / "log" / "entries.jsonl").read_bytes()
    real = os.fsync
    calls: list[int] = []

    def once(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise KeyboardInterrupt
        real(descriptor)

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", once)
        with pytest.raises(KeyboardInterrupt):
            ledger.append(statement(3))
    assert (written / "log" / "entries.jsonl").read_bytes() == before
    assert ledger.append(statement(3)).index == 3


def test_no_secrets_and_no_private_key_in_the_folder(ledger: Ledger, statement, signer) -> None:
    ledger.append(statement(0))
    ledger.bundle(0)
    for path in ledger.home.rglob("*"):
        if path.is_file():
            assert b"PRIVATE" not in path.read_bytes(), path


def test_the_log_is_lines_of_json_that_other_tools_read(written: Path) -> None:
    for index, line in enumerate(lines(written)):
        envelope = json.loads(line)
        assert set(envelope) == {"payload", "payloadType", "signatures"}
        assert envelope["payloadType"] == "application/vnd.in-toto+json"
        assert Envelope.parse(line).payload.startswith(
            b'{"_type":"https://in-toto.io/Statement/v1"'
        )
        assert Ledger.open(written).entry(index).envelope == line
