"""Whatever is done to a log or a bundle is found, or said to need a witness."""

from __future__ import annotations

import base64
import json
import os
import pickle
import random
import shutil
import threading
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import force_setattr

from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.policy import Snapshot
from venturalitica.core.verification import Verification
from venturalitica.errors import EvidenceError
from venturalitica.ledger import (
    Ledger,
    Outbox,
    Witness,
    known_keys,
    verify_bundle,
    verify_ledger,
)
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.verify.read_log import Reading
from venturalitica.review.verification import verify_source


def step(found: Verification, name: str):
    return next(item for item in found.steps if item.name == name)


def log_of(home: Path) -> Path:
    return home / "log" / "entries.jsonl"


# --- What is right -------------------------------------------------------------------------------


def test_an_untouched_ledger_verifies_step_by_step(three_entries: Path, signer) -> None:
    seen: list[tuple[int, int]] = []
    found = verify_ledger(three_entries, progress=lambda *at: seen.append(at))
    assert found.ok
    assert found.fault is None
    assert {item.name: item.ok for item in found.steps} == {
        "log": True,
        "keys": True,
        "signatures": True,
        "chain": True,
        "statements": True,
        "policy": True,
        "policy names": None,  # its bytes hold no control, which is no policy
        "subjects": True,
        "tallies": True,
        "lights": True,
        "verdicts": None,  # it keeps no circumstances, and its counts cannot be read
        "tree": True,
        "checkpoint": True,
        "clock": True,
        "trust": None,
        "witnesses": None,
    }
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert signer.keyid[:16] in step(found, "trust").detail


def test_verifying_writes_nothing(written: Path) -> None:
    before = {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}
    verify_ledger(written)
    assert before == {path: path.read_bytes() for path in written.rglob("*") if path.is_file()}


def test_a_path_may_be_a_project_a_ledger_or_a_bundle(written: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "evidence.json"
    bundle.write_bytes(Ledger.open(written).bundle(1))
    assert verify_source(str(written)).ok
    assert verify_source(str(written.parent)).ok
    assert verify_source(str(bundle)).ok
    with pytest.raises(EvidenceError, match="nothing to verify"):
        verify_source(str(tmp_path / "absent"))


# --- Nothing there is never ok -------------------------------------------------------------------


@pytest.mark.parametrize("made", ["absent", "empty folder", "empty log", "both empty", "no log"])
def test_nothing_is_never_ok(written: Path, tmp_path: Path, made: str) -> None:
    home = tmp_path / "other"
    if made != "absent":
        home.mkdir()
    if made in ("empty log", "both empty", "no log"):
        shutil.copytree(written, home, dirs_exist_ok=True)
        log_of(home).write_bytes(b"")
    if made == "both empty":
        (home / "log" / "checkpoint").write_bytes(b"")
    if made == "no log":
        log_of(home).unlink()
    found = verify_ledger(home)
    assert not found.ok
    assert found.fault is not None
    assert found.fault.name == "log"


# --- Tampering -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["entries.jsonl", "checkpoint"])
def test_every_single_byte_counts(tiny: Path, tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    shutil.copytree(tiny, home)
    path, chance = home / "log" / name, random.Random(7)
    whole = path.read_bytes()
    for place in range(len(whole)):
        for change in chance.sample(range(1, 256), 1 if name == "entries.jsonl" else 4):
            altered = bytearray(whole)
            altered[place] ^= change
            path.write_bytes(altered)
            assert not verify_ledger(home).ok, (place, change)
    path.write_bytes(whole)
    assert verify_ledger(home).ok


@pytest.mark.parametrize("name", ["entries.jsonl", "checkpoint"])
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: data + b" ",
        lambda data: data + b"garbage",
        lambda data: data + b"{}\n",
        lambda data: data + data,
        lambda data: data[:-1],
        lambda data: data[:-2],
        lambda data: data[: len(data) // 2],
        lambda data: b"\n" + data,
        lambda data: b" " + data,
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"\n", b"\n\n", 1),
        lambda data: b"",
        lambda data: b"\0" * len(data),
        lambda data: data[::-1],
    ],
)
def test_other_bytes_are_never_ok(written: Path, name: str, change) -> None:
    path = written / "log" / name
    path.write_bytes(change(path.read_bytes()))
    assert not verify_ledger(written).ok


def rewrite(home: Path, order: list[int]) -> None:
    lines = log_of(home).read_bytes().splitlines(keepends=True)
    log_of(home).write_bytes(b"".join(lines[index] for index in order))


