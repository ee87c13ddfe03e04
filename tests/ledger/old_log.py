"""A log whose retention has passed, for tests of pruning. Its segments have 8 entries.

Loaded by `conftest.py` as the module `ledger_old_log`: tests are imported one by one.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.verification import Step
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.formats.merkle import leaf_hash
from venturalitica.ledger.lifecycle.prune import plan, prune

BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
LATER = date(2021, 1, 1)
SHORT = {"retention": {"class": "six-months", "until": "2020-07-25"}}
OTHER = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
    "predicateType": "urn:example:other",
    "predicate": {"n": 1},
}


class Clock:
    """A writer's clock that a test sets."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(home: Path, signer, clock: Clock) -> Ledger:
    return Ledger.open(home, signer=signer, clock=clock)


@pytest.fixture
def filled(ledger: Ledger, statement, clock: Clock) -> Ledger:
    """20 entries past their six months; entry 5 is of a kind that nobody knows."""
    for number in range(20):
        ledger.append(OTHER if number == 5 else statement(number, **SHORT))
    clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    return ledger


def pruned(ledger: Ledger) -> Ledger:
    assert prune(ledger, plan(ledger, LATER, segment=8)) is not None
    return ledger


def step(ledger: Ledger, name: str = "retention", **arguments: Any) -> Step | None:
    found = verify_ledger(ledger.home, **arguments)
    return next((step for step in found.steps if step.name == name), None)


def lines(ledger: Ledger) -> list[bytes]:
    return (ledger.home / "log" / "entries.jsonl").read_bytes().splitlines(keepends=True)


def leaves(ledger: Ledger) -> list[bytes]:
    """The leaves of a log, read by this test's own reading of the format."""
    found: list[bytes] = []
    for line in lines(ledger):
        head = json.loads(line)
        if head.get("format") == "venturalitica/pruned/v1":
            import base64

            data = base64.b64decode(head["leaves"])
            assert (head["start"], head["count"] * 32) == (len(found), len(data))
            found += [data[at : at + 32] for at in range(0, len(data), 32)]
        else:
            found.append(leaf_hash(line[:-1]))
    return found
