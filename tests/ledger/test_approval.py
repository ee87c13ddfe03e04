"""A sign-off is a record of its own, about one earlier record, by a person who can be forgotten."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.record import APPROVAL
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.formats.dsse import Envelope
from venturalitica.ledger.lifecycle.approve import approvals, approve
from venturalitica.ledger.records.kinds.approval import Approval
from venturalitica.ledger.records.vault import Vault

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def step(found: Verification, name: str) -> Step:
    return next(step for step in found.steps if step.name == name)


def signed_off(ledger: Ledger, index: int, **changes: Any) -> Any:
    facts: dict[str, Any] = {
        "person": "Ada Lovelace",
        "role": "Head of credit risk",
        "decision": "approved",
        "light": "green",
        "comment": "Looks right to me",
        "keyid": ledger.signer_id,
        "at": AT,
    }
    return approve(ledger, ledger.entry(index), **facts | changes)


@pytest.fixture
def ledger(written: Path, signer) -> Ledger:
    return Ledger.open(written, signer=signer)


def test_it_says_which_record_who_in_which_role_and_when(ledger: Ledger) -> None:
    before = ledger.entry(1).envelope
    entry = signed_off(ledger, 1)
    assert ledger.entry(1).envelope == before
    predicate = entry.statement["predicate"]
    assert entry.statement["predicateType"] == APPROVAL
    assert predicate["of"] == {
        "entry": 1,
        "evidence_sha256": ledger.entry(1).evidence_sha256,
        "run_id": f"{1:032x}",
        "light": "green",
    }
    assert predicate["decision"] == "approved"
    assert predicate["role"] == "Head of credit risk"
    assert predicate["decided_at"] == "2026-11-26T09:30:00.000000Z"
    found = approvals(ledger)
    assert list(found) == [1]
    told = found[1][0].told(Vault(ledger.home))
    assert (told["person"], told["comment"]) == ("Ada Lovelace", "Looks right to me")


def test_name_and_comment_are_not_in_the_log_or_the_bundle(ledger: Ledger) -> None:
    entry = signed_off(ledger, 1)
    for data in (entry.envelope, Envelope.parse(entry.envelope).payload, ledger.bundle(3)):
        assert b"Ada" not in data
        assert b"right to me" not in data


def test_it_verifies_alone_and_with_the_log(ledger: Ledger) -> None:
    signed_off(ledger, 0, decision="rejected")
    signed_off(ledger, 0)
    found = verify_ledger(ledger.home)
    assert found.ok, found.fault
    assert step(found, "approvals").ok
    assert "2 sign-offs" in step(found, "approvals").detail
    alone = verify_bundle(ledger.bundle(3))
    assert alone.ok
    assert step(alone, "approvals").ok is None
    assert [one.decision for one in approvals(ledger)[0]] == ["rejected", "approved"]


def test_no_approval_no_step(three_entries: Path) -> None:
    assert "approvals" not in {item.name for item in verify_ledger(three_entries).steps}


def test_erased_it_still_verifies(ledger: Ledger) -> None:
    from venturalitica.ledger.lifecycle import erase as eraser

    entry = signed_off(ledger, 1)
    eraser.erase(ledger, [entry], reason="")
    assert verify_ledger(ledger.home).ok
    told = approvals(ledger)[1][0].told(Vault(ledger.home))
    assert (told["person"], told["comment"], told["role"]) == (None, None, "Head of credit risk")
    assert told["commented"]


def test_a_person_signs_with_a_key_of_their_own(ledger: Ledger, stranger) -> None:
    entry = signed_off(ledger, 1, keyid=stranger.keyid, cosigners=(stranger,))
    signers = {item.keyid for item in Envelope.parse(entry.envelope).signatures}
    assert signers == {ledger.signer_id, stranger.keyid}
    assert verify_ledger(ledger.home).ok
    assert approvals(ledger)[1][0].keyid == stranger.keyid


def test_a_key_that_did_not_sign_is_a_fault(ledger: Ledger, stranger) -> None:
    signed_off(ledger, 1, keyid=stranger.keyid)
    assert approvals(ledger) == {}, "it is not shown in that person's name"
    fault = step(verify_ledger(ledger.home), "approvals")
    assert (fault.ok, fault.index) == (False, 3)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"entry": 2}, "approvals"),
        ({"evidence_sha256": "0" * 64}, "approvals"),
        ({"entry": 3}, "approvals"),
        ({"entry": 30}, "approvals"),
        ({"light": "grey"}, None),
        ({"run_id": "another"}, "approvals"),
        ({"entry": -1}, "statements"),
        ({"entry": True}, "statements"),
        ({"light": "blue"}, "statements"),
        ({"evidence_sha256": "x"}, "statements"),
    ],
)
def test_of_another_record_is_a_fault(
    ledger: Ledger, change: dict[str, Any], where: str | None
) -> None:
    statement = signed_off(ledger, 1).statement
    statement["predicate"].pop("log")
    statement["predicate"]["of"] |= change
    if change.get("entry") == 3:
        change["entry"] = statement["predicate"]["of"]["entry"] = 4
    ledger.append(statement)
    if where is None:
        assert verify_ledger(ledger.home).ok
        return
    fault = step(verify_ledger(ledger.home), where)
    assert (fault.ok, fault.index) == (False, 4)


def test_a_light_greener_than_recorded_is_a_fault(ledger: Ledger, statement) -> None:
    red = ledger.append(statement(9, light="amber"))
    signed_off(ledger, red.index, light="red")
    assert verify_ledger(ledger.home).ok, "it may have been worse than recorded"
    signed_off(ledger, red.index, light="green")
    fault = step(verify_ledger(ledger.home), "approvals")
    assert (fault.ok, fault.index) == (False, 5)
    assert "says that entry 3 was green, which is amber" in fault.detail


def test_a_sign_off_of_a_sign_off_is_a_fault(ledger: Ledger) -> None:
    first = signed_off(ledger, 1)
    statement = first.statement
    del statement["predicate"]["log"]
    statement["predicate"]["of"] |= {"entry": 3, "evidence_sha256": first.evidence_sha256}
    ledger.append(statement)
    fault = step(verify_ledger(ledger.home), "approvals")
    assert "no audit and no run" in fault.detail
    assert approvals(ledger).keys() == {1}


@pytest.mark.parametrize(
    "change",
    [
        {"decision": "maybe"},
        {"role": ""},
        {"person": "Ada"},
        {"comment": "text"},
        {"keyid": None},
        {"of": None},
    ],
)
def test_a_malformed_one_is_a_fault(ledger: Ledger, change: dict[str, Any]) -> None:
    statement = signed_off(ledger, 1).statement
    statement["predicate"].pop("log")
    statement["predicate"] |= change
    ledger.append(statement)
    fault = step(verify_ledger(ledger.home), "statements")
    assert (fault.ok, fault.index) == (False, 4)


def test_one_whose_digest_does_not_fit_is_shown_nowhere(ledger: Ledger) -> None:
    statement = signed_off(ledger, 1).statement
    statement["predicate"].pop("log")
    statement["predicate"]["of"]["entry"] = 2
    ledger.append(statement)
    assert list(approvals(ledger)) == [1]


def test_only_audits_and_runs_are_signed_off(ledger: Ledger) -> None:
    signed_off(ledger, 1)
    with pytest.raises(EvidenceError, match="entry 3 is no audit"):
        signed_off(ledger, 3)


def test_what_was_not_signed_keeps_no_name(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise SigningKeyError("no")

    monkeypatch.setattr(Ledger, "append", refuse)
    with pytest.raises(SigningKeyError):
        signed_off(ledger, 1)
    assert list((ledger.home / "vault").glob("*.json")) == []


@pytest.mark.parametrize("field", ["role", "comment"])
def test_what_cannot_be_written_keeps_no_name(ledger: Ledger, field: str) -> None:
    with pytest.raises(EvidenceError):
        signed_off(ledger, 1, **{field: "not \udcff Unicode"})
    assert list((ledger.home / "vault").glob("*.json")) == []


def test_read_back_as_written(ledger: Ledger) -> None:
    entry = signed_off(ledger, 2, comment="")
    approval = Approval.of(json.loads(Envelope.parse(entry.envelope).payload)["predicate"], 3)
    assert approval.comment is None
    assert approval.told(Vault(ledger.home))["commented"] is False
    assert (approval.entry, approval.index) == (2, 3)
