"""Files that were judged red on other rows pass by a person's word alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

import venturalitica as vl
from tests.review.gate.place import POLICY, Place, asked, manifest
from venturalitica.core.gate import Candidate, Decision
from venturalitica.ledger import Entry, Ledger, load_signer
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.review.gate import by_files

SAID = "the same files were judged red on other rows: entry "


@pytest.fixture
def person(tmp_path: Path) -> FileSigner:
    return load_signer(None, tmp_path / "ada")


def judged(place: Place, right: float, rows: int = 8, policy: str = POLICY, **more: Any) -> Entry:
    """The files, on rows of their own, of which they are right about so many; an entry."""
    random = numpy.random.default_rng(rows)
    truth = random.integers(0, 2, 300)
    said = numpy.where(random.random(300) < right, truth, 1 - truth)
    (place.folder / "policy.yaml").write_text(policy)
    table = pandas.DataFrame({"label": truth, "said": said, "group": ["a", "b"] * 150})
    roles = {"target": "label", "prediction": "said", **more}
    vl.enforce(table, policy=place.folder / "policy.yaml", **roles)
    place.ledger = Ledger.open(place.folder / "evidence", signer=place.signer)
    place.first = place.ledger.entry(place.ledger.size - 1)
    return place.of_files(manifest())


def decided(place: Place, *entries: Entry, by: FileSigner | None = None) -> Decision:
    tallies = {**place.tallies}
    return asked(place, place.candidate(*entries, tallies=tallies), POLICY, *([by] if by else []))


def test_a_green_answer_on_other_rows_does_not_outweigh_a_red_one(place: Place) -> None:
    red = judged(place, 0.3)
    green = judged(place, 0.9, rows=9)
    found = decided(place, red, green)
    assert (found.allowed, found.rule) == (False, "judged-red"), found.sentence
    day = red.record.run.ended_at[:10]
    assert f"{SAID}{red.index}, {day}; whoever has seen both may sign" in found.sentence
    assert found.record == green.evidence_sha256
    assert decided(place, green).allowed


def test_a_person_who_signs_the_green_one_off_since_lets_it_pass(
    place: Place, person: FileSigner
) -> None:
    red, green = judged(place, 0.3), judged(place, 0.9, rows=9)
    word = place.approve(green, "Head of risk", person)
    found = decided(place, red, green, word, by=person)
    assert found.allowed, found.sentence
    assert f"{SAID}{red.index}" in found.sentence
    assert "signed off since" in found.sentence
    assert decided(place, red, green, word).rule == "judged-red", "nobody named that key"


@pytest.mark.parametrize("whose", ["of the red one", "by the key of the record", "before", "no"])
def test_no_other_word_does(place: Place, person: FileSigner, whose: str) -> None:
    red, green = judged(place, 0.3), judged(place, 0.9, rows=9)
    about = red if whose == "of the red one" else green
    key = None if whose == "by the key of the record" else person
    at = datetime.now(UTC) - timedelta(hours=1) if whose == "before" else None
    word = place.approve(
        about, "Head of risk", key, "rejected" if whose == "no" else "approved", at
    )
    expected = "rejected" if whose == "no" else "judged-red"
    assert decided(place, red, green, word, by=person).rule == expected


def test_of_the_same_rows_the_newest_counts(place: Place) -> None:
    parity = POLICY + (
        "  - {id: parity, metric: demographic_parity_ratio, across: gender, must: '>= 0.5', "
        "on_fail: block}\n"
    )
    with pytest.raises(vl.ControlBlocked):  # one group alone gives no ratio
        judged(place, 0.9, policy=parity, gender=numpy.array(["a"] * 300))
    ledger = Ledger.open(place.folder / "evidence", signer=place.signer)
    place.ledger, place.first = ledger, ledger.entry(ledger.size - 1)
    red = place.of_files(manifest())
    assert red.record.light == "red"
    green = judged(place, 0.9, policy=parity, gender="group")
    found = asked(place, place.candidate(red, green), parity)
    assert found.allowed, found.sentence
    other = judged(place, 0.9, rows=9, policy=parity, gender="group")
    assert asked(place, place.candidate(red, other), parity).rule == "judged-red"


def test_a_byte_more_in_the_policy_does_not_hide_it(place: Place) -> None:
    red = judged(place, 0.3, policy=POLICY + "# another text\n")
    tallies = place.tallies
    green = judged(place, 0.9, rows=9)
    found = asked(place, place.candidate(red, green, tallies={**tallies, **place.tallies}))
    assert found.rule == "judged-red"
    # Whose tally is nowhere cannot be judged by this policy.
    assert asked(place, place.candidate(red, green)).allowed


def test_asking_again_and_again_does_not_push_it_out(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_files, "MOST", 2)
    red = judged(place, 0.3)
    for rows in (9, 10, 11):
        judged(place, 0.9, rows=rows)
    found = by_files.with_log(Candidate(name="credit", files=manifest()), place.ledger)
    assert f"{by_files.HERE}{red.index}" in found.bundles
    assert asked(place, found).rule == "judged-red"


def test_red_of_other_files_is_nothing_to_these(place: Place) -> None:
    judged(place, 0.3)
    red = place.of_files(manifest(**{"model.pkl": "0" * 64}))
    assert decided(place, red, judged(place, 0.9, rows=9)).allowed
