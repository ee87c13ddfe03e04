"""A key hands over to the next: signed by both, told to every log, and final."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.record import ROTATION
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError, RetiredKeyError
from venturalitica.ledger import Ledger, load_signer, verify_bundle, verify_ledger
from venturalitica.ledger.formats.bundle import FORMAT, FORMAT_2, Bundle
from venturalitica.ledger.formats.dsse import Envelope
from venturalitica.ledger.formats.public_key import PublicKey
from venturalitica.ledger.lifecycle.keys import introduced
from venturalitica.ledger.log.key_history import hand_over, pair_of
from venturalitica.ledger.records.kinds.rotation import Pair, Rotation
from venturalitica.ledger.signing.key_rotation import swap
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.ledger.verify.read_log import Witness
from venturalitica.system.files import write_durably


def step(found: Verification, name: str) -> Step:
    return next(step for step in found.steps if step.name == name)


def publics(*signers: FileSigner) -> list[PublicKey]:
    return [key for signer in signers for key in (signer.public, signer.checkpoint_signer().public)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config"


@pytest.fixture
def keys(config: Path, home: Path, statement: Any) -> tuple[FileSigner, FileSigner]:
    """Two entries by the old key, a swap, a rotation record, two entries by the new key."""
    old = load_signer(None, config)
    ledger = Ledger.open(home, signer=old)
    for number in range(2):
        ledger.append(statement(number))
    new = swap(config).new
    ledger = Ledger.open(home, signer=new)
    assert introduced(ledger, old, new, reason="yearly") is not None
    for number in range(2, 4):
        ledger.append(statement(number))
    return old, new


def test_the_record_is_signed_by_both_and_tells_who_and_why(home: Path, keys) -> None:
    old, new = keys
    entry = Ledger.open(home).entry(2)
    signers = {item.keyid for item in Envelope.parse(entry.envelope).signatures}
    assert signers == {old.keyid, new.keyid}
    assert entry.statement["predicateType"] == ROTATION
    predicate = entry.statement["predicate"]
    assert predicate["old"]["record"] == {"keyid": old.keyid, "pem": old.public.pem}
    assert predicate["new"]["checkpoint"]["keyid"] == new.checkpoint_signer().keyid
    assert predicate["reason"] == "yearly"
    found = verify_ledger(home)
    assert found.ok, found.fault
    assert step(found, "rotation").ok
    assert "entry 2, signed by both" in step(found, "rotation").detail


def test_no_rotation_no_step(three_entries: Path) -> None:
    assert "rotation" not in {item.name for item in verify_ledger(three_entries).steps}


# --- Trust -------------------------------------------------------------------------------


def test_who_pinned_the_old_key_trusts_the_new_one_and_is_told_so(home: Path, keys) -> None:
    old, new = keys
    for pinned in (publics(old), [old.public]):
        found = step(verify_ledger(home, trusted_keys=pinned), "trust")
        assert found.ok, found
        assert "through the rotation in entry 2" in found.detail
    assert step(verify_ledger(home, trusted_keys=publics(old, new)), "trust").ok
    assert step(verify_ledger(home, trusted_keys=publics(new)), "trust").ok is False


def test_own_keys_are_the_retired_ones_too(home: Path, config: Path, keys) -> None:
    from venturalitica.ledger import known_keys

    own = known_keys(None, config)
    assert set(own) == {key.keyid for key in publics(*keys)}
    found = step(verify_ledger(home, known_keys=own), "trust")
    assert found.ok
    assert "your own key" in found.detail


def test_a_first_seen_key_is_said_to_have_followed_another(home: Path, keys) -> None:
    old, new = keys
    found = step(verify_ledger(home), "trust")
    assert found.ok is None
    assert f"{old.keyid[:16]} (from entry 0)" in found.detail
    assert f"{new.keyid[:16]} (from entry 2, after {old.keyid[:16]})" in found.detail


def test_a_stranger_who_appended_is_not_an_heir(home: Path, keys, stranger, statement) -> None:
    Ledger.open(home, signer=stranger).append(statement(9))
    found = step(verify_ledger(home, trusted_keys=publics(keys[0])), "trust")
    assert (found.ok, found.index) == (False, 5)


# --- The retired key is refused ----------------------------------------------------------


def test_the_retired_key_appends_nothing_more(home: Path, keys, statement) -> None:
    before = (home / "log" / "entries.jsonl").read_bytes()
    with pytest.raises(RetiredKeyError, match="retired in entry 2") as caught:
        Ledger.open(home, signer=keys[0]).append(statement(9))
    assert keys[1].keyid in str(caught.value)
    assert (home / "log" / "entries.jsonl").read_bytes() == before


def test_the_search_reaches_over_entries_that_others_signed(
    home: Path, keys, stranger, statement
) -> None:
    ledger = Ledger.open(home, signer=stranger)
    for number in range(30):
        ledger.append(statement(number, padding="x" * 9000))
    with pytest.raises(RetiredKeyError):
        Ledger.open(home, signer=keys[0]).append(statement(99))


def by_a_thief(home: Path, old: FileSigner, make: Any, *, sealer: FileSigner | None = None) -> int:
    """One more entry by a thief who has the old key and does not use our guard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("venturalitica.ledger.ledger.refuse_retired", lambda *_: None)
        patch.setattr("venturalitica.ledger.log.key_history.refuse_retired", lambda *_: None)
        seal = (sealer or old).checkpoint_signer()
        thief = Ledger.open(home, signer=old, checkpoint_signer=seal)
        return thief.append(make).index


