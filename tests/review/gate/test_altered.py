"""Evidence that somebody edited refuses, whatever stands beside it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.review.gate.place import STRICTER, Place, asked, made, manifest
from venturalitica.core.encoding import canonical_json

Edit = Callable[[dict[str, Any]], None]


def with_another_signature(bundle: dict[str, Any]) -> None:
    envelope = json.loads(bundle["envelope"])
    signature = envelope["signatures"][0]
    signature["sig"] = f"AAAAAAAA{signature['sig'][8:]}"
    bundle["envelope"] = json.dumps(envelope, separators=(",", ":"), sort_keys=True)


def with_another_place(bundle: dict[str, Any]) -> None:
    bundle["index"] += 1


def with_another_proof(bundle: dict[str, Any]) -> None:
    bundle["proof"] = ["0" * 64, *bundle["proof"][1:]]


def with_nothing_that_can_be_read(bundle: dict[str, Any]) -> None:
    bundle.clear()


def edited(bundle: bytes, edit: Edit) -> bytes:
    said = json.loads(bundle)
    edit(said)
    return canonical_json(said)


@pytest.mark.parametrize(
    "edit",
    [with_another_signature, with_another_place, with_another_proof, with_nothing_that_can_be_read],
)
def test_an_edited_red_audit_does_not_leave_an_older_green_one_to_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Edit
) -> None:
    good = made(tmp_path / "good", monkeypatch)
    green = good.candidate(good.of_files(manifest()))
    bad = made(tmp_path / "bad", monkeypatch, good.policy.decode(), 0.3)
    (red,) = bad.candidate(bad.of_files(manifest())).bundles.values()
    whole = replace(green, bundles={**green.bundles, "later.json": red})
    assert asked(good, whole, good.policy.decode(), bad.signer).control == "accuracy"
    spoilt = replace(green, bundles={**green.bundles, "later.json": edited(red, edit)})
    found = asked(good, spoilt, good.policy.decode(), bad.signer)
    assert (found.allowed, found.rule) == (False, "signature"), found.sentence
    assert "later.json" in found.sentence


def test_an_edited_rejection_does_not_become_none(place: Place) -> None:
    entry = place.of_files(manifest())
    rejection = place.approve(entry, "Risk", decision="rejected")
    candidate = place.candidate(entry, rejection)
    assert asked(place, candidate).rule == "rejected"
    name = f"{rejection.index}.json"
    spoilt = edited(candidate.bundles[name], with_another_signature)
    found = asked(place, replace(candidate, bundles={**candidate.bundles, name: spoilt}))
    assert (found.allowed, found.rule) == (False, "signature")


@pytest.mark.parametrize("edit", [with_another_signature, with_another_place, with_another_proof])
def test_what_was_verified_once_vouches_for_no_other_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: Edit
) -> None:
    place = made(tmp_path / "place", monkeypatch)
    whole = place.candidate(place.of_files(manifest()))
    ((name, data),) = whole.bundles.items()
    assert asked(place, whole).allowed
    altered = replace(whole, bundles={name: edited(data, edit)})
    assert asked(place, altered).rule == "signature"
    assert asked(place, whole).allowed


def test_what_was_verified_by_one_key_is_nobodys_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made(tmp_path / "place", monkeypatch)
    stranger = made(tmp_path / "stranger", monkeypatch)
    theirs = stranger.candidate(stranger.of_files(manifest()))
    assert asked(stranger, theirs).allowed
    assert asked(place, theirs).rule == "signer"
    assert asked(stranger, theirs).allowed


def test_a_tally_that_comes_later_is_judged_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made(tmp_path / "place", monkeypatch)
    without = place.candidate(place.of_files(manifest()))
    assert asked(place, without, STRICTER).rule == "no-tally"
    assert asked(place, replace(without, tallies=place.tallies), STRICTER).rule == "control"
    assert asked(place, without, STRICTER).rule == "no-tally"