@pytest.mark.parametrize(
    ("order", "first_bad"),
    [
        ([1, 2], 0),
        ([0, 2], 1),
        ([0, 1], 2),
        ([1, 0, 2], 0),
        ([0, 2, 1], 1),
        ([0, 0, 1, 2], 1),
        ([0, 1, 2, 2], 3),
        ([0, 1, 1], 2),
    ],
)
def test_lines_dropped_moved_or_doubled(written: Path, order: list[int], first_bad: int) -> None:
    rewrite(written, order)
    found = verify_ledger(written)
    assert not found.ok
    bad = [item.index for item in found.steps if item.ok is False and item.index is not None]
    assert min(bad) == first_bad


def test_the_first_bad_entry_is_named(written: Path) -> None:
    data = bytearray(log_of(written).read_bytes())
    second = data.index(b"\n") + 50
    data[second] = ord("A") if data[second] != ord("A") else ord("B")
    log_of(written).write_bytes(data)
    found = verify_ledger(written)
    assert step(found, "signatures").index == 1
    assert step(found, "tree").ok is False
    assert found.fault is not None
    assert found.fault.index == 1


def test_spliced_from_another_log_of_the_same_key(
    written: Path, tmp_path: Path, signer, statement
) -> None:
    other = Ledger.open(tmp_path / "other", signer=signer)
    for number in range(3):
        other.append(statement(number))
    ours = log_of(written).read_bytes().splitlines(keepends=True)
    theirs = log_of(other.home).read_bytes().splitlines(keepends=True)
    log_of(written).write_bytes(ours[0] + theirs[1] + ours[2])
    found = verify_ledger(written)
    assert step(found, "chain").ok is False
    assert step(found, "chain").index == 1
    shutil.copy(other.home / "log" / "checkpoint", written / "log" / "checkpoint")
    assert not verify_ledger(written).ok
    shutil.copy(log_of(other.home), log_of(written))
    assert verify_ledger(written).ok, "the whole of the other log is the other log"


def test_an_older_checkpoint_over_the_whole_log(written: Path, signer, statement) -> None:
    old = (written / "log" / "checkpoint").read_bytes()
    Ledger.open(written, signer=signer).append(statement(3))
    (written / "log" / "checkpoint").write_bytes(old)
    assert step(verify_ledger(written), "tree").ok is False


def test_cut_and_sealed_again_by_a_stranger(written: Path, stranger) -> None:
    """The tail is cut, and a stranger's key, laid beside the log, seals what is left."""
    from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, sign_note
    from venturalitica.ledger.formats.merkle import MemoryTree, leaf_hash
    from venturalitica.ledger.formats.public_key import carry_keys

    origin = Ledger.open(written).head().origin
    rewrite(written, [0, 1])
    sealer = stranger.checkpoint_signer()
    leaves = [leaf_hash(line) for line in log_of(written).read_bytes().splitlines()]
    head = Checkpoint(origin, 2, MemoryTree(leaves).root())
    note = sign_note(head.text(), NoteKey(origin, sealer.public.raw_ed25519()), sealer.sign)
    (written / "log" / "checkpoint").write_text(note)
    carry_keys(written / "keys", [sealer.public])
    found = verify_ledger(written)
    assert found.fault is not None
    assert found.fault.name == "checkpoint"
    assert "somebody else sealed" in found.fault.detail


@pytest.mark.parametrize("what", ["gone", "empty", "text", "renamed", "other", "byte"])
def test_keys_beside_the_log(written: Path, stranger, what: str) -> None:
    keys = written / "keys"
    first = sorted(keys.iterdir())[0]
    if what == "gone":
        shutil.rmtree(keys)
    elif what == "empty":
        first.write_text("")
    elif what == "text":
        first.write_text("not a key")
    elif what == "renamed":
        first.rename(keys / f"{'0' * 64}.pem")
    elif what == "other":
        first.write_text(stranger.public.pem)
    else:
        data = bytearray(first.read_bytes())
        data[40] ^= 1
        first.write_bytes(data)
    found = verify_ledger(written)
    assert not found.ok


# --- Whose keys ----------------------------------------------------------------------------------