@pytest.mark.parametrize("kind", ["urn:venturalitica:audit:v1", "urn:example:unknown"])
def test_a_thief_with_the_retired_key_is_found(home: Path, keys, statement, kind: str) -> None:
    assert verify_ledger(home).ok
    index = by_a_thief(home, keys[0], statement(9) | {"predicateType": kind})
    found = verify_ledger(home, trusted_keys=publics(*keys))
    fault = step(found, "rotation")
    assert (fault.ok, fault.index) == (False, index)
    assert "was retired in entry 2" in fault.detail


def test_the_retired_checkpoint_key_seals_nothing_more(home: Path, keys, statement) -> None:
    old, new = keys
    index = by_a_thief(home, new, statement(9), sealer=old)
    fault = step(verify_ledger(home), "rotation")
    assert (fault.ok, fault.index) == (False, index)
    assert old.checkpoint_signer().keyid[:16] in fault.detail


def test_the_old_seal_over_the_new_log_is_another_sealer(home: Path, keys) -> None:
    from venturalitica.ledger.formats.checkpoint import NoteKey, sign_note

    old = keys[0].checkpoint_signer()
    head = Ledger.open(home).head()
    note = sign_note(head.text(), NoteKey(head.origin, old.public.raw_ed25519()), old.sign)
    write_durably(home / "log" / "checkpoint", note.encode())
    assert step(verify_ledger(home), "checkpoint").ok is False


