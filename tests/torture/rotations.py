"""`kill -9` in the middle of rotating keys, and of a writer beside it that takes what key there is.

What must hold after each kill: there is a whole key that is not retired, the next append works, the
log verifies with the very first key pinned, and nothing acknowledged is gone.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from venturalitica.errors import RetiredKeyError
from venturalitica.ledger import Ledger, load_signer, verify_ledger
from venturalitica.ledger.lifecycle.keys import introduced, used_in
from venturalitica.ledger.signing.key_rotation import NEXT_FILE, swap

STATEMENT: dict[str, Any] = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
    "predicateType": "urn:example:tiny",
    "predicate": {"n": 1},
}


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    """So many kills, each at a random moment of a rotation."""
    kills, chance = (25, random.Random(seed)) if short else (400, random.Random(seed))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        return _played(root / "home", root / "config", kills, chance, say)


def _played(
    home: Path, config: Path, kills: int, chance: random.Random, say: Callable[[str], None]
) -> dict[str, str]:
    first = load_signer(None, config)
    Ledger.open(home, signer=first).append(STATEMENT)
    pinned = [first.public, first.checkpoint_signer().public]
    longest = _duration(home, config)
    acknowledged = _append(home, config)
    staged = 0
    for number in range(kills):
        for child, patience in (
            (_fork(lambda: _rotate(home, config)), chance.uniform(0.0, longest)),
            (_fork(lambda: _append(home, config)), chance.uniform(0.0, longest / 2)),
        ):
            time.sleep(patience)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        staged += (config / NEXT_FILE).exists()
        index = _append(home, config)
        assert index > acknowledged, f"entry {index} after {acknowledged} was acknowledged"
        acknowledged = index
        if number % 20 == 19 or number == kills - 1:
            found = verify_ledger(home, trusted_keys=pinned)
            assert found.ok, found.fault
            say(f"  {number + 1} kills, {Ledger.open(home).size} entries")
    rotated = len(list(config.glob("signing_key.*.retired.pem")))
    assert rotated, "no rotation was ever finished"
    assert not [path for path in config.glob("*.pem") if path.stat().st_mode & 0o077]
    _no_retired_key_signs(home, config)
    shutil.rmtree(home)
    return {
        "kills": str(kills),
        "rotations finished": str(rotated),
        "killed with the next key staged": str(staged),
        "acknowledged and lost": "0",
    }


def _duration(home: Path, config: Path) -> float:
    """Seconds that a whole rotation takes here, so that kills fall inside one."""
    began = time.monotonic()
    _rotate(home, config)
    return (time.monotonic() - began) * 1.5


def _rotate(home: Path, config: Path) -> None:
    done = swap(config)
    introduced(Ledger.open(home, signer=done.new), done.old, done.new, reason="torture")


def _append(home: Path, config: Path) -> int:
    """As `recording` does it: a key rotated in between is read again."""
    for _ in range(20):
        try:
            return Ledger.open(home, signer=load_signer(None, config)).append(STATEMENT).index
        except RetiredKeyError:
            continue
    raise AssertionError("there is no key that may sign")


def _no_retired_key_signs(home: Path, config: Path) -> None:
    retired = {use.key.keyid for use in used_in(home) if use.retired_in is not None}
    for old in load_signer(None, config).predecessors():
        if old.keyid not in retired:
            continue  # killed before its first record: this log never knew it
        size = Ledger.open(home).size
        try:
            Ledger.open(home, signer=old).append(STATEMENT)
        except RetiredKeyError:
            assert Ledger.open(home).size == size
        else:
            raise AssertionError(f"the retired key {old.keyid} signed entry {size}")


def _fork(work: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        work()
    finally:
        os._exit(0)
