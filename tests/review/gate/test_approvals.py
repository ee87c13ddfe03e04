"""Who must sign off before the gate lets anything through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.review.gate.place import POLICY, Place, asked, made, manifest
from venturalitica.core.gate import Candidate, Decision
from venturalitica.core.policy import ApprovalRule
from venturalitica.ledger import load_signer
from venturalitica.ledger.signing.signer import FileSigner


def keys(folder: Path, *names: str) -> list[FileSigner]:
    return [load_signer(None, folder / name) for name in names]


def by(place: Place, candidate: Candidate, *signers: FileSigner, **more: Any) -> Decision:
    return asked(place, candidate, POLICY, *signers, **more)


RISK = (ApprovalRule("Risk"),)
TWO = (ApprovalRule("Risk", 2),)


def test_approvals_by_as_many_people_as_are_asked_for(place: Place, tmp_path: Path) -> None:
    entry = place.of_files(manifest())
    people = ada, bob = keys(tmp_path, "ada", "bob")
    assert by(place, place.candidate(entry), *people, approvals=RISK).rule == "approval"
    first = place.approve(entry, "risk", ada)
    assert by(place, place.candidate(entry, first), *people, approvals=RISK).allowed
    assert by(place, place.candidate(entry, first), *people, approvals=TWO).rule == "approval"
    again = place.approve(entry, "Risk", ada)
    assert (
        by(place, place.candidate(entry, first, again), *people, approvals=TWO).rule == "approval"
    )
    second = place.approve(entry, "Risk", bob)
    assert by(place, place.candidate(entry, first, second), *people, approvals=TWO).allowed


def test_nobody_approves_in_two_roles_or_what_they_signed_themselves(
    place: Place, tmp_path: Path
) -> None:
    entry = place.of_files(manifest())
    people = (ada,) = keys(tmp_path, "ada")
    both = (ApprovalRule("Risk"), ApprovalRule("Law"))
    made = [place.approve(entry, role, ada) for role in ("Risk", "Law")]
    assert by(place, place.candidate(entry, *made), *people, approvals=both).rule == "approval"
    own = place.approve(entry, "Risk")
    found = by(place, place.candidate(entry, own), *people, approvals=RISK)
    assert found.rule == "approval"
    assert "signed the record itself" in found.sentence


def test_a_rejection_afterwards_counts_until_it_is_taken_back(place: Place, tmp_path: Path) -> None:
    entry = place.of_files(manifest())
    people = ada, bob = keys(tmp_path, "ada", "bob")
    evidence = [place.approve(entry, "Risk", ada), place.approve(entry, "Law", bob, "rejected")]
    for rules in ((), RISK):
        found = by(place, place.candidate(entry, *evidence), *people, approvals=rules)
        assert found.rule == "rejected"
        assert "Law rejected it" in found.sentence
    evidence.append(place.approve(entry, "Law", bob))
    assert by(place, place.candidate(entry, *evidence), *people, approvals=RISK).allowed


def test_an_approval_of_another_record_is_none(place: Place, tmp_path: Path) -> None:
    other, entry = place.of_files(manifest()), place.of_files(manifest())
    people = (ada,) = keys(tmp_path, "ada")
    approval = place.approve(other, "Risk", ada)
    assert by(place, place.candidate(entry, approval), *people, approvals=RISK).rule == "approval"


def test_only_keys_that_may_approve_count(place: Place, tmp_path: Path) -> None:
    entry = place.of_files(manifest())
    ada, bob = keys(tmp_path, "ada", "bob")
    evidence = place.candidate(entry, place.approve(entry, "Risk", ada))
    by_ada = (ApprovalRule("Risk", 1, frozenset({ada.keyid})),)
    by_bob = (ApprovalRule("Risk", 1, frozenset({bob.keyid})),)
    assert by(place, evidence, ada, bob, approvals=by_ada).allowed
    assert by(place, evidence, ada, bob, approvals=by_bob).rule == "approval"
    assert by(place, evidence, ada, bob, approvals=(*by_ada, *by_bob)).rule == "approval"
    # A key that nobody trusts signs off for nobody, whatever it says of itself.
    assert by(place, evidence, approvals=RISK).rule == "approval"


def test_the_policy_and_who_asks_both_want_sign_offs(place: Place, tmp_path: Path) -> None:
    text = POLICY + "approvals: [{role: Risk}]\n"
    strict = made(tmp_path / "strict", pytest.MonkeyPatch(), text)
    entry = strict.of_files(manifest())
    ada, bob = keys(tmp_path, "ada", "bob")
    found = asked(strict, strict.candidate(entry), text)
    assert (found.rule, "by 'Risk' asked for" in found.sentence) == ("approval", True)
    first = strict.approve(entry, "Risk", ada)
    assert asked(strict, strict.candidate(entry, first), text, ada).allowed
    law = (ApprovalRule("Law"),)
    assert (
        asked(strict, strict.candidate(entry, first), text, ada, approvals=law).rule == "approval"
    )
    second = strict.approve(entry, "Law", bob)
    assert asked(
        strict, strict.candidate(entry, first, second), text, ada, bob, approvals=law
    ).allowed


def test_a_sign_off_of_the_future_outlasts_no_rejection(place: Place, tmp_path: Path) -> None:
    entry = place.of_files(manifest())
    (ada,) = keys(tmp_path, "ada")
    late = datetime.now(UTC) + timedelta(days=400)
    evidence = [place.approve(entry, "Risk", ada, at=late)]
    evidence.append(place.approve(entry, "Risk", ada, "rejected"))
    assert by(place, place.candidate(*[entry, *evidence]), ada, approvals=RISK).rule == "clock"