def test_a_line_that_a_thief_left_unsealed_is_not_taken_in(
    home: Path, keys, statement, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(home, copy)
    by_a_thief(copy, keys[0], statement(9))
    shutil.copy(copy / "log" / "entries.jsonl", home / "log" / "entries.jsonl")
    with pytest.raises(EvidenceError, match=r"not ours: key .* was retired"):
        Ledger.open(home, signer=keys[1])


# --- What is no rotation -----------------------------------------------------------------


def appended(home: Path, signer: FileSigner, rotation: Rotation, *others: FileSigner) -> Step:
    Ledger.open(home, signer=signer).append(rotation.statement(), cosigners=others)
    return step(verify_ledger(home), "rotation")


def test_one_signature_is_not_enough(written: Path, signer, stranger, tmp_path: Path) -> None:
    other = load_signer(None, tmp_path / "other")
    rotation = Rotation(pair_of(signer), pair_of(stranger))
    for writer, others in ((stranger, (other,)), (signer, (other,)), (stranger, (signer, other))):
        home = tmp_path / f"copy-{writer.keyid[:4]}-{len(others)}"
        shutil.copytree(written, home)
        fault = appended(home, writer, rotation, *others)
        assert fault.ok is False, (writer.keyid, others)
        assert fault.index == 3
        found = verify_ledger(home, trusted_keys=publics(signer, other))
        assert step(found, "trust").ok is (writer is signer)


def test_the_new_key_must_seal_it(written: Path, signer, stranger) -> None:
    fault = appended(written, signer, Rotation(pair_of(signer), pair_of(stranger)), stranger)
    assert fault.ok is False
    assert "not sealed by the new key" in fault.detail


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["new"].pop("checkpoint"),
        lambda p: p["new"]["record"].update(keyid="0" * 64),
        lambda p: p["new"]["record"].update(pem=p["old"]["record"]["pem"]),
        lambda p: p["new"].update(record=p["new"]["checkpoint"]),
        lambda p: p.update(new=p["old"]),
        lambda p: p.update(reason=None),
        lambda p: p.update(old=[]),
    ],
)
def test_a_malformed_rotation_is_a_fault(written: Path, signer, stranger, change) -> None:
    statement = Rotation(pair_of(signer), pair_of(stranger)).statement()
    change(statement["predicate"])
    Ledger.open(written, signer=stranger).append(statement, cosigners=(signer,))
    found = step(verify_ledger(written), "statements")
    assert (found.ok, found.index) == (False, 3)


def test_a_key_cannot_hand_over_to_itself(written: Path, signer) -> None:
    ledger = Ledger.open(written, signer=signer)
    with pytest.raises(EvidenceError, match="are the same"):
        hand_over(ledger.append, signer, signer, reason="")
    assert ledger.size == 3


def test_a_forged_rotation_does_not_shut_the_owner_out(
    written: Path, signer, stranger, statement
) -> None:
    """Without our key, somebody writes a line in which it hands over to his."""

    class Forger:
        public, keyid = signer.public, signer.keyid

        def sign(self, data: bytes) -> bytes:
            return stranger.sign(data)

    rotation = Rotation(pair_of(signer), pair_of(stranger))
    Ledger.open(written, signer=stranger).append(rotation.statement(), cosigners=(Forger(),))
    assert Ledger.open(written, signer=signer).append(statement(9)).index == 4
    assert verify_ledger(written).fault.name == "signatures"


# --- Other ledgers of the same user ------------------------------------------------------


def test_the_next_append_elsewhere_tells_that_log(config: Path, home: Path, statement) -> None:
    old = load_signer(None, config)
    Ledger.open(home, signer=old).append(statement(0))
    for _ in range(2):
        swap(config)
    new = load_signer(None, config)
    ledger = Ledger.open(home, signer=new)
    assert [ledger.append(statement(number)).index for number in (1, 2)] == [2, 3]
    kinds = [entry.statement["predicateType"] for entry in ledger.entries()]
    assert kinds.count(ROTATION) == 1
    assert kinds[1] == ROTATION
    found = verify_ledger(home, trusted_keys=publics(old))
    assert found.ok, found.fault
    assert "through the rotation in entry 1" in step(found, "trust").detail


def test_a_cosigned_record_is_told_first_too(config: Path, home: Path, stranger, statement) -> None:
    Ledger.open(home, signer=load_signer(None, config)).append(statement(0))
    swap(config)
    ledger = Ledger.open(home, signer=load_signer(None, config))
    assert ledger.append(statement(1), cosigners=(stranger,)).index == 2
    assert ledger.entry(1).statement["predicateType"] == ROTATION


def test_a_new_log_and_a_foreign_log_need_no_rotation(
    config: Path, home: Path, three_entries: Path, tmp_path: Path, statement
) -> None:
    load_signer(None, config)
    new = swap(config).new
    for folder in (home, tmp_path / "foreign"):
        if folder != home:
            shutil.copytree(three_entries, folder)
        ledger = Ledger.open(folder, signer=new)
        ledger.append(statement(7))
        assert all(e.statement["predicateType"] != ROTATION for e in ledger.entries())


