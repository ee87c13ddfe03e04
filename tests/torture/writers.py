"""Eight processes, threads, and a fork in the middle of a monitor: all write into one log."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

import venturalitica as vl
from torture.writing import all_well, append_for_ever, fork, hold, statement, workshop
from venturalitica.ledger import Ledger
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.system.files import write_durably

PROCESSES = 8
POLICY = """\
policy: forked
version: "1"
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.5"
"""


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    count = 25 if short else 1000
    with workshop() as (folder, signer):
        rate = _processes(folder, signer, count)
        bare = _bare(folder, count)
        say(
            f"{PROCESSES} processes: {rate:.0f} entries/s; the bare syncs of an entry: {bare:.0f}/s"
        )
        threads = _threads(folder, signer, count // 5)
        say(f"{threads} entries of {PROCESSES} threads")
        forks = _forks(folder, 2 if short else 12)
        say(f"{forks} forks in the middle of a monitor")
    return {
        f"contiguous entries of {PROCESSES} processes": str(PROCESSES * count),
        "entries per second, all processes together": f"{rate:.0f}",
        "of what this disk does if nothing but the syncs is done": f"{rate / bare:.0%}",
        f"contiguous entries of {PROCESSES} threads": str(threads),
        "forks in an open monitor, both sides writing, none lost or doubled": str(forks),
    }


def _processes(folder: Path, signer: FileSigner, count: int) -> float:
    home = folder / "processes"
    Ledger.open(home, signer=signer)
    began = time.monotonic()
    writers = [
        fork(folder / f"w{n}", append_for_ever(home, signer, f"w{n}", count=count))
        for n in range(PROCESSES)
    ]
    all_well(writers)
    took = time.monotonic() - began
    promised = [promise for writer in writers for promise in writer.promises()]
    assert sorted(index for index, _ in promised) == list(range(PROCESSES * count))
    assert hold(home, signer, promised, whole=True) == PROCESSES * count
    return PROCESSES * count / took


def _bare(folder: Path, count: int) -> float:
    """Entries per second if an entry were nothing but its durable writes, one process alone."""
    line, seal = (folder / "line").open("ab", buffering=0), b"x" * 300
    began = time.monotonic()
    with line:
        for _ in range(count):
            line.write(b"x" * 1000)
            os.fsync(line.fileno())
            write_durably(folder / "seal", seal)
    return count / (time.monotonic() - began)


def _threads(folder: Path, signer: FileSigner, count: int) -> int:
    home = folder / "threads"
    ledger = Ledger.open(home, signer=signer)
    promised: list[tuple[int, str]] = []

    def write(name: int) -> None:
        for number in range(count):
            entry = ledger.append(statement(f"t{name}-{number}"))
            promised.append((entry.index, entry.evidence_sha256))

    threads = [threading.Thread(target=write, args=(name,)) for name in range(PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hold(home, signer, promised, whole=True) == PROCESSES * count == len(promised)
    return len(promised)


def _forks(folder: Path, count: int) -> int:
    before = dict(os.environ)
    try:
        return _forked(folder, count)
    finally:
        os.environ.clear()
        os.environ.update(before)


def _forked(folder: Path, count: int) -> int:
    """Fork inside an open monitor while another thread judges; both sides go on judging.

    One audit comes before: a fork in the middle of another thread's import leaves Python's own
    import lock closed in the child, which no package can help.
    """
    home, policy = folder / "forks", folder / "forked.yaml"
    policy.write_text(POLICY)
    os.environ.update(VENTURALITICA_HOME=str(home), VENTURALITICA_CONFIG=str(folder / "config"))
    rows = pd.DataFrame({"y": [0, 1] * 20, "p": [0, 1] * 20})

    def judge(times: int) -> list[vl.Audit]:
        return [vl.enforce(rows, policy=policy, target="y", prediction="p") for _ in range(times)]

    _all_entered(judge(1))
    _with_quiet_forks(folder, judge, count)
    ledger = Ledger.open(home)
    kinds = [entry.statement["predicate"]["kind"] for entry in ledger.entries()]
    # Each monitor: 3 audits of the thread, 2 of the child, 2 of the parent, and one run record.
    assert kinds.count("audit") == 7 * count + 1, kinds.count("audit")
    assert kinds.count("run") == count, "a run was recorded twice, or not at all"
    verification = vl.verify(home)
    assert verification.ok, verification.fault
    return count


def _with_quiet_forks(folder: Path, judge: Callable[[int], Any], count: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: fork with threads
        for number in range(count):
            with vl.monitor(f"forked-{number}"):
                thread = threading.Thread(target=judge, args=(3,))
                thread.start()
                child = fork(folder / f"f{number}", lambda _: _all_entered(judge(2)))
                _all_entered(judge(2))
                all_well([child])
                thread.join()


def _all_entered(audits: list[Any]) -> None:
    for audit in audits:
        assert audit.entry is not None, audit.fault
