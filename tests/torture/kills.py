"""`kill -9` at random moments of appending, two writers at a time."""

from __future__ import annotations

import logging
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from torture.writing import Promise, append_for_ever, fork, hold, workshop

ROUNDS_PER_LOG = 25
LONGEST = 0.1
"""Seconds that a writer lives at most: from its first system call to some dozens of appends."""


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    kills = 40 if short else 1000
    randomly = random.Random(seed)
    left = Left()
    logging.getLogger("venturalitica.ledger.log.append").addHandler(left)
    logging.getLogger("venturalitica.ledger.log.append").setLevel(logging.INFO)
    promised = entries = 0
    try:
        with workshop() as (folder, signer):
            rounds = kills // 2
            for first in range(0, rounds, ROUNDS_PER_LOG):
                number = min(ROUNDS_PER_LOG, rounds - first)
                home = folder / f"log-{first}"
                told, size = _kill_over_one_log(home, signer, number, randomly)
                promised, entries = promised + told, entries + size
                say(f"{2 * (first + number)} kills, {entries} entries, {promised} promised")
    finally:
        logging.getLogger("venturalitica.ledger.log.append").removeHandler(left)
    return {
        "writers killed with SIGKILL, two at a time": str(kills),
        "entries in the logs / acknowledged before a kill": f"{entries} / {promised}",
        "acknowledged entries lost or changed": "0",
        "unsealed lines taken in / torn lines dropped at opening": left.told(),
    }


def _kill_over_one_log(
    home: Path, signer: object, rounds: int, randomly: random.Random
) -> tuple[int, int]:
    promised: list[Promise] = []
    for number in range(rounds):
        writers = [
            fork(
                home.with_suffix(f".{number}.{name}"),
                append_for_ever(home, signer, f"{number}.{name}", size=randomly.choice((0, 9000))),
            )
            for name in "ab"
        ]
        for writer in writers:
            time.sleep(randomly.uniform(0, LONGEST))
            writer.kill()
        assert [writer.wait() for writer in writers] == [-9, -9], "it ended before it was killed"
        new = [promise for writer in writers for promise in writer.promises()]
        promised += new
        hold(home, signer, new, whole=False)
    return len(promised), hold(home, signer, promised, whole=True)


class Left(logging.Handler):
    """Counts what openings settled after kills."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def emit(self, record: logging.LogRecord) -> None:
        self.counts[str(record.msg).split()[0]] += 1

    def told(self) -> str:
        return f"{self.counts['took']} / {self.counts['dropped']}"