def test_a_key_rotated_between_reading_and_signing_is_no_fault(
    config: Path, home: Path, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venturalitica.audit import recording
    from venturalitica.audit.statement import Unsigned
    from venturalitica.system.settings import Settings

    old = load_signer(None, config)
    before = Ledger.open(home, signer=old)
    before.append(statement(0))
    new = swap(config).new
    after = Ledger.open(home, signer=new)
    introduced(after, old, new, reason="")
    ledgers = [before, after]
    monkeypatch.setattr(recording, "open_ledger", lambda *_, **__: ledgers.pop(0))
    kept = recording.keep(Unsigned(statement(1)), (), Settings.current())
    assert kept.fault == ""
    assert kept.entry is not None
    assert kept.entry.index == 2


def test_two_writers_tell_it_once(config: Path, home: Path, statement) -> None:
    from concurrent.futures import ThreadPoolExecutor

    old = load_signer(None, config)
    Ledger.open(home, signer=old).append(statement(0))
    new = swap(config).new
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: Ledger.open(home, signer=new).append(statement(n)), range(16)))
    kinds = [entry.statement["predicateType"] for entry in Ledger.open(home).entries()]
    assert (len(kinds), kinds.count(ROTATION)) == (18, 1)
    assert verify_ledger(home).ok


def test_handing_over_twice_is_refused(home: Path, keys) -> None:
    old, new = keys
    ledger = Ledger.open(home, signer=new)
    with pytest.raises(RetiredKeyError):
        hand_over(ledger.append, old, new, reason="again")
    assert introduced(ledger, old, new, reason="again") is None


def test_a_rotation_left_unsealed_is_taken_in(
    home: Path, keys, config: Path, statement, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = swap(config).new

    class Killed(BaseException):
        pass

    def killed(path: Path, data: bytes, **_: Any) -> None:
        if path.name == "checkpoint":
            raise Killed
        write_durably(path, data)

    ledger = Ledger.open(home, signer=newest)
    with monkeypatch.context() as patch:
        patch.setattr("venturalitica.ledger.log.append.write_durably", killed)
        patch.setattr("venturalitica.ledger.log.append._cut", lambda *_: None)
        with pytest.raises(Killed):
            introduced(ledger, keys[1], newest, reason="killed half way")
    assert Ledger.open(home).size == 5
    Ledger.open(home, signer=newest).append(statement(5))
    found = verify_ledger(home, trusted_keys=publics(keys[0]))
    assert found.ok, found.fault
    assert "rotations in entries 2, 5" in step(found, "trust").detail


# --- Bundles -----------------------------------------------------------------------------


def test_bundles_carry_their_lineage(home: Path, keys) -> None:
    old, new = keys
    ledger = Ledger.open(home)
    for index in range(5):
        bundle = ledger.bundle(index)
        found = verify_bundle(bundle, trusted_keys=publics(old))
        assert found.ok, (index, found.fault)
        expected = FORMAT if index == 2 else FORMAT_2
        assert json.loads(bundle)["format"] == expected, index
        assert Bundle.parse(bundle).to_json() == bundle
        assert "through the rotation in entry 2" in step(found, "trust").detail
    assert (
        "took over from the record's" in step(verify_bundle(ledger.bundle(0)), "checkpoint").detail
    )
    assert verify_bundle(ledger.bundle(4), trusted_keys=publics(new)).ok


def test_the_lineage_goes_back_to_the_first_key(home: Path, keys, config: Path, statement) -> None:
    newest = swap(config).new
    ledger = Ledger.open(home, signer=newest)
    entry = ledger.append(statement(5))
    found = verify_bundle(ledger.bundle(entry.index), trusted_keys=[keys[0].public])
    assert found.ok, found.fault
    assert "rotations in entries 2, 5" in step(found, "trust").detail
    assert len(Bundle.parse(ledger.bundle(entry.index)).lineage) == 2


def test_no_lineage_where_nothing_was_rotated(written: Path, stranger, statement) -> None:
    Ledger.open(written, signer=stranger).append(statement(3))
    bundle = Bundle.parse(Ledger.open(written).bundle(0))
    assert bundle.lineage == ()


def altered(bundle: bytes, change: Any) -> Verification:
    value = json.loads(bundle)
    change(value)
    from venturalitica.core.encoding import canonical_json

    return verify_bundle(canonical_json(value))


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v["lineage"][0].update(index=3),
        lambda v: v["lineage"][0].update(proof=v["lineage"][0]["proof"][:-1]),
        lambda v: v["lineage"][0].update(envelope=v["envelope"]),
        lambda v: v["lineage"].append(v["lineage"][0]),
        lambda v: v.update(lineage=[]),
        lambda v: v.update(lineage=None),
        lambda v: v.update(format=FORMAT),
        lambda v: v.pop("lineage"),
        lambda v: v["lineage"][0].update(more=1),
        lambda v: v["lineage"][0].update(envelope=v["lineage"][0]["envelope"].replace("A", "B", 1)),
    ],
)
def test_a_lineage_that_was_touched_is_a_fault(home: Path, keys, change) -> None:
    assert altered(Ledger.open(home).bundle(3), lambda v: None).ok
    assert not altered(Ledger.open(home).bundle(3), change).ok