def test_pinned_keys(three_entries: Path, signer, stranger) -> None:
    own = (signer.public, signer.checkpoint_signer().public)
    other = (stranger.public, stranger.checkpoint_signer().public)
    assert step(verify_ledger(three_entries, trusted_keys=own), "trust").ok is True
    assert verify_ledger(three_entries, trusted_keys=own[:1]).ok
    assert verify_ledger(three_entries, trusted_keys=(*other, *own)).ok
    for wrong in (other, other[:1], own[1:], (own[0], other[1]), ()):
        found = verify_ledger(three_entries, trusted_keys=wrong)
        assert step(found, "trust").ok is False
        assert not found.ok


def test_own_keys_are_known_and_others_are_said(written: Path, signer, stranger, statement) -> None:
    own = known_keys(None, Path(signer.source).parent)
    assert step(verify_ledger(written, known_keys=own), "trust").ok is True
    Ledger.open(written, signer=stranger).append(statement(3))
    found = verify_ledger(written, known_keys=own)
    assert found.ok
    trust = step(found, "trust")
    assert trust.ok is None
    assert f"{stranger.keyid[:16]} (from entry 3)" in trust.detail
    pinned = verify_ledger(written, trusted_keys=own)
    assert step(pinned, "trust").index == 3


def test_signed_again_with_another_key(written: Path, tmp_path: Path, stranger, signer) -> None:
    forged = Ledger.open(tmp_path / "forged", signer=stranger)
    for entry in Ledger.open(written).entries():
        entry.statement["predicate"].pop("log")
        forged.append(entry.statement)
    found = verify_ledger(forged.home)
    assert found.ok
    assert step(found, "trust").ok is None
    assert "first seen here" in step(found, "trust").detail
    assert not verify_ledger(forged.home, trusted_keys=[signer.public]).ok


# --- Witnesses -----------------------------------------------------------------------------------


def test_an_older_copy_needs_a_witness_and_then_is_found(
    written: Path, tmp_path: Path, signer, statement
) -> None:
    old = tmp_path / "old"
    shutil.copytree(written, old)
    ledger = Ledger.open(written, signer=signer)
    early = Witness("early", ledger.checkpoint)
    ledger.append(statement(3))
    late = Witness("MLflow run 1", ledger.checkpoint)
    assert step(verify_ledger(old), "witnesses").ok is None
    assert "older copy" in step(verify_ledger(old), "witnesses").detail
    found = verify_ledger(old, witnesses=[early, late])
    assert not found.ok
    assert "MLflow run 1 saw 4 entries, the log has 3" in str(found.fault)
    assert verify_ledger(written, witnesses=[early, late]).ok


def test_a_log_written_anew_does_not_fit_its_witness(
    written: Path, tmp_path: Path, signer, statement
) -> None:
    ledger = Ledger.open(written, signer=signer)
    origin = ledger.head().origin
    seen = Witness("tracker", ledger.checkpoint)
    forked = tmp_path / "forked"
    rebuild_with_origin(forked, signer, origin, [statement(9), statement(1), statement(2)])
    found = verify_ledger(forked)
    assert found.ok, found.fault
    assert step(verify_ledger(forked, witnesses=[seen]), "witnesses").ok is False
    other = Ledger.open(tmp_path / "x", signer=signer)
    other.append(statement(0))
    assert not verify_ledger(other.home, witnesses=[seen]).ok
    assert not verify_ledger(written, witnesses=[Witness("bad", "no note")]).ok


def rebuild_with_origin(home: Path, signer, origin: str, statements: list[Any]) -> None:
    """What the holder of the key can do: write the whole log anew under the same name."""
    ledger = Ledger(home, signer=signer, checkpoint_signer=signer.checkpoint_signer())
    keeper = ledger._keeper()
    force_setattr(keeper, "new_origin", lambda: origin)
    ledger._log.settle(keeper)
    for item in statements:
        ledger.append(item)


# --- What a signature does not say ---------------------------------------------------------------


def with_policy_bytes(predicate: dict[str, Any]) -> None:
    predicate["policy"]["bytes"] = "b3RoZXI="


def with_policy_garbage(predicate: dict[str, Any]) -> None:
    predicate["policy"]["bytes"] = "*"


def with_other_model(predicate: dict[str, Any]) -> None:
    predicate["model"]["sha256"] = "0" * 64


def without_data(predicate: dict[str, Any]) -> None:
    predicate["data"] = []


def with_other_tally(predicate: dict[str, Any]) -> None:
    predicate["tally"]["rows"] += 1


def without_tally(predicate: dict[str, Any]) -> None:
    predicate["tally"] = None


