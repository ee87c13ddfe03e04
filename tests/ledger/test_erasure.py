"""Erasing personal values: the log says so, still verifies, and no half-done erasure can stay."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from venturalitica.core.verification import Step
from venturalitica.ledger import Index, Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.lifecycle.erase import erase, erasures, go_on, shown
from venturalitica.ledger.records.vault import Pair, Vault

PERSON = "Ada Lovelace"


def signed_off(vault: Vault, of: str = "0" * 64, person: str = PERSON) -> dict:
    """A record that refers to the vault, as an approval does."""
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "record/0", "digest": {"sha256": of}}],
        "predicateType": "urn:example:approval",
        "predicate": {
            "kind": "approval",
            "person": vault.keep(Pair.of(person)),
            "comment": vault.keep(Pair.of(f"fine, {person}")),
        },
    }


@pytest.fixture
def vault(home: Path) -> Vault:
    return Vault(home)


@pytest.fixture
def filled(ledger: Ledger, vault: Vault, statement) -> Ledger:
    """An audit, two records with two values each."""
    audit = ledger.append(statement(0))
    ledger.append(signed_off(vault, audit.evidence_sha256))
    ledger.append(signed_off(vault, person="Grace Hopper"))
    return ledger


def vault_step(home: Path) -> Step | None:
    return next((step for step in verify_ledger(home).steps if step.name == "vault"), None)


def anywhere(home: Path, text: str) -> list[Path]:
    files = (path for path in home.rglob("*") if path.is_file())
    return [path for path in files if text.encode() in path.read_bytes()]


def test_a_log_without_references_says_nothing_of_a_vault(ledger: Ledger, statement) -> None:
    ledger.append(statement(0))
    assert vault_step(ledger.home) is None


def test_erased_values_are_nowhere_and_the_log_verifies(filled: Ledger) -> None:
    before = filled.entry(1).evidence_sha256
    assert anywhere(filled.home, PERSON)
    done = erase(filled, [filled.entry(1)], reason="she asked for it")
    assert (done.pairs, done.entry.index) == (2, 3)
    assert not anywhere(filled.home, PERSON)
    assert filled.entry(1).evidence_sha256 == before
    step = vault_step(filled.home)
    assert step.ok is True
    assert "2 values erased" in step.detail
    assert "entry 3" in step.detail


def test_the_erasure_record_says_what_and_hides_why(filled: Ledger) -> None:
    erase(filled, [filled.entry(1)], reason=f"{PERSON} asked")
    predicate = filled.entry(3).statement["predicate"]
    held = [filled.entry(1).statement["predicate"][name]["vault"] for name in ("comment", "person")]
    (target,) = predicate["targets"]
    assert target["entry"] == 1
    assert target["evidence_sha256"] == filled.entry(1).evidence_sha256
    assert target["digests"] == held
    assert shown(filled, predicate["reason"]) == f"{PERSON} asked"
    assert anywhere(filled.home / "log", PERSON) == []


def test_it_is_shown_until_it_is_erased(filled: Ledger) -> None:
    person = filled.entry(1).statement["predicate"]["person"]
    assert shown(filled, person) == PERSON
    erase(filled, [filled.entry(1)])
    day = next(iter(erasures(filled).values()))
    assert shown(filled, person) == f"(erased on {day})"
    other = filled.entry(2).statement["predicate"]["person"]
    assert shown(filled, other) == "Grace Hopper"


def test_erasing_twice_records_once(filled: Ledger) -> None:
    erase(filled, [filled.entry(1)])
    again = erase(filled, [filled.entry(1)])
    assert (again.entry, again.pairs, filled.size) == (None, 0, 4)


def test_what_holds_nothing_is_not_recorded(filled: Ledger) -> None:
    assert erase(filled, [filled.entry(0)]).entry is None
    assert filled.size == 3


def test_a_pair_put_back_is_a_fault_and_erased_again(filled: Ledger, vault: Vault) -> None:
    digest = filled.entry(1).statement["predicate"]["person"]["vault"]
    kept = vault.path(digest).read_bytes()
    erase(filled, [filled.entry(1)])
    vault.path(digest).write_bytes(kept)
    found = verify_ledger(filled.home).fault
    assert (found.name, found.index) == ("vault", 3)
    assert "still there" in found.detail
    assert erase(filled, [filled.entry(1)]).pairs == 1
    assert verify_ledger(filled.home).ok


def test_a_pair_deleted_by_hand_is_told_and_can_be_recorded(filled: Ledger, vault: Vault) -> None:
    vault.erase(filled.entry(1).statement["predicate"]["person"]["vault"])
    step = vault_step(filled.home)
    assert (step.ok, step.index) == (None, 1)
    assert "no erasure record" in step.detail
    erase(filled, [filled.entry(1)])
    assert vault_step(filled.home).ok is True


def test_an_altered_pair_is_a_fault(filled: Ledger, vault: Vault) -> None:
    path = vault.path(filled.entry(1).statement["predicate"]["person"]["vault"])
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"value": "Eve"}))
    found = verify_ledger(filled.home).fault
    assert (found.name, found.index) == ("vault", 1)


def test_a_value_that_no_record_refers_to_is_told(filled: Ledger, vault: Vault) -> None:
    vault.keep(Pair.of("sealed by a writer that was killed"))
    assert "1 value that no record refers to" in vault_step(filled.home).detail


def test_bundles_hold_digests_only_and_verify_after_erasure(filled: Ledger) -> None:
    before = filled.bundle(1)
    assert PERSON.encode() not in before
    erase(filled, [filled.entry(1)])
    for data in (before, filled.bundle(1), filled.bundle(3)):
        found = verify_bundle(data)
        assert found.ok, found.fault
    (step,) = (step for step in verify_bundle(before).steps if step.name == "vault")
    assert (step.ok, "2 values" in step.detail) == (None, True)


def test_a_copy_without_the_vault_is_told(filled: Ledger, tmp_path: Path) -> None:
    erase(filled, [filled.entry(1)])
    copy = tmp_path / "copy"
    shutil.copytree(filled.home, copy, ignore=shutil.ignore_patterns("vault"))
    found = verify_ledger(copy)
    assert found.ok
    assert vault_step(copy).ok is None


def test_an_erasure_of_what_was_never_there_is_a_fault(filled: Ledger) -> None:
    from venturalitica.ledger.records.kinds.erasure import Target, erasure_statement

    for target in (
        Target(1, filled.entry(1).evidence_sha256, ("a" * 64,)),
        Target(1, "b" * 64, (filled.entry(1).statement["predicate"]["person"]["vault"],)),
        Target(7, "b" * 64, ("a" * 64,)),
    ):
        copy = filled.home.with_name("copy")
        shutil.copytree(filled.home, copy)
        Ledger.open(copy, signer=filled._signer).append(erasure_statement([target], None))
        assert verify_ledger(copy).fault.name == "vault", target
        shutil.rmtree(copy)


def test_a_planted_mark_makes_us_sign_and_delete_nothing(filled: Ledger, vault: Vault) -> None:
    """Whoever can write the folder must not get an erasure signed in our name."""
    from venturalitica.ledger.records.kinds.erasure import Target, erasure_statement

    of = filled.entry(1)
    target = Target(1, of.evidence_sha256, (of.statement["predicate"]["person"]["vault"],))
    marks = vault.folder / "erasing"
    marks.mkdir()
    (marks / "x.json").write_text(json.dumps(erasure_statement([target], None)))
    go_on(Ledger.open(filled.home, signer=filled._signer))
    assert filled.size == 3
    assert vault.open(of.statement["predicate"]["person"]) == PERSON
    assert list(marks.iterdir()) == []


def test_records_that_share_a_pair_are_erased_one_by_one(filled: Ledger, vault: Vault) -> None:
    twin = filled.entry(1).statement
    del twin["predicate"]["log"]
    entry = filled.append(twin)
    erase(filled, [entry])
    found = verify_ledger(filled.home)
    assert found.ok, found.fault
    assert not anywhere(filled.home, PERSON)


def test_a_malformed_erasure_stops_no_other(filled: Ledger) -> None:
    from venturalitica.core.record import ERASURE

    odd = {"format": 1, "kind": "erasure", "targets": [{"entry": -1}], "reason": None}
    filled.append(signed_off(Vault(filled.home)) | {"predicateType": ERASURE, "predicate": odd})
    assert erase(filled, [filled.entry(1)]).pairs == 2
    assert verify_ledger(filled.home).fault.name == "statements"


def test_a_parameter_that_looks_like_a_reference_is_none(
    filled: Ledger, vault: Vault, statement
) -> None:
    person = filled.entry(1).statement["predicate"]["person"]
    audit = filled.append(statement(7, bindings={"found": person}))
    assert erase(filled, [audit]).entry is None
    assert vault.open(person) == PERSON
    assert verify_ledger(filled.home).ok


def test_what_a_killed_writer_left_half_sealed_goes_after_an_hour(
    filled: Ledger, vault: Vault
) -> None:
    left = [vault.folder / f".{'a' * 64}.json.{number}" for number in range(2)]
    for path in left:
        path.write_text("a name")
    os.utime(left[0], (1, 1))
    erase(filled, [filled.entry(2)])
    assert [path.exists() for path in left] == [False, True]


def test_an_erasure_killed_at_any_step_is_finished_by_the_next_writer(
    filled: Ledger, signer, tmp_path: Path, killed_at_each_step
) -> None:
    with Index.open(filled):
        pass  # made before, so that fewer steps are about it

    def act(home: Path) -> None:
        ledger = Ledger.open(home, signer=signer)
        erase(ledger, [ledger.entry(1)])

    seen = set()
    for home, ended in killed_at_each_step(filled.home, tmp_path / "killed", act):
        go_on(Ledger.open(home, signer=signer))
        found, gone = verify_ledger(home), not anywhere(home, PERSON)
        assert found.ok, found.fault
        told = "erased" in next(step.detail for step in found.steps if step.name == "vault")
        assert told is gone
        seen.add((gone, ended))
        act(home)
        assert not anywhere(home, PERSON)
        assert Ledger.open(home).size == 4, "recorded once, not again"
        assert verify_ledger(home).ok
    assert seen == {(False, False), (True, False), (True, True)}
