"""Pruning and erasing while two writers append: killed at random moments, or watched by a verifier.

Every fourth round nobody is killed, and somebody verifies all the time: a log that is replaced
under a reader must never look like one that was tampered with.
"""

from __future__ import annotations

import hashlib
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from torture.writing import Promise, all_well, append_for_ever, fork, workshop
from venturalitica.audit.statement import Facts, build_statement
from venturalitica.ledger import Index, Ledger, verify_ledger
from venturalitica.ledger.lifecycle.erase import erase, go_on
from venturalitica.ledger.lifecycle.prune import plan, prune
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.ledger.signing.signer import FileSigner

BEGIN = datetime(2016, 1, 4, 12, 0, tzinfo=UTC)
SEGMENT = 8
OLD = 64
PERSON = b"Ada Lovelace"


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    rounds = 8 if short else 120
    randomly = random.Random(seed)
    ends: Counter[str] = Counter()
    promised, unhurried = 0, 1.0
    with workshop() as (folder, signer):
        begin = _old_log(folder / "begin", signer)
        before = _leaves(begin, OLD)
        for number in range(rounds):
            home = folder / f"log-{number}"
            shutil.copytree(begin, home)
            watched, began = number % 4 == 0, time.monotonic()
            new = _disturbed(home, signer, None if watched else randomly.uniform(0, unhurried))
            unhurried = time.monotonic() - began if watched else unhurried
            assert not watched or _is_pruned(home)
            promised += len(new)
            ends[_hold(home, signer, before, new)] += not watched
            for path in folder.glob(f"log-{number}*"):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            if (number + 1) % 40 == 0:
                say(f"{number + 1} rounds, {promised} promised")
    return {
        "prunings with erasures beside 2 writers: killed / watched by a verifier": (
            f"{ends.total()} / {rounds - ends.total()}"
        ),
        "found: nothing begun / recorded, not taken out / taken out": " / ".join(
            str(ends[state]) for state in ("old", "recorded", "new")
        ),
        "entries acknowledged meanwhile": str(promised),
        "of them lost or changed; leaf hashes changed; erasures half done": "0; 0; 0",
    }


def _old_log(home: Path, signer: FileSigner) -> Path:
    """Records of 2016 to be kept six months, and one that keeps a name in the vault."""
    ledger = Ledger.open(home, signer=signer, clock=lambda: BEGIN)
    for number in range(OLD - 1):
        facts = Facts(
            kind="run",
            run_id=hashlib.sha256(bytes([number])).hexdigest()[:32],
            name="nightly",
            source="monitor",
            started=BEGIN,
            ended=BEGIN,
            retention="six-months",
        )
        unsigned = build_statement(facts)
        ledger.append(unsigned.statement, pairs=unsigned.pairs)
    ledger.append(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "record/0", "digest": {"sha256": "0" * 64}}],
            "predicateType": "urn:example:sign-off",
            "predicate": {"person": Vault(home).keep(Pair.of(PERSON.decode()))},
        }
    )
    Index.open(ledger).close()
    return home


def _disturbed(home: Path, signer: FileSigner, until: float | None) -> list[Promise]:
    """Two writers, and somebody who erases and prunes, killed after so many seconds or watched."""
    writers = [
        fork(home.with_suffix(f".{name}"), append_for_ever(home, signer, name, size=900))
        for name in "ab"
    ]
    pruner = fork(home.with_suffix(".pruner"), _pruning(home, signer))
    if until is None:
        all_well([fork(home.with_suffix(".verifier"), _verifying(home)), pruner])
    else:
        time.sleep(until)
        pruner.kill()
        assert pruner.wait() in (0, -9), pruner.error()
    for writer in writers:
        writer.kill()
    assert [writer.wait() for writer in writers] == [-9, -9], [w.error() for w in writers]
    return [promise for writer in writers for promise in writer.promises()]


def _pruning(home: Path, signer: FileSigner) -> Callable[[Any], None]:
    def work(_: Any) -> None:
        ledger = Ledger.open(home, signer=signer)
        erase(ledger, [ledger.entry(OLD - 1)])
        prune(ledger, plan(ledger, date(2026, 1, 1), segment=SEGMENT))

    return work


def _verifying(home: Path) -> Callable[[Any], None]:
    """Whoever verifies in the middle of it sees one whole log, the old one or the new."""

    def work(_: Any) -> None:
        while not _is_pruned(home):
            found = verify_ledger(home)
            faults = [step for step in found.steps if step.ok is False]
            # Between an erasure's record and its deletion the vault is behind, and is said to be.
            assert all(step.name == "vault" for step in faults), faults
            assert len(list(Ledger.open(home).entries())) > 0

    return work


def _is_pruned(home: Path) -> bool:
    with (home / "log" / "entries.jsonl").open("rb") as stream:
        return stream.read(9) == b'{"count":'


def _hold(home: Path, signer: FileSigner, before: list[str], promised: list[Promise]) -> str:
    """Open as the next writer does (`open_ledger`); gives what the kill left."""
    ledger = Ledger.open(home, signer=signer)
    go_on(ledger)
    found = verify_ledger(home)
    assert found.ok, found.fault
    retention = next((step.detail for step in found.steps if step.name == "retention"), "")
    erased = any("erased" in step.detail for step in found.steps if step.name == "vault")
    there = any(PERSON in path.read_bytes() for path in (home / "vault").glob("*.json"))
    assert erased is not there, "half an erasure"
    _kept(ledger, before, promised)
    _pruning(home, signer)(None)
    found = verify_ledger(home)
    assert found.ok, found.fault
    assert len(list(ledger.entries())) == ledger.size - (OLD - 1)
    _kept(ledger, before, promised)
    if not retention:
        return "old"
    return "recorded" if "still there" in retention else "new"


def _kept(ledger: Ledger, before: list[str], promised: list[Promise]) -> None:
    assert _leaves(ledger.home, OLD) == before
    for index, digest in promised:
        assert ledger.entry(index).evidence_sha256 == digest, f"entry {index} was changed"


def _leaves(home: Path, count: int) -> list[str]:
    ledger = Ledger.open(home)
    return [ledger.leaf(index) for index in range(count)]
