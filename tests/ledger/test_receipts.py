"""What is kept of receipts and of what waits is what reading all of it anew would give."""

from __future__ import annotations

import random
from typing import Any

import pytest

from venturalitica.ledger import Index, Ledger, Outbox
from venturalitica.ledger.index.counts.linked import Linked, Where
from venturalitica.ledger.outbox import Attempt
from venturalitica.ledger.receipts import DeliveryState


def run_of(number: int, tracker: str = "mlflow") -> dict[str, Any]:
    return {"tracker": tracker, "run_id": f"r{number}", "uri": "http://x"}


def newest(state: DeliveryState, ledger: Ledger) -> dict[Where, tuple[int | None, int | None]]:
    """By place: where among all attempts the last one is, and the last that was confirmed."""
    linked, attempts = Linked(), state.attempts()
    with Index.open(ledger) as index:
        places = linked.of(index, latest=1)
    found = {where: state.newest_at(where, linked) for where in places}

    def at(attempt: Attempt | None) -> int | None:
        return (
            None
            if attempt is None
            else max(number for number, one in enumerate(attempts) if one == attempt)
        )

    return {where: (at(last), at(good)) for where, (last, good) in found.items()}


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
    assert newest(state, ledger) == {Where("mlflow", "http://x"): (2, 2)}
    assert state.not_confirmed([state.attempts()[0].receipt, (0, "mlflow", "r0", "")]) == [
        (0, "mlflow", "r0", "")
    ]
    assert state.of_entry(0) == ()
    assert len(state.of_entry(1)) == 3
    assert len(first) > 0


def test_each_place_has_its_own_last_attempts(ledger: Ledger, statement) -> None:
    outbox, state, linked = Outbox(ledger), DeliveryState(ledger.home / "receipts.jsonl"), Linked()
    a, b, c = (Where("mlflow", uri) for uri in ("http://a", "http://b", "http://c"))

    def add(run_id: str, where: Where) -> int:
        run = {"tracker": "mlflow", "run_id": run_id, "uri": where.uri}
        return ledger.append(statement(ledger.size, trackers=[run])).index

    def last(where: Where) -> tuple[Attempt | None, Attempt | None]:
        with Index.open(ledger) as index:
            linked.of(index, latest=1)
        return state.newest_at(where, linked)

    add("r0", a)
    outbox.confirm(0, "mlflow", "r0")
    assert (last(a), last(b)) == ((state.attempts()[0],) * 2, (None, None))
    add("r1", b)
    outbox.failed(1, "mlflow", "r1", "no answer")
    first, failed = state.attempts()
    assert state.newest_at(b, linked) == (None, None), "its run is not in what was read yet"
    assert (last(a), last(b)) == ((first, first), (failed, None))
    outbox.confirm(1, "mlflow", "r1")
    assert last(b) == (state.attempts()[-1],) * 2
    # A run stands where it was named last, with all that was tried of it.
    add("r1", c)
    assert last(b) == (None, None)
    assert last(c) == (state.attempts()[-1],) * 2
    with Index.open(ledger) as index:
        assert list(linked.of(index, latest=9)) == [c, a]
    outbox.path.unlink()
    assert last(a) == (None, None)


def test_the_parts_of_a_host_are_places_of_their_own(ledger: Ledger, statement) -> None:
    def run(run_id: str, **extra: Any) -> dict[str, Any]:
        facts = {"tracker": "wandb", "run_id": run_id, "uri": "https://api.wandb.ai"}
        return facts | {"experiment_name": "loans", "extra": extra}

    odd = ("one", 7, None, "", "\0", '"entity"')
    for number, entity in enumerate(odd):
        ledger.append(statement(number, trackers=[run(f"r{number}", entity=entity)]))
    ledger.append(statement(9, trackers=[run("r9")]))
    with Index.open(ledger) as index:
        found = Linked().of(index, latest=9)
    owners = {where.owner: set(runs.latest) for where, runs in found.items()}
    assert owners == {
        "one": {"r0"}, "7": {"r1"}, "": {"r2", "r3", "r9"}, "\\x00": {"r4"},
        '"entity"': {"r5"},
    }  # fmt: skip
    assert {tuple(runs.experiments) for runs in found.values()} == {("loans",)}
