"""No `flock`: four writers by the inbox, killed and stopped at random; and once under strace."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from torture.writing import (
    Promise,
    Writer,
    all_well,
    append_for_ever,
    fork,
    hold,
    without_flock,
    workshop,
)
from venturalitica.ledger.signing.signer import FileSigner

WRITERS = 4
ROUNDS_PER_LOG = 10


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    rounds = 10 if short else 150
    randomly = random.Random(seed)
    figures = Figures()
    with workshop() as (folder, signer):
        with without_flock():
            for first in range(0, rounds, ROUNDS_PER_LOG):
                home = folder / f"log-{first}"
                _interrupt(home, signer, min(ROUNDS_PER_LOG, rounds - first), randomly, figures)
                say(f"{figures.kills} kills, {figures.stops} stops, {figures.entries} entries")
            rate = _undisturbed(folder, signer, 25 if short else 250)
        say(f"undisturbed: {rate:.0f} entries/s")
        traced = _under_strace(folder, signer, 3 if short else 25)
    return {
        "writers killed / stopped for a while": f"{figures.kills} / {figures.stops}",
        "entries in the logs / acknowledged": f"{figures.entries} / {figures.promised}",
        "lost, changed or doubled entries": "0",
        "entries per second, four writers, nobody killed": f"{rate:.0f}",
        "entries of four writers under strace with flock=ENOLCK": traced,
    }


class Figures:
    kills = stops = entries = promised = 0


def _interrupt(
    home: Path, signer: FileSigner, rounds: int, randomly: random.Random, figures: Figures
) -> None:
    promised: list[Promise] = []
    for number in range(rounds):
        writers = [
            fork(
                home.with_suffix(f".{number}.{name}"),
                append_for_ever(home, signer, f"{number}.{name}"),
            )
            for name in range(WRITERS)
        ]
        figures.stops += _disturb(writers, randomly)
        for writer in writers:
            writer.kill()
        ends = [writer.wait() for writer in writers]
        assert set(ends) == {-9}, [writer.error() for writer in writers]
        figures.kills += len(writers)
        new = [promise for writer in writers for promise in writer.promises()]
        promised += new
        hold(home, signer, new, whole=False)
    figures.promised += len(promised)
    figures.entries += hold(home, signer, promised, whole=True)
    assert (home / "inbox").is_dir()


def _disturb(writers: list[Writer], randomly: random.Random) -> int:
    """Stop one writer in the middle of something, let the others go on, wake it up; kill some."""
    stops = 0
    for _ in range(3):
        time.sleep(randomly.uniform(0, 0.02))
        sleeper = randomly.choice(writers)
        os.kill(sleeper.pid, signal.SIGSTOP)
        time.sleep(randomly.uniform(0.005, 0.02))
        os.kill(sleeper.pid, signal.SIGCONT)
        stops += 1
    for writer in randomly.sample(writers, 2):
        writer.kill()
        time.sleep(randomly.uniform(0, 0.01))
    return stops


def _undisturbed(folder: Path, signer: FileSigner, count: int) -> float:
    home = folder / "undisturbed"
    began = time.monotonic()
    writers = [
        fork(folder / f"w{n}", append_for_ever(home, signer, f"w{n}", count=count))
        for n in range(WRITERS)
    ]
    all_well(writers)
    took = time.monotonic() - began
    promised = [promise for writer in writers for promise in writer.promises()]
    assert sorted(index for index, _ in promised) == list(range(count * WRITERS))
    hold(home, signer, promised, whole=True)
    return count * WRITERS / took


STRANGER = """
import pathlib, sys
sys.path.insert(0, sys.argv[4])
from torture.writing import statement
from venturalitica.ledger import Ledger, load_signer
home, config, name = sys.argv[1:4]
ledger = Ledger.open(home, signer=load_signer(None, pathlib.Path(config)))
for number in range(int(sys.argv[5])):
    ledger.append(statement(f"{name}-{number}"))
"""


def _under_strace(folder: Path, signer: FileSigner, count: int) -> str:
    """The kernel's own answer, where strace gives it; writers that share nothing but the folder."""
    strace = shutil.which("strace")
    if strace is None:
        return "not run: strace is missing (apt-get install -y strace)"
    home = folder / "traced"
    inject = ["-f", "-qq", "-o", os.devnull, "-e", "trace=flock", "-e", "inject=flock:error=ENOLCK"]
    shared = (str(home), str(folder / "config"))
    tests = str(Path(__file__).parents[1])
    writers = [
        subprocess.Popen(
            [strace, *inject, sys.executable, "-c", STRANGER, *shared, f"t{n}", tests, str(count)],
            stderr=subprocess.PIPE,
        )
        for n in range(WRITERS)
    ]
    ends = [(writer.communicate()[1], writer.returncode) for writer in writers]
    if any(b"ptrace" in text.lower() for text, code in ends if code):
        return "not run: this system does not let strace trace"
    assert all(code == 0 for _, code in ends), ends
    assert hold(home, signer, [], whole=True) == count * WRITERS
    assert (home / "inbox").is_dir()
    return str(count * WRITERS)