def with_failed_verdict(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["status"] = "failed"


def with_a_pass_without_a_value(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["value"] = None


def without_verdicts(predicate: dict[str, Any]) -> None:
    predicate["verdicts"] = []


def with_kind_of_a_run(predicate: dict[str, Any]) -> None:
    predicate["kind"] = "run"


def with_green_over_an_audit_in_red(predicate: dict[str, Any]) -> None:
    predicate["audits"] = [{"light": "red"}]


def with_green_over_an_exception(predicate: dict[str, Any]) -> None:
    predicate["exception"] = {"type": "ValueError"}


def with_strange_light(predicate: dict[str, Any]) -> None:
    predicate["light"] = "blue"


def with_strange_verdict(predicate: dict[str, Any]) -> None:
    predicate["verdicts"] = [{"control": 1}]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (with_policy_bytes, "policy"),
        (with_policy_garbage, "policy"),
        (with_other_model, "subjects"),
        (without_data, "subjects"),
        (with_other_tally, "tallies"),
        (without_tally, "tallies"),
        (with_failed_verdict, "lights verdicts"),
        (without_verdicts, "lights"),
        (with_green_over_an_audit_in_red, "lights"),
        (with_green_over_an_exception, "lights"),
        (with_a_pass_without_a_value, "lights verdicts"),
        (with_kind_of_a_run, "statements"),
        (with_strange_light, "statements"),
        (with_strange_verdict, "statements"),
    ],
)
def test_a_signed_statement_that_contradicts_itself(
    written: Path, signer, statement, change, name: str
) -> None:
    bad = statement(3)
    change(bad["predicate"])
    ledger = Ledger.open(written, signer=signer)
    ledger.append(bad)
    ledger.append(statement(4))
    found = verify_ledger(written)
    assert {item.name for item in found.steps if item.ok is False} == set(name.split())
    assert step(found, name.split()[0]).index == 3
    assert not verify_bundle(ledger.bundle(3)).ok
    assert verify_bundle(ledger.bundle(4)).ok


RULES = b"""policy: loans
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.7"}
"""


def under(statement: dict[str, Any], data: bytes, **named: Any) -> dict[str, Any]:
    """The statement, judged under a policy of these bytes, which it calls something."""
    digest = sha256(data).hexdigest()
    changed = {"sha256": digest, "bytes": base64.b64encode(data).decode()} | named
    statement["predicate"]["policy"] |= changed
    statement["subject"][0]["digest"]["sha256"] = digest
    return statement


@pytest.mark.parametrize(
    "named", [{"name": "other"}, {"version": "2"}, {"version": 1}, {"version": None}]
)
def test_a_policy_called_otherwise_than_its_bytes_do(
    tmp_path: Path, signer, statement, named: dict[str, Any]
) -> None:
    ledger = Ledger.open(tmp_path, signer=signer)
    for number in range(2):
        ledger.append(under(statement(number), RULES))
    good = verify_ledger(tmp_path)
    assert step(good, "policy").ok
    assert "policy names" not in {item.name for item in good.steps}
    assert "policy names" not in {item.name for item in verify_bundle(ledger.bundle(1)).steps}
    ledger.append(under(statement(2), RULES, **named))
    found = verify_ledger(tmp_path)
    assert {item.name for item in found.steps if item.ok is False} == {"policy"}
    assert step(found, "policy").index == 2
    assert "the policy's own bytes say 'loans' '1'" in step(found, "policy").detail
    assert not verify_bundle(ledger.bundle(2)).ok


def test_a_policy_that_this_version_cannot_read_is_said(tmp_path: Path, signer, statement) -> None:
    ledger = Ledger.open(tmp_path, signer=signer)
    for number, data in enumerate((RULES, b"controls: [", b"\xff", RULES + b"new: key\n")):
        ledger.append(under(statement(number), data))
    found = verify_ledger(tmp_path)
    assert found.ok
    assert step(found, "policy").ok
    assert step(found, "policy names").ok is None
    assert step(found, "policy names").index == 1
    assert "not checked in 3 of the records" in step(found, "policy names").detail


