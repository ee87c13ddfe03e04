"""What the gate lets through, and everything that a stranger might put in its way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.review.gate.place import FILES, POLICY, STRICTER, Place, asked, made, manifest
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.gate import Requirement
from venturalitica.core.manifest import REGISTRY_META, Manifest
from venturalitica.ledger import Ledger, load_signer
from venturalitica.ledger.formats.dsse import Envelope
from venturalitica.ledger.records.kinds.model_tie import Likeness
from venturalitica.policy.read import parse_policy
from venturalitica.review.gate import decide


def test_files_that_were_judged_are_let_through(place: Place) -> None:
    entry = place.of_files(manifest())
    found = asked(place, place.candidate(entry))
    assert (found.allowed, found.rule, found.control) == (True, "allowed", ""), found.sentence
    assert found.record == entry.evidence_sha256
    assert found.files_root == manifest().root
    assert found.policy_sha256 == sha256_hex(POLICY.encode())
    assert "\n" not in found.sentence


def test_files_that_a_record_of_their_own_ties_to_an_audit_are_too(place: Place) -> None:
    tie = place.tie(manifest())
    found = asked(place, place.candidate(place.first, tie))
    assert found.allowed, found.sentence
    assert found.record == place.first.evidence_sha256


def test_what_mlflow_adds_is_no_file_of_the_version(place: Place) -> None:
    entry = place.of_files(manifest())
    files = Manifest.over(FILES, (REGISTRY_META,))
    assert asked(place, place.candidate(entry, files=files)).allowed


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({"model.pkl": "0" * 64}, "model.pkl has other bytes"),
        ({"loader.py": "0" * 64}, "loader.py is new"),
    ],
)
def test_swapped_and_added_files_are_refused(
    place: Place, files: dict[str, str], what: str
) -> None:
    for evidence in ([place.of_files(manifest())], [place.first, place.tie(manifest())]):
        found = asked(place, place.candidate(*evidence, files=manifest(**files)))
        assert (found.allowed, found.rule) == (False, "other-files")
        assert what in found.sentence


def test_files_with_each_others_names_are_refused_though_their_root_is_the_same(
    place: Place,
) -> None:
    entry = place.of_files(manifest())
    renamed = Manifest.over({"MLmodel": FILES["MLmodel"], "other.pkl": FILES["model.pkl"]})
    assert renamed.root == manifest().root
    assert asked(place, place.candidate(entry, files=renamed)).rule == "other-files"


def test_evidence_of_another_run_or_version_is_refused(place: Place) -> None:
    other = Manifest.over({"model.pkl": sha256_hex(b"another")})
    entry = place.of_files(other)
    assert asked(place, place.candidate(entry)).rule == "other-files"
    assert asked(place, place.candidate(place.first, place.tie(other))).rule == "other-files"
    # The record that ties these files to an audit that is not here, beside an audit of others.
    tie = place.tie(manifest(), of=place.first)
    assert asked(place, place.candidate(entry, tie)).rule == "other-files"
    assert asked(place, place.candidate(tie)).rule == "no-evidence"
    assert asked(place, place.candidate(place.first)).rule == "other-files"


def test_files_that_were_only_logged_afterwards_are_refused(place: Place) -> None:
    tie = place.tie(manifest(), likeness=Likeness(reason="not asked"))
    assert asked(place, place.candidate(place.first, tie)).rule == "not-compared"


@pytest.mark.parametrize("part", ["envelope", "checkpoint", "proof", "index", "keys", "bytes"])
def test_edited_evidence_is_refused(place: Place, part: str) -> None:
    place.of_files(manifest())
    entry = place.of_files(manifest())
    bundle = json.loads(place.ledger.bundle(entry.index))
    if part == "envelope":
        envelope = json.loads(bundle["envelope"])
        payload = Envelope.parse(bundle["envelope"].encode()).payload
        edited = payload.replace(b'"light":"green"', b'"light":"amber"', 1)
        assert edited != payload
        import base64

        envelope["payload"] = base64.b64encode(edited).decode()
        bundle["envelope"] = json.dumps(envelope, separators=(",", ":"))
    elif part == "checkpoint":
        bundle["checkpoint"] = bundle["checkpoint"].replace(f"\n{bundle['size']}\n", "\n9\n")
    elif part == "proof":
        bundle["proof"][0] = "0" * 64
    elif part == "index":
        bundle["index"] -= 1
    elif part == "keys":
        bundle["keys"] = {}
    data = json.dumps(bundle, sort_keys=True, separators=(",", ":")).encode()
    data += b" " if part == "bytes" else b""
    found = asked(place, replace(place.candidate(entry), bundles={"evidence.json": data}))
    assert (found.allowed, found.rule) == (False, "signature"), found.sentence


@pytest.mark.parametrize(
    "junk", [b"", b"{}", b"[" * 10_000, b"\x00\xff", b'{"format":"venturalitica/bundle/v1"}']
)
def test_junk_refuses_and_breaks_nothing(place: Place, junk: bytes) -> None:
    candidate = place.candidate(place.of_files(manifest()))
    for bundles in ({"junk.json": junk}, {**candidate.bundles, "junk.json": junk}):
        found = asked(place, replace(candidate, bundles=bundles))
        assert (found.allowed, found.rule) == (False, "signature")


def test_an_old_record_is_refused(place: Place) -> None:
    entry = place.of_files(manifest())
    later = datetime.now(UTC) + timedelta(days=31)
    old = asked(place, place.candidate(entry), now=later, max_age=timedelta(days=30))
    assert (old.allowed, old.rule) == (False, "too-old")
    assert "31 days ago" in old.sentence
    assert "30 days are allowed" in old.sentence
    assert asked(place, place.candidate(entry), max_age=timedelta(days=30)).allowed


def test_what_waited_for_its_log_is_as_old_as_its_run(place: Place) -> None:
    def ended_long_ago(predicate: dict[str, Any]) -> None:
        predicate["run"]["ended_at"] = "2020-01-01T00:00:00.000000Z"
        predicate["retention"] = None

    entry = place.of_files(manifest(), ended_long_ago)
    assert asked(place, place.candidate(entry), max_age=timedelta(days=30)).rule == "too-old"


def test_a_record_of_the_future_is_refused(place: Place) -> None:
    entry = place.of_files(manifest())
    before = datetime.now(UTC) - timedelta(hours=1)
    assert asked(place, place.candidate(entry), now=before).rule == "clock"

    def in_no_zone(predicate: dict[str, Any]) -> None:
        predicate["run"]["ended_at"] = "2026-01-01T00:00:00"

    odd = place.of_files(manifest(), in_no_zone)
    assert asked(place, place.candidate(odd)).rule == "clock"


def test_a_policy_of_the_same_name_is_another(place: Place) -> None:
    entry = place.of_files(manifest())
    required = STRICTER
    found = asked(place, place.candidate(entry), required)
    assert (found.allowed, found.rule) == (False, "no-tally")
    assert "neither published" in found.sentence
    judged = asked(place, place.candidate(entry, tallies=place.tallies), required)
    assert (judged.rule, judged.control) == ("control", "accuracy")
    assert "control 'accuracy' failed" in judged.sentence


def test_another_policy_holds_by_the_counts_judged_anew(place: Place) -> None:
    entry = place.of_files(manifest())
    looser = POLICY.replace('"1.0"', '"0.9"').replace("0.50", "0.40")
    found = asked(place, place.candidate(entry, tallies=place.tallies), looser)
    assert found.allowed, found.sentence
    assert "judged anew from its tally" in found.sentence
    assert asked(place, place.candidate(entry), looser).rule == "no-tally"


@pytest.mark.parametrize(
    "required",
    [
        POLICY.replace("favorable: 1", "favorable: 1, labels: [0, 1]"),
        POLICY
        + '  - {id: parity, metric: demographic_parity_ratio, across: sex, must: ">= 0.8"}\n',
        POLICY + '  - {id: auc, metric: roc_auc, must: ">= 0.5"}\n',
    ],
)
def test_counts_that_do_not_hold_what_the_policy_asks_let_nothing_through(
    place: Place, required: str
) -> None:
    entry = place.of_files(manifest())
    found = asked(place, place.candidate(entry, tallies=place.tallies), required)
    assert not found.allowed
    assert found.rule in ("control", "other-policy")


def test_a_tally_of_another_record_is_refused(place: Place) -> None:
    entry = place.of_files(manifest())
    digest = place.first.record.tally_kept
    for pair in (b"{}", b"", place.tallies[digest].replace(b"300", b"301")):
        for required in (POLICY, STRICTER):
            found = asked(place, place.candidate(entry, tallies={digest: pair}), required)
            assert (found.allowed, found.rule) == (False, "signature")


def test_a_lie_that_the_right_key_signed_is_found_by_the_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made(tmp_path / "bad", monkeypatch, POLICY, 0.3)

    def green(predicate: dict[str, Any]) -> None:
        predicate["light"] = "green"
        for verdict in predicate["verdicts"]:
            verdict |= {"status": "passed", "conclusive": True, "value": 0.9, "light": "green"}
            verdict["interval"] = {"low": 0.88, "high": 0.92}

    entry = place.of_files(manifest(), green)
    assert asked(place, place.candidate(entry, tallies=place.tallies)).rule == "signature"


def test_a_control_that_did_not_pass_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    red = made(tmp_path / "red", monkeypatch, POLICY, 0.3)
    found = asked(red, red.candidate(red.of_files(manifest())))
    assert (found.rule, found.control) == ("control", "accuracy")
    assert found.sentence.startswith("control 'accuracy' failed: ")
    amber = made(tmp_path / "amber", monkeypatch, POLICY, 0.58)
    candidate = amber.candidate(amber.of_files(manifest()))
    found = asked(amber, candidate)
    assert (found.rule, found.control) == ("control", "accuracy")
    assert "is not conclusive" in found.sentence
    assert asked(amber, candidate, light="amber").allowed


def test_the_newest_audit_of_the_files_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = made(tmp_path / "good", monkeypatch)
    first = good.candidate(good.of_files(manifest()))
    bad = made(tmp_path / "bad", monkeypatch, POLICY, 0.3)
    then = bad.candidate(bad.of_files(manifest()))
    both = {f"good/{name}": data for name, data in first.bundles.items()}
    both |= {f"bad/{name}": data for name, data in then.bundles.items()}
    assert asked(good, replace(first, bundles=both), POLICY, bad.signer).control == "accuracy"


def test_what_a_record_says_is_one_line_without_control_characters(place: Place) -> None:
    entry = place.of_files(manifest())
    odd = {"a\x1b[31m\nb": "0" * 64}
    found = asked(place, place.candidate(entry, files=manifest(**odd)))
    assert found.rule == "other-files"
    assert "\x1b" not in found.sentence
    assert "\n" not in found.sentence


def test_without_evidence_nothing_is_let_through(place: Place) -> None:
    found = asked(place, place.candidate())
    assert (found.allowed, found.rule) == (False, "no-evidence")


def test_a_tie_of_another_log_is_none(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = made(tmp_path / "other", monkeypatch)
    tie = other.tie(manifest(), of=place.first)
    mixed = place.candidate(place.first)
    bundles = {**mixed.bundles, "tie.json": other.ledger.bundle(tie.index)}
    assert asked(place, replace(mixed, bundles=bundles)).rule == "other-files"


def test_only_named_signers_count(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = made(tmp_path / "stranger", monkeypatch)
    forged = stranger.candidate(stranger.of_files(manifest()))
    assert asked(stranger, forged).allowed
    found = asked(place, forged)
    assert (found.allowed, found.rule) == (False, "signer"), found.sentence
    requirement = Requirement(policy=parse_policy(POLICY.encode()))
    for nobody in ({}, {"known_keys": ()}, {"trusted_keys": ()}):
        assert not decide(forged, requirement, keys=nobody, now=datetime.now(UTC)).allowed


def test_a_stranger_cannot_tie_files_to_a_signers_audit(place: Place, tmp_path: Path) -> None:
    place.ledger = Ledger.open(place.ledger.home, signer=load_signer(None, tmp_path / "stranger"))
    tie = place.tie(manifest())
    found = asked(place, place.candidate(place.first, tie))
    assert not found.allowed, found.sentence


def test_too_many_records_are_not_read(place: Place) -> None:
    candidate = place.candidate(place.of_files(manifest()))
    many = {**candidate.bundles, **{f"{number}.json": b"{}" for number in range(300)}}
    assert asked(place, replace(candidate, bundles=many)).rule == "too-much"
