"""Many writers at once: processes, threads, forks, and writers that are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.system.files import NoLocksError, locked

WRITER = """
import json, sys, pathlib
from venturalitica.ledger import Ledger, load_signer
home, config, name, count = sys.argv[1:]
statement = json.loads(sys.stdin.readline())
ledger = Ledger.open(home, signer=load_signer(None, pathlib.Path(config)))
for number in range(int(count)):
    statement["predicate"]["run"]["name"] = f"{name}-{number}"
    print(ledger.append(statement).index, flush=True)
"""


def start(home: Path, config: Path, name: str, count: int, statement) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(home), str(config), name, str(count)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(statement()) + "\n")
    process.stdin.flush()
    return process


def test_processes_that_begin_a_log_together(tmp_path: Path, statement) -> None:
    home, config = tmp_path / "home", tmp_path / "config"
    writers = [start(home, config, f"w{n}", 15, statement) for n in range(4)]
    indexes = [int(line) for writer in writers for line in writer.communicate()[0].split()]
    assert sorted(indexes) == list(range(60))
    assert verify_ledger(home).ok
    names = [e.statement["predicate"]["run"]["name"] for e in Ledger.open(home).entries()]
    assert len(set(names)) == 60


def test_what_was_acknowledged_before_a_kill_is_there(tmp_path: Path, statement) -> None:
    home, config = tmp_path / "home", tmp_path / "config"
    acknowledged = 0
    for attempt in range(4):
        writers = [start(home, config, f"k{attempt}{n}", 10_000, statement) for n in range(2)]
        for writer in writers:
            assert writer.stdout is not None
            writer.stdout.readline()
        time.sleep(0.01 * attempt)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        told = [line for writer in writers for line in writer.communicate()[0].split()]
        acknowledged = max([acknowledged, *map(int, told)])
    process = start(home, config, "last", 1, statement)
    index = int(process.communicate()[0])
    assert index > acknowledged
    found = verify_ledger(home)
    assert found.ok, found.fault


def test_threads(ledger: Ledger, statement) -> None:
    found: list[int] = []
    gate = threading.Barrier(6)

    def write(number: int) -> None:
        gate.wait()
        found.extend(ledger.append(statement(number)).index for _ in range(8))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(48))
    assert verify_ledger(ledger.home).ok


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_in_the_middle_of_an_append(ledger: Ledger, statement, signer) -> None:
    children: list[int] = []

    class Forking:
        """Forks while the lock is held; the child appends on its own, after the parent."""

        public, keyid = signer.public, signer.keyid

        def sign(self, data: bytes) -> bytes:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                pid = os.fork()
            if pid == 0:
                status = 1
                try:
                    Ledger.open(ledger.home, signer=signer).append(statement(7))
                    status = 0
                finally:
                    os._exit(status)
            children.append(pid)
            return bytes(signer.sign(data))

    forking = Ledger(ledger.home, signer=Forking(), checkpoint_signer=signer.checkpoint_signer())
    assert forking.append(statement(1)).index == 0
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0]
    assert ledger.size == 2
    assert verify_ledger(ledger.home).ok


def test_a_writer_that_keeps_the_lock_is_named(tmp_path: Path) -> None:
    path = tmp_path / "entries.jsonl"
    with (
        locked(path, create=True),
        pytest.raises(EvidenceError, match="kept the lock"),
        locked(path, create=True, patience=0.05),
    ):
        pass


def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno
    import fcntl

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with (
        pytest.raises(NoLocksError, match="No locks available"),
        locked(tmp_path / "entries.jsonl", create=True),
    ):
        pass


def test_readers_meet_writers_halfway(ledger: Ledger, statement) -> None:
    done = threading.Event()
    faults: list[Exception] = []

    def read() -> None:
        reader = Ledger.open(ledger.home)
        while not done.is_set():
            try:
                entries = list(reader.entries())
                assert [entry.index for entry in entries] == list(range(len(entries)))
                if entries:
                    reader.bundle(len(entries) - 1)
            except Exception as error:  # noqa: BLE001 - told by the assertion below
                faults.append(error)
                return

    thread = threading.Thread(target=read)
    thread.start()
    for number in range(40):
        ledger.append(statement(number))
    done.set()
    thread.join()
    assert faults == []
