"""What pages read: caught up with the log, kept while nothing changes, safe from threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from venturalitica.demo.history import History
from venturalitica.ledger import Ledger, Outbox, load_signer
from venturalitica.ui.reader import Desk, NoEvidenceYetError


def _append_again(history: History) -> None:
    """One more record: the contents of the last audit."""
    ledger = Ledger.open(history.home, signer=load_signer(None, history.config))
    statement = dict(ledger.entry(ledger.size - 1).statement)
    statement["predicate"] = {k: v for k, v in statement["predicate"].items() if k != "log"}
    ledger.append(statement)


def test_a_folder_without_a_log_is_no_fault_of_anything(tmp_path: Path) -> None:
    (tmp_path / "begun" / "log").mkdir(parents=True)
    for home in (tmp_path / "absent", tmp_path / "begun"):
        desk = Desk(home)
        assert not desk.has_evidence
        with pytest.raises(NoEvidenceYetError), desk.reading():
            pass


def test_a_reading_is_caught_up_with_the_log(own_history: History) -> None:
    desk = Desk(own_history.home)
    with desk.reading() as reading:
        before = len(reading.index.runs())
    _append_again(own_history)
    with desk.reading() as reading:
        assert len(reading.index.runs()) == before + 1 == reading.ledger.size


def test_an_index_that_is_deleted_meanwhile_is_made_again(own_history: History) -> None:
    desk = Desk(own_history.home)
    with desk.reading() as reading:
        rows = reading.index.runs()
    (own_history.home / "index.db").unlink()
    with desk.reading() as reading:
        assert reading.index.runs() == rows


def test_what_waits_is_kept_until_a_receipt_comes(
    own_history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venturalitica.ledger.receipts import DeliveryState

    asked = []
    read = DeliveryState.waiting

    def counted(*arguments: Any) -> Any:
        asked.append(1)
        return read(*arguments)

    monkeypatch.setattr(DeliveryState, "waiting", counted)
    desk = Desk(own_history.home)
    with desk.reading() as reading:
        waiting = reading.waiting()
    with desk.reading() as reading:
        assert reading.waiting() is waiting
    assert len(asked) == 1
    (index, items), *_ = waiting.items()
    ledger = Ledger.open(own_history.home)
    Outbox(ledger).confirm(index, items[0].tracker, items[0].run_id)
    with desk.reading() as reading:
        assert index not in reading.waiting()
        assert reading.last_attempt(index, items[0].tracker, items[0].run_id).confirmed


def test_sign_offs_are_found_by_entry(reading: Any) -> None:
    found = reading.approvals()
    assert len(found) == 3
    assert {one.decision for items in found.values() for one in items} == {"approved", "rejected"}
    assert all(item.entry == index for index, items in found.items() for item in items)


def test_a_reading_cannot_write(reading: Any) -> None:
    from venturalitica.errors import SigningKeyError

    with pytest.raises(SigningKeyError):
        reading.ledger.append({})


@pytest.mark.parametrize("in_memory", [False, True])
def test_threads_read_beside_each_other(
    in_memory: bool, own_history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    if in_memory:
        (own_history.home / "index.db").unlink()
        monkeypatch.setattr("venturalitica.ledger.index.tables.os.access", lambda path, mode: False)
    desk = Desk(own_history.home)
    together = threading.Barrier(6)

    def read(_: int) -> tuple[Any, Any]:
        together.wait()
        with desk.reading() as reading:
            return reading.index.runs(), reading.waiting()

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(read, range(6)))
    assert all(one == found[0] for one in found)
    with desk.reading() as reading:
        assert reading.index.in_memory is in_memory
    desk.close()


def test_a_fault_while_reading_leaves_the_desk_usable(own_history: History) -> None:
    from venturalitica.errors import EvidenceError

    desk = Desk(own_history.home)
    checkpoint = own_history.home / "log" / "checkpoint"
    good = checkpoint.read_bytes()
    checkpoint.write_bytes(b"nonsense\n")
    with pytest.raises(EvidenceError), desk.reading():
        pass
    checkpoint.write_bytes(good)
    with desk.reading() as reading:
        assert reading.ledger.size == len(reading.index.runs())


def test_it_writes_nothing_but_the_index(own_history: History) -> None:
    files = {p: p.stat().st_mtime_ns for p in own_history.folder.rglob("*") if p.is_file()}
    desk = Desk(own_history.home)
    with desk.reading() as reading:
        reading.waiting(), reading.attempts(), reading.approvals()
    for path in own_history.folder.rglob("*"):
        if path.is_file() and not path.name.startswith("index.db"):
            assert files[path] == path.stat().st_mtime_ns, path
