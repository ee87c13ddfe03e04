"""Bundles of one log agree wherever their proofs meet; those of two logs under one name do not."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from venturalitica.core.link import Link
from venturalitica.ledger import Ledger, verify_bundle
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, sign_note
from venturalitica.ledger.formats.dsse import sign_envelope
from venturalitica.ledger.records.placement import Draft
from venturalitica.ledger.verify.trust import Views, _proven


def one_root(lines: list[bytes]) -> bytes:
    """MTH(D[n]) as RFC 6962, section 2.1, writes it down."""
    if len(lines) == 1:
        return sha256(b"\0" + lines[0]).digest()
    split = 1
    while split * 2 < len(lines):
        split *= 2
    return sha256(b"\1" + one_root(lines[:split]) + one_root(lines[split:])).digest()


def grown(home: Path, signer, statement, sizes: range, *, shift: int = 0) -> dict[int, Ledger]:
    """A copy of the ledger at each size."""
    copies = {}
    ledger = Ledger.open(home, signer=signer)
    for size in sizes:
        ledger.append(statement(size + shift))
        copies[size] = Ledger.open(shutil.copytree(home, home.with_name(f"{home.name}-{size}")))
    return copies


@pytest.fixture(scope="module")
def two_logs(tmp_path_factory, signer, statement) -> tuple[dict[int, Ledger], dict[int, Ledger]]:
    """One log up to its third entry, and from there on two, both sealed by the owner's key."""
    folder = tmp_path_factory.mktemp("views")
    one = grown(folder / "one", signer, statement, range(1, 8))
    shutil.copytree(one[3].home, folder / "two")
    return one, grown(folder / "two", signer, statement, range(4, 8), shift=100)


def told(*bundles: bytes):
    views = Views()
    for number, data in enumerate(bundles):
        assert verify_bundle(data).ok
        views.read(data, f"{number}.json")
    return views.step()


def test_what_a_bundle_proves_is_what_the_entries_give(two_logs) -> None:
    one, _ = two_logs
    for size, ledger in one.items():
        lines = [entry.envelope for entry in ledger.entries()]
        for index in range(size):
            bundle = Bundle.parse(ledger.bundle(index))
            proven = dict(_proven(bundle, ledger.entry(index).record.link))
            assert proven.keys() >= {(0, size), (index, index + 1)}
            for (first, end), digest in proven.items():
                assert digest == one_root(lines[first:end])


def test_bundles_of_one_log_at_any_size_agree(two_logs) -> None:
    one, _ = two_logs
    bundles = [ledger.bundle(index) for size, ledger in one.items() for index in range(size)]
    step = told(*bundles)
    assert step.ok
    assert f"{len(bundles)} bundles of one log" in step.detail


def test_no_two_records_of_a_log_are_not_a_pass(two_logs) -> None:
    one, _ = two_logs
    assert told(one[5].bundle(2)).ok is None
    assert told(one[5].bundle(2), one[6].bundle(2)).ok is None
    assert Views().step().ok is None


@pytest.mark.parametrize(
    ("ours", "theirs", "of"),
    [
        ((7, 3), (7, 3), "entry 3"),  # two records in one place
        ((6, 0), (6, 1), "entries "),  # two roots of one size
        ((4, 0), (6, 1), "entries 2 to 3"),  # sizes differ: a subtree that both proofs are over
        ((4, 3), (6, 4), "entry 3"),  # one names the other as the record before it
    ],
)
def test_two_logs_under_one_name_are_found(two_logs, ours, theirs, of: str) -> None:
    one, two = two_logs
    step = told(one[ours[0]].bundle(ours[1]), two[theirs[0]].bundle(theirs[1]))
    assert step.ok is False
    assert "0.json" in step.detail
    assert "1.json" in step.detail
    assert f"different things of {of}" in step.detail
    assert "split view" in step.detail


def test_two_logs_of_two_names_are_no_contradiction(two_logs, tmp_path, signer, statement) -> None:
    one, _ = two_logs
    other = Ledger.open(tmp_path / "other", signer=signer)
    other.append(statement(1))
    step = told(one[5].bundle(1), one[5].bundle(2), other.bundle(0))
    assert step.ok
    assert "3 bundles of 2 logs" in step.detail


def test_a_first_record_that_follows_another_is_refused(signer, statement) -> None:
    """A bundle's neighbours are not at hand, but that there is none before the first is known."""
    sealer, origin = signer.checkpoint_signer(), "venturalitica/log/x"
    for previous, ok in ((None, True), ("00" * 32, False)):
        link = Link(
            origin=origin,
            index=0,
            previous=previous,
            appended_at="2026-01-01T00:00:00.000000Z",
            checkpoint_key=sealer.keyid,
        )
        payload = Draft(statement(0)).payload(link)
        line = sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json()
        note = sign_note(
            Checkpoint(origin, 1, one_root([line])).text(),
            NoteKey(origin, sealer.public.raw_ed25519()),
            sealer.sign,
        )
        keys = tuple(sorted((signer.public, sealer.public), key=lambda key: key.keyid))
        found = verify_bundle(Bundle(line, 0, 1, (), note.encode(), keys).to_json())
        assert found.ok is ok
        assert {step.name for step in found.steps if step.ok is False} == (
            set() if ok else {"chain", "checkpoint"}
        )