def test_each_text_is_parsed_once_and_not_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import venturalitica.policy
    from venturalitica.ledger.records import consistency as policy_names

    parsed: list[bytes] = []
    parse = venturalitica.policy.parse_policy

    def counted(data: bytes, **named: Any) -> Any:
        parsed.append(data)
        return parse(data, **named)

    monkeypatch.setattr(venturalitica.policy, "parse_policy", counted)
    monkeypatch.setattr(policy_names, "BUDGET", 5 * 1024)
    policy_names.policy_in.cache_clear()
    names = policy_names.PolicyNames()
    for number in range(40):
        data = RULES + b"# %d\n" % (number % 20)
        names.check(number, Snapshot.of(under(make_policy(), data)["predicate"]["policy"]))
    assert len(parsed) == len(set(parsed)) == 5
    told = names.step()
    assert told is not None
    assert "not checked in 30 of the records: entry 5: more than" in told.detail


def make_policy() -> dict[str, Any]:
    """What of a statement `under` changes."""
    policy = {"name": "loans", "version": "1", "filename": "model_policy.yaml"}
    return {"predicate": {"policy": policy}, "subject": [{"digest": {}}]}


def test_kinds_that_this_version_does_not_know_are_said(written: Path, signer, statement) -> None:
    ledger = Ledger.open(written, signer=signer)
    ledger.append(statement(3) | {"predicateType": "urn:example:approval:v1"})
    ledger.append(statement(4, format=2))
    found = verify_ledger(written)
    assert found.ok
    assert step(found, "contents").ok is None
    assert "2 records of a kind" in step(found, "contents").detail


def test_clocks_are_noted_and_never_decide(tmp_path: Path, signer, statement) -> None:
    times = iter(
        [
            datetime(2026, 1, 1, 12, tzinfo=UTC),
            datetime(2026, 1, 1, 11, tzinfo=UTC),
            datetime(2036, 1, 1, tzinfo=UTC),
        ]
    )
    ledger = Ledger.open(tmp_path / "h", signer=signer, clock=lambda: next(times))
    for number in range(3):
        ledger.append(statement(number))
    found = verify_ledger(ledger.home, now=datetime(2026, 6, 1, tzinfo=UTC))
    assert found.ok
    clock = step(found, "clock")
    assert clock.ok is None
    assert clock.detail.startswith("entry 1: the clock said 2026-01-01T11")
    assert "1 more" in clock.detail


def test_what_is_kept_while_reading_does_not_grow_with_the_log(
    tmp_path: Path, signer, statement
) -> None:
    ledger = Ledger.open(tmp_path / "h", signer=signer)
    held = []
    for size in (100, 500):
        for number in range(ledger.size, size):
            # Of a kind that nobody knows: what is noted of such records must not pile up either.
            ledger.append(statement(number) | {"predicateType": "urn:example:other"})
        reading = Reading(LogFiles(ledger.home), (), soon="2000")  # every clock is ahead of that
        reading.run(None)
        assert reading.findings.count == size
        assert reading.findings.clock_step().ok is None
        held.append(len(pickle.dumps(reading.findings)))
    assert held[1] < held[0] + 100


# --- Bundles -------------------------------------------------------------------------------------


def test_a_bundle_verifies_alone(three_entries: Path, signer) -> None:
    for index in range(3):
        data = Ledger.open(three_entries).bundle(index)
        found = verify_bundle(data, trusted_keys=[signer.public])
        assert found.ok
        assert step(found, "witnesses").ok is None
        line = json.loads(data)["envelope"].encode()
        assert sha256_hex(line) == Ledger.open(three_entries).entry(index).evidence_sha256


def test_every_single_byte_of_a_bundle_counts(tiny: Path) -> None:
    whole = Ledger.open(tiny).bundle(1)
    assert verify_bundle(whole).ok
    for place in range(len(whole)):
        for change in (1 << (place % 8), 0x20):
            altered = bytearray(whole)
            altered[place] ^= change
            assert not verify_bundle(bytes(altered)).ok, (place, change)


def test_a_bundle_that_was_altered_is_refused_for_that_and_not_for_its_keys(three_entries: Path):
    whole = json.loads(Ledger.open(three_entries).bundle(1))
    record = json.loads(whole["envelope"])
    record["signatures"][0]["sig"] = base64.b64encode(b"another").decode()
    seal = whole["checkpoint"].splitlines()
    seal[1] = "99"
    for change, fault in (
        ({"envelope": json.dumps(record, separators=(",", ":"))}, "signatures"),
        ({"checkpoint": "\n".join([*seal, ""])}, "checkpoint"),
    ):
        found = verify_bundle(canonical_json(whole | change))
        assert found.fault is not None
        assert found.fault.name == fault
        assert step(found, "keys").ok is None


