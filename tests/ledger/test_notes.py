"""A note is a record of its own, about one earlier record: no decision, no light, and erasable."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.record import NOTE
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.formats.dsse import Envelope
from venturalitica.ledger.lifecycle import erase as eraser
from venturalitica.ledger.lifecycle.approve import (
    APPROVALS,
    NOTES,
    LateSignOffs,
    approvals,
    note,
    noted,
    notes,
    signed_off,
)
from venturalitica.ledger.lifecycle.ties import ReadOnce
from venturalitica.ledger.records.vault import Vault

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
TEXT = "The sample of May has no pensioners."


def step(found: Verification, name: str) -> Step:
    return next(step for step in found.steps if step.name == name)


def write(ledger: Ledger, index: int, **changes: Any) -> Any:
    facts: dict[str, Any] = {
        "person": "Ada Lovelace",
        "text": TEXT,
        "keyid": ledger.signer_id,
        "at": AT,
    }
    return note(ledger, ledger.entry(index), **facts | changes)


@pytest.fixture
def ledger(written: Path, signer) -> Ledger:
    return Ledger.open(written, signer=signer)


def test_it_says_of_which_record_who_what_and_when_and_decides_nothing(ledger: Ledger) -> None:
    before, light = ledger.entry(1).envelope, ledger.entry(1).record.light
    entry = write(ledger, 1)
    assert ledger.entry(1).envelope == before
    assert (entry.record.predicate_type, entry.record.kind) == (NOTE, "note")
    assert entry.record.light == "grey"
    assert ledger.entry(1).record.light == light
    assert approvals(ledger) == {}
    (found,) = noted(ledger, ledger.entry(1))
    assert found.noted_at == "2026-11-26T09:30:00.000000Z"
    told = found.told(Vault(ledger.home))
    assert (told["person"], told["text"], told["control"]) == ("Ada Lovelace", TEXT, None)
    assert noted(ledger, ledger.entry(0)) == []


def test_name_and_text_are_not_in_the_log_or_the_bundle(ledger: Ledger) -> None:
    entry = write(ledger, 1)
    for data in (entry.envelope, Envelope.parse(entry.envelope).payload, ledger.bundle(3)):
        assert b"Ada" not in data
        assert b"pensioners" not in data


def test_it_verifies_alone_and_with_the_log(ledger: Ledger) -> None:
    write(ledger, 0)
    write(ledger, 0)
    found = verify_ledger(ledger.home)
    assert found.ok, found.fault
    assert "2 notes of the very records" in step(found, "notes").detail
    alone = verify_bundle(ledger.bundle(3))
    assert alone.ok
    assert step(alone, "notes").ok is None


def test_no_note_no_step(three_entries: Path) -> None:
    assert "notes" not in {item.name for item in verify_ledger(three_entries).steps}


def test_erased_it_still_verifies_and_still_is_a_note(ledger: Ledger) -> None:
    entry = write(ledger, 1)
    eraser.erase(ledger, [entry], reason="")
    assert verify_ledger(ledger.home).ok
    told = noted(ledger, ledger.entry(1))[0].told(Vault(ledger.home))
    assert (told["person"], told["text"]) == (None, None)


def test_a_person_signs_with_a_key_of_their_own(ledger: Ledger, stranger) -> None:
    write(ledger, 1, keyid=stranger.keyid, cosigners=(stranger,))
    assert verify_ledger(ledger.home).ok
    assert noted(ledger, ledger.entry(1))[0].keyid == stranger.keyid


def test_a_key_that_did_not_sign_is_a_fault(ledger: Ledger, stranger) -> None:
    write(ledger, 1, keyid=stranger.keyid)
    assert noted(ledger, ledger.entry(1)) == [], "it is not shown in that person's name"
    fault = step(verify_ledger(ledger.home), "notes")
    assert (fault.ok, fault.index) == (False, 3)


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"of": {"entry": 2}}, "notes"),
        ({"of": {"evidence_sha256": "0" * 64}}, "notes"),
        ({"of": {"entry": 30}}, "notes"),
        ({"of": {"run_id": "another"}}, "notes"),
        ({"of": {"entry": -1}}, "statements"),
        ({"of": {"evidence_sha256": "x"}}, "statements"),
        ({"control": ""}, "statements"),
        ({"control": "x" * 201}, "statements"),
        ({"keyid": "x"}, "statements"),
        ({"noted_at": ""}, "statements"),
        ({"text": TEXT}, "statements"),
        ({"person": None}, "statements"),
    ],
    ids=str,
)
def test_of_another_record_or_malformed_is_a_fault(
    ledger: Ledger, change: dict[str, Any], where: str
) -> None:
    statement = write(ledger, 1).statement
    said = statement["predicate"]
    said.pop("log")
    target = said["of"] | change.pop("of", {})
    ledger.append(statement | {"predicate": said | change | {"of": target}})
    fault = step(verify_ledger(ledger.home), where)
    assert (fault.ok, fault.index) == (False, 4)


def test_only_audits_and_runs_have_notes(ledger: Ledger) -> None:
    write(ledger, 1)
    with pytest.raises(EvidenceError, match="no audit and no run"):
        write(ledger, 3)
    size = ledger.size
    with pytest.raises(EvidenceError, match="no verdict on a control"):
        write(ledger, 1, control="gone")
    assert ledger.size == size


@pytest.mark.parametrize("person", ["", "\n", "A\nB", "x" * 201, "\x1b[31mEve", "\u202eadA"])
def test_a_name_is_one_short_line_as_it_is_shown(ledger: Ledger, person: str) -> None:
    with pytest.raises(EvidenceError, match="The name"):
        write(ledger, 1, person=person)
    assert not list(Vault(ledger.home).folder.glob("*.json"))


@pytest.mark.parametrize("text", [" ", "x" * 2_001, "a\x00b", "a\x1b[2Jb", "a\u2066b", "\udcff"])
def test_a_text_is_bounded_and_as_it_is_shown(ledger: Ledger, text: str) -> None:
    with pytest.raises(EvidenceError, match="The note"):
        write(ledger, 1, text=text)


def test_they_are_read_as_the_log_grows(ledger: Ledger) -> None:
    known = ReadOnce(APPROVALS, NOTES)
    assert notes(ledger, known) == {}
    for _ in range(2):
        write(ledger, 0)
    write(ledger, 2, text="\u05e9\u05dc\u05d5\u05dd\n\tand a second line")
    assert {entry: len(found) for entry, found in notes(ledger, known).items()} == {
        0: 2,
        2: 1,
    }
    assert noted(ledger, ledger.entry(0), known) == noted(ledger, ledger.entry(0))
    assert signed_off(ledger, ledger.entry(0), known) == []
    late = LateSignOffs(ledger)
    assert late.last([0, 1, 2]) == {}
    assert late.notes([2]) == {2: 1}
    assert late.notes([0, 1]) == {0: 2}
