"""What a record states beside its verdicts: digests of data, sentences, columns, its term."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.judged_attacks import data_record

from venturalitica.core.verification import Step
from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.records.vault import KEY, Pair, Vault

Change = Callable[[dict[str, Any]], Any]


def step(home: Path) -> Step:
    return next(one for one in verify_ledger(home).steps if one.name == "data")


def signed(ledger: Ledger, change: Change = lambda _: None) -> dict[str, Any]:
    made = data_record(ledger.home)
    change(made.statement["predicate"])
    return made.append_to(ledger).statement["predicate"]


def test_genuine_digests_are_those_of_the_bare_ones(ledger: Ledger) -> None:
    signed(ledger)
    found = step(ledger.home)
    assert (found.ok, "(1)" in found.detail) == (True, True)
    alone = verify_bundle(ledger.bundle(0)).steps
    assert next(one for one in alone if one.name == "data").ok is None


def of_identity(**said: Any) -> Change:
    return lambda predicate: predicate["data"][0]["identity"].update(said)


def of_item(**said: Any) -> Change:
    return lambda predicate: predicate["data"][0].update(said)


@pytest.mark.parametrize(
    "change",
    [
        of_item(hmac_sha256="c" * 64),
        of_item(hmac_sha256=None),
        of_item(identity=None),
        of_item(name="other"),
        of_item(columns=[]),
        of_item(rows=999),
        of_identity(hmac_sha256="b" * 64),
        of_identity(key="0" * 16),
        of_identity(of=["gender"]),
        lambda predicate: predicate.update(data_digests=None),
        lambda predicate: predicate.update(data_digests=predicate["tally"]),
        lambda predicate: predicate.update(data=[]),
    ],
)
def test_what_they_do_not_give_is_found(ledger: Ledger, change: Change) -> None:
    signed(ledger, change)
    assert step(ledger.home).ok is False


def test_without_key_or_bare_digests_it_is_not_checked(ledger: Ledger) -> None:
    signed(ledger)
    said = signed(ledger)
    vault = Vault(ledger.home)
    vault.erase(said["data_digests"]["vault"])
    found = step(ledger.home)
    assert found.ok is None
    assert "(1); not checked (1): the bare digests were erased" in found.detail
    (vault.folder / KEY).unlink()
    assert f"not checked (1): {KEY} is not here" in step(ledger.home).detail


def test_another_key_of_the_log_is_no_fault(ledger: Ledger) -> None:
    signed(ledger)
    (Vault(ledger.home).folder / KEY).unlink()
    signed(ledger)
    found = step(ledger.home)
    assert found.ok is None
    assert "another key" in found.detail


def of_verdict(**said: Any) -> Change:
    return lambda predicate: predicate["verdicts"][1].update(said)


def of_column(**said: Any) -> Change:
    return lambda predicate: predicate["data"][0]["columns"][1].update(said)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (of_verdict(reason="all groups alike"), "verdicts"),
        (of_verdict(notes=["looked at by the supervisor"]), "verdicts"),
        (of_verdict(remedy="none needed"), "verdicts"),
        (of_verdict(line=99), "verdicts"),
        (lambda said: said.update(intervals=None), "verdicts"),
        (lambda said: said["bindings"].pop("gender"), "verdicts"),
        (of_item(training_rows=False), "verdicts"),
        (of_column(nulls=7), "verdicts"),
        (of_column(name="q"), "verdicts"),
        (lambda said: said["policy"].update(title="Approved"), "policy"),
    ],
)
def test_what_is_said_besides_is_held(ledger: Ledger, change: Change, name: str) -> None:
    signed(ledger, change)
    found = {one.name: one.ok for one in verify_ledger(ledger.home).steps}
    assert found[name] is False


@pytest.mark.parametrize(("until", "ok"), [("2026-07-02", None), ("2026-07-01", False)])
def test_the_last_day_is_that_of_the_term(ledger: Ledger, until: str, ok: bool | None) -> None:
    term = {"class": "six-months", "until": until, "counts_from": "record"}
    signed(ledger, lambda said: said.update(retention=term))
    found = {one.name: one.ok for one in verify_ledger(ledger.home).steps}
    assert found.get("retention") is ok


def test_words_of_another_version_are_said_not_to_be_compared(ledger: Ledger) -> None:
    def elsewhere(said: dict[str, Any]) -> None:
        said["package"] = "0.0.1"
        said["verdicts"][1]["reason"] = "said otherwise"

    signed(ledger, elsewhere)
    found = next(one for one in verify_ledger(ledger.home).steps if one.name == "verdicts")
    assert found.ok is True
    assert found.detail.endswith("sentences of 1 not compared: another version wrote them")


@pytest.mark.parametrize("text", ["{}", '{"format": "venturalitica/data-digests/v1", "data": 1}'])
def test_what_is_no_list_of_digests_is_a_fault(ledger: Ledger, text: str) -> None:
    kept = Vault(ledger.home).keep(Pair.of(text))
    signed(ledger, lambda predicate: predicate.update(data_digests=kept))
    assert step(ledger.home).ok is False