def test_other_spellings_of_a_bundle_are_refused(three_entries: Path, stranger) -> None:
    whole = Ledger.open(three_entries).bundle(1)
    value = json.loads(whole)
    more = value | {"keys": value["keys"] | {stranger.keyid: stranger.public.pem}}
    for altered in (
        b"",
        whole + b"\n",
        b" " + whole,
        json.dumps(value, indent=1).encode(),
        canonical_json(value | {"index": 2}),
        canonical_json(value | {"size": 4}),
        canonical_json(value | {"proof": value["proof"][:-1]}),
        canonical_json(value | {"proof": [*value["proof"], "0" * 64]}),
        canonical_json(value | {"extra": 1}),
        canonical_json(value | {"keys": {}}),
        canonical_json(value | {"format": "venturalitica/bundle/v2"}),
        canonical_json(more),
    ):
        found = verify_bundle(altered)
        assert not found.ok
        assert found.fault is not None


def test_parts_of_two_bundles_do_not_fit(three_entries: Path, tmp_path: Path, signer, statement):
    other = Ledger.open(tmp_path / "other", signer=signer)
    for number in range(3):
        other.append(statement(number))
    ours = json.loads(Ledger.open(three_entries).bundle(1))
    theirs = json.loads(other.bundle(1))
    for name in ("envelope", "proof", "checkpoint"):
        assert not verify_bundle(canonical_json(ours | {name: theirs[name]})).ok, name


def test_a_bundle_sealed_by_a_later_writer_says_so(written: Path, stranger, statement) -> None:
    ledger = Ledger.open(written, signer=stranger)
    ledger.append(statement(3))
    found = verify_bundle(ledger.bundle(1))
    assert found.ok
    assert step(found, "checkpoint").ok is None
    assert verify_bundle(ledger.bundle(3)).steps[0].ok


def test_a_file_that_is_no_bundle(tmp_path: Path) -> None:
    for content in (b"{}", b"[]", b"null", b"\xff", b"[" * 10_000, b'{"format":1}'):
        path = tmp_path / "evidence.json"
        path.write_bytes(content)
        found = verify_bundle(path)
        assert not found.ok
        assert found.steps[0].name == "bundle"
    assert not verify_bundle(tmp_path / "absent.json").ok


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(st.sampled_from(["envelope", "index", "size", "proof", "checkpoint", "keys"]), JSON)
@settings(max_examples=150, deadline=None)
def test_hostile_bundles_give_a_verdict_and_no_crash(three_entries: Path, name, value) -> None:
    good = json.loads(Ledger.open(three_entries).bundle(0))
    data = json.dumps(good | {name: value}).encode()
    assert not verify_bundle(data).ok


NAMES = ["policy", "model", "data", "verdicts", "tally", "tally_sha256", "light", "run", "kind"]
NAMES += ["judging", "audits"]


@given(st.sampled_from(NAMES), JSON)
@settings(max_examples=150, deadline=None)
def test_hostile_statements_that_somebody_signed(signer, statement, name, value) -> None:
    from venturalitica.ledger.formats.dsse import sign_envelope
    from venturalitica.ledger.verify.check_records import Findings

    hostile = statement(0)
    hostile["predicate"][name] = value
    payload = json.dumps(hostile).encode()
    line = sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json()
    findings = Findings({signer.keyid: signer.public})
    findings.read(line, 0)
    assert findings.faults, "it has no place in a log"
    assert findings.steps()


# --- What stands in the place of a file ----------------------------------------------------------


@pytest.mark.parametrize("place", ["log/entries.jsonl", "log/checkpoint", "keys", "receipts.jsonl"])
@pytest.mark.parametrize("what", ["pipe", "device"])
def test_a_pipe_or_device_in_the_place_of_a_file_is_not_read(
    written: Path, signer, statement, place: str, what: str
) -> None:
    """A pipe would keep the reader waiting for ever, as a device without end would."""
    path = written / "keys" / f"{'a' * 64}.pem" if place == "keys" else written / place
    path.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/null")
    answers: list[bool | str] = []

    def ask() -> None:
        answers.append(verify_ledger(written).ok)
        for act in (
            lambda: Ledger.open(written, signer=signer).append(statement(9)),
            lambda: Outbox(Ledger.open(written)).waiting(),
        ):
            try:
                act()
            except (EvidenceError, OSError) as error:
                answers.append(str(error))

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it waits for ever"
    assert answers[0] is (place == "receipts.jsonl")
    if place != "keys":
        assert "not a regular file" in str(answers[1:])
