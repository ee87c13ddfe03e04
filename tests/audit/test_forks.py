"""A process forked while another thread holds one of our locks is not stopped by it."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import venturalitica as vl
from tests.policies import small_policy
from venturalitica.audit import delivery
from venturalitica.audit import run as runs
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.system.files import locked

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], vl.Audit]:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "home"))
    policy = tmp_path / "model_policy.yaml"
    policy.write_text(small_policy(name="forked"))
    rows = pd.DataFrame({"y": [0, 1] * 20, "p": [0, 1] * 20})
    return lambda: vl.enforce(rows, policy=policy, target="y", prediction="p")


@contextmanager
def held_elsewhere(lock: Any) -> Iterator[None]:
    """Another thread is inside `with lock` for as long as this block lasts."""
    inside, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            inside.set()
            leave.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    inside.wait()
    try:
        yield
    finally:
        leave.set()
        thread.join()


def in_child(work: Callable[[], Any]) -> int:
    """Do `work` in a forked child: 0 if it ended well; a child that hangs is killed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    for _ in range(3000):
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    return -9


def of_modules(run: runs.Run) -> dict[str, Any]:
    return {
        "open runs": runs._open_lock,
        "this run": run._lock,
        "queues": delivery._queues_lock,
        "allowance": delivery._allowance._lock,
    }


@pytest.mark.parametrize("name", ["open runs", "this run", "queues", "allowance"])
def test_a_lock_that_another_thread_holds_is_open_in_the_child(
    judge: Callable[[], vl.Audit], tmp_path: Path, name: str
) -> None:
    judge()

    def work() -> None:
        with vl.monitor("inner") as inner:
            assert judge().entry is not None
        assert inner.entry is not None
        run.add(inner.audits[0])
        assert delivery._allowance.begin(0.0, 2.0) >= 0
        with delivery._queues_lock:
            pass

    with vl.monitor("outer") as run:
        held = of_modules(run)[name]
        with held_elsewhere(held):
            assert in_child(work) == 0
    assert verify_ledger(tmp_path / "home").ok


def test_the_lock_of_the_log_goes_with_the_thread_that_holds_it(
    judge: Callable[[], vl.Audit], tmp_path: Path
) -> None:
    """The child waits for it like a stranger, and has it once the parent's thread lets go."""
    judge()
    entries = tmp_path / "home" / "log" / "entries.jsonl"
    with vl.monitor("outer"), held_elsewhere(_Locked(entries)):
        waiting = threading.Timer(0.3, lambda: None)
        waiting.start()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if judge().entry is not None else 2
            finally:
                os._exit(status)
        waiting.join()
        assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


class _Locked:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._lock = locked(self._path, create=False)
        self._lock.__enter__()

    def __exit__(self, *_: object) -> None:
        self._lock.__exit__(None, None, None)


def test_both_sides_of_a_fork_in_a_monitor_record_each_audit_once(
    judge: Callable[[], vl.Audit], tmp_path: Path
) -> None:
    judge()
    with vl.monitor("outer") as run:
        assert in_child(lambda: [judge() for _ in range(2)]) == 0
        judge()
    kinds = [
        entry.statement["predicate"]["kind"] for entry in Ledger.open(tmp_path / "home").entries()
    ]
    assert kinds == ["audit", "begin", *["audit"] * 3, "run"]
    assert run.entry is not None


def test_a_child_that_leaves_the_monitor_by_an_exception_records_no_run(
    judge: Callable[[], vl.Audit], tmp_path: Path
) -> None:
    monitor = vl.monitor("outer")
    with monitor as run:
        judge()
        assert in_child(lambda: monitor.__exit__(None, None, None)) == 0
    kinds = [
        entry.statement["predicate"]["kind"] for entry in Ledger.open(tmp_path / "home").entries()
    ]
    assert kinds == ["begin", "audit", "run"]
    assert run.entry is not None
