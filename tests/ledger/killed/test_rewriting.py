"""The log is replaced under writers, readers and kills: the old one stands, or the new one."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from venturalitica.errors import EvidenceError
from venturalitica.ledger import Index, Ledger, verify_ledger
from venturalitica.ledger.lifecycle import rewrite as rewriting
from venturalitica.ledger.lifecycle.prune import plan, prune

old_log = sys.modules["ledger_old_log"]
clock, ledger, filled = old_log.clock, old_log.ledger, old_log.filled
LATER = old_log.LATER
pruned = old_log.pruned
lines = old_log.lines
leaves = old_log.leaves


# Others at work, and the power going out.


def test_writers_at_work_lose_nothing(filled: Ledger, statement, signer) -> None:
    written: list[str] = []
    enough, stop = threading.Event(), threading.Event()

    def write() -> None:
        own = Ledger.open(filled.home, signer=signer)
        while not stop.is_set():
            written.append(own.append(statement(len(written))).leaf_sha256)
            if len(written) >= 5:
                enough.set()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    enough.wait(30)
    pruned(filled)
    reached = len(written)
    while len(written) < reached + 5 and any(writer.is_alive() for writer in writers):
        stop.wait(0.01)
    stop.set()
    for writer in writers:
        writer.join()
    found = verify_ledger(filled.home)
    assert found.ok, found.fault
    there = {leaf.hex() for leaf in leaves(filled)}
    assert len(written) >= reached + 5
    assert there >= set(written)
    assert filled.size == 21 + len(written)


def test_a_reader_in_the_middle_goes_on(filled: Ledger) -> None:
    reader = filled.entries()
    seen = [next(reader).index for _ in range(3)]
    pruned(filled)
    seen += [entry.index for entry in reader]
    assert seen == list(range(20)), "what was opened before is read to its end"


def test_a_verification_in_the_middle_is_of_one_log(filled: Ledger) -> None:
    done: list[Any] = []

    def progress(count: int, total: int) -> None:
        if count == 3 and not done:
            done.append(pruned(filled))

    found = verify_ledger(filled.home, progress=progress)
    assert done
    assert found.ok, found.fault
    assert "of them pruned" not in found.steps[0].detail


def test_a_pruning_killed_at_any_step_leaves_the_old_log_or_the_new(
    filled: Ledger, signer, tmp_path: Path, clock, killed_at_each_step, statement
) -> None:
    before = leaves(filled)
    Index.open(filled).close()
    at = datetime(2021, 1, 2, tzinfo=UTC)

    def act(home: Path) -> None:
        ledger = Ledger.open(home, signer=signer, clock=lambda: at)
        prune(ledger, plan(ledger, LATER, segment=8))

    states = set()
    for home, ended in killed_at_each_step(filled.home, tmp_path / "killed", act):
        ledger = Ledger.open(home, signer=signer, clock=lambda: at)
        found = verify_ledger(home)
        assert found.ok, found.fault
        assert leaves(ledger)[:20] == before
        heads = sum(b'"leaves"' in line for line in lines(ledger))
        assert heads in (0, 3)
        told = next((item.detail for item in found.steps if item.name == "retention"), "")
        assert ("were pruned" in told) is (heads == 3)
        assert ("still there" in told) is (heads == 0 and ledger.size == 21)
        states.add((ledger.size, heads, ended))
        act(home)
        assert [entry.index for entry in ledger.entries()] == [5, 16, 17, 18, 19, 20]
        assert sorted(path.name for path in (home / "log").iterdir()) == [
            "checkpoint",
            "entries.jsonl",
        ]
        ledger.append(statement(40))
        assert verify_ledger(home).ok
    assert states == {(20, 0, False), (21, 0, False), (21, 3, False), (21, 3, True)}


def test_a_full_disk_leaves_the_log_as_it_was(filled: Ledger, monkeypatch) -> None:
    agreed = plan(filled, LATER, segment=8)
    plain: Callable[..., Any] = rewriting._check

    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(rewriting, "_check", full)
    before = lines(filled)
    with pytest.raises(EvidenceError, match=r"No space left.*prune' finishes"):
        prune(filled, agreed)
    assert lines(filled)[:20] == before
    assert len(list((filled.home / "log").iterdir())) == 2
    monkeypatch.setattr(rewriting, "_check", plain)
    assert prune(filled, plan(filled, LATER, segment=8)) is None
    assert len(lines(filled)) == 9
    assert verify_ledger(filled.home).ok


def test_who_could_write_the_log_still_can(filled: Ledger) -> None:
    entries = filled.home / "log" / "entries.jsonl"
    entries.chmod(0o664)
    before = os.umask(0o077)
    try:
        pruned(filled)
    finally:
        os.umask(before)
    assert entries.stat().st_mode & 0o777 == 0o664


def test_the_page_of_plain_python_still_verifies_a_bundle(filled: Ledger, tmp_path) -> None:
    page = Path(__file__).parents[3] / "docs" / "verify-without-us.md"
    code = page.read_text(encoding="utf-8").split("```python\n", 1)[1].split("```", 1)[0]
    pruned(filled)
    (tmp_path / "verify.py").write_text(code)
    (tmp_path / "evidence.json").write_bytes(filled.bundle(17))
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "verify.py"), str(tmp_path / "evidence.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
