"""What is kept of receipts and of what waits is what reading all of it anew would give."""

from __future__ import annotations

import random
from typing import Any

import pytest

from venturalitica.ledger import Index, Ledger, Outbox
from venturalitica.ledger.receipts import DeliveryState


def run_of(number: int, tracker: str = "mlflow") -> dict[str, Any]:
    return {"tracker": tracker, "run_id": f"r{number}", "uri": "http://x"}


def same(state: DeliveryState, ledger: Ledger) -> None:
    with Index.open(ledger) as index:
        found = state.waiting(ledger, index)
    expected = Outbox(ledger).waiting()
    assert [item for items in found.values() for item in items] == expected
    assert state.attempts() == tuple(Outbox(ledger).attempts())


@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_the_outbox_says_whatever_happens(ledger: Ledger, statement, seed) -> None:
    rng, state = random.Random(seed), DeliveryState(ledger.home / "receipts.jsonl")
    same(state, ledger) if ledger.size else None
    for number in range(25):
        kind = rng.choice(["append", "append", "confirm", "fail", "keep", "lose", "torn", "many"])
        at = rng.randrange(ledger.size) if ledger.size else 0
        outbox = Outbox(ledger)
        if kind in ("append", "many") or not ledger.size:
            for _ in range(3 if kind == "many" else 1):
                runs = [run_of(ledger.size), run_of(ledger.size, "wandb")]
                ledger.append(statement(number, trackers=runs[: rng.randrange(3)]))
        elif kind == "confirm":
            outbox.confirm(at, "mlflow", f"r{at}", page=rng.random() < 0.5)
        elif kind == "fail":
            outbox.failed(at, rng.choice(["mlflow", "wandb"]), f"r{at}", "no answer")
        elif kind == "keep":
            outbox.keep(at, "wandb", f"r{at}", "in ./wandb")
        elif kind == "lose":
            outbox.path.unlink(missing_ok=True)
        else:
            with outbox.path.open("ab") as stream:
                stream.write(b'{"index": 1, "tra\n')
        same(state, ledger)


def test_a_receipt_that_is_being_written_is_read_once_it_is_whole(
    ledger: Ledger, statement
) -> None:
    ledger.append(statement(0, trackers=[run_of(0)]))
    outbox, state = Outbox(ledger), DeliveryState(ledger.home / "receipts.jsonl")
    outbox.confirm(0, "mlflow", "r0")
    line = outbox.path.read_bytes()
    outbox.path.write_bytes(line[:40])
    assert state.attempts() == ()
    with outbox.path.open("ab") as stream:
        stream.write(line[40:])
    assert len(state.attempts()) == 1
    same(state, ledger)


def test_a_file_that_was_rewritten_is_read_anew(ledger: Ledger, statement) -> None:
    for number in range(2):
        ledger.append(statement(number, trackers=[run_of(number)]))
    outbox, state = Outbox(ledger), DeliveryState(ledger.home / "receipts.jsonl")
    for number in range(2):
        outbox.confirm(number, "mlflow", f"r{number}")
    same(state, ledger)
    first, second = outbox.path.read_bytes().splitlines(keepends=True)
    outbox.path.write_bytes(second * 3)
    same(state, ledger)
    assert state.newest("mlflow") == (state.attempts()[-1], state.attempts()[-1])
    assert state.newest("wandb") == (None, None)
    assert state.not_confirmed([state.attempts()[0].receipt, (0, "mlflow", "r0", "")]) == [
        (0, "mlflow", "r0", "")
    ]
    assert state.of_entry(0) == ()
    assert len(state.of_entry(1)) == 3
    assert len(first) > 0