def test_a_lineage_of_other_records_is_a_fault(home: Path, keys) -> None:
    ledger = Ledger.open(home)
    plain = Bundle.parse(ledger.bundle(4))
    other = Bundle.parse(ledger.bundle(1))

    def swapped(value: dict[str, Any]) -> None:
        value["lineage"] = [
            {
                "envelope": other.envelope.decode(),
                "index": 1,
                "proof": [digest.hex() for digest in other.proof],
            }
        ]

    found = altered(plain.to_json(), swapped)
    assert "not the record of a rotation" in step(found, "rotation").detail


def test_a_bundle_by_the_retired_key_is_found(home: Path, keys, statement) -> None:
    index = by_a_thief(home, keys[0], statement(9))
    bundle = Ledger.open(home).bundle(index)
    found = verify_bundle(bundle, trusted_keys=publics(*keys))
    assert found.ok is True  # it alone does not show that the key was retired ...
    with_lineage = Ledger.open(home).bundle(index)
    assert with_lineage == bundle
    assert not verify_ledger(home).ok  # ... the log does


def test_witnesses_from_before_the_rotation_still_agree(
    config: Path, home: Path, statement
) -> None:
    old = load_signer(None, config)
    note = Ledger.open(home, signer=old).append(statement(0)).checkpoint
    new = swap(config).new
    Ledger.open(home, signer=new).append(statement(1))
    found = verify_ledger(home, witnesses=[Witness("somebody", note)])
    assert found.ok
    assert step(found, "witnesses").ok


def test_a_pair_names_both_keys(signer) -> None:
    pair = pair_of(signer)
    assert isinstance(pair, Pair)
    assert pair.keyids == (signer.keyid, signer.checkpoint_signer().keyid)


def test_the_clock_is_not_asked(home: Path, keys, statement) -> None:
    new = keys[1]
    ledger = Ledger.open(home, signer=new, clock=lambda: datetime(1970, 1, 1, tzinfo=UTC))
    ledger.append(statement(8))
    assert verify_ledger(home).ok


def test_nobody_appoints_a_successor_of_a_checkpoint_key_that_is_not_his(
    stolen_seal: bytes, signer
) -> None:
    found = verify_bundle(stolen_seal, trusted_keys=publics(signer))
    assert step(found, "tree").ok, "the forged tree is as it should be"
    assert step(found, "checkpoint").ok is not True
    assert step(found, "trust").ok is False
