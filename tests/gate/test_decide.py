"""What the gate decides of evidence of a real MLflow store, and of what a stranger makes of it."""

from __future__ import annotations

import json
import shutil
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.audit import delivery
from venturalitica.audit.project import open_ledger
from venturalitica.core.gate import ApprovalRule, Candidate, Decision, Requirement, SignOff
from venturalitica.core.manifest import Manifest
from venturalitica.policy import parse_policy
from venturalitica.review.gate import decide
from venturalitica.review.gate.candidates import candidate_of
from venturalitica.review.verification import own_keys
from venturalitica.system.settings import Settings

POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.60"}
  - {id: recall, metric: recall, must: ">= 0.40", on_fail: block}
"""
EVIDENCE = "venturalitica/evidence.json"


def rules(text: str = POLICY) -> Any:
    return parse_policy(text.encode(), filename="model_policy.yaml")


def train(mlflow: Any, seed: int, weight: float = 0.7) -> Any:
    draw = np.random.default_rng(seed)
    truth = draw.integers(0, 2, 1500)
    table = pd.DataFrame({"x": weight * truth + draw.random(1500), "z": draw.random(1500)})
    with mlflow.start_run() as run:
        model = vl.wrap(LogisticRegression(), policy="model_policy.yaml")
        model.fit(table[:900], truth[:900], audit_data=(table[900:], truth[900:]))
        mlflow.sklearn.log_model(
            vl.unwrap(model),
            name="model",
            registered_model_name="credit",
            pip_requirements=[],
            serialization_format="cloudpickle",
        )
    return run


@pytest.fixture(scope="module")
def store(mlflow: Any, empty_database: Path, tmp_path_factory: Any) -> SimpleNamespace:
    """Two versions of a model, each trained, audited and logged in a run of its own."""
    folder = tmp_path_factory.mktemp("gate")
    shutil.copy(empty_database, folder / "mlflow.db")
    (folder / "model_policy.yaml").write_text(POLICY)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        patch.chdir(folder)
        patch.setenv("VENTURALITICA_HOME", str(folder / ".venturalitica"))
        patch.setenv("VENTURALITICA_CONFIG", str(folder / "config"))
        patch.setenv("MLFLOW_TRACKING_URI", "unset")
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        place = mlflow.create_experiment("credit", artifact_location=f"{folder}/artifacts")
        mlflow.set_experiment(experiment_id=place)
        train(mlflow, 1)
        train(mlflow, 2)
        delivery.settle()
        ledger = open_ledger(create=False)
        bare = [candidate_of(f"models:/credit/{number}")[0] for number in (1, 2)]
        whole = [candidate_of(f"models:/credit/{number}", ledger=ledger)[0] for number in (1, 2)]
        keys = {"known_keys": own_keys(Settings.current())}
        mlflow.set_tracking_uri(None)
    return SimpleNamespace(bare=bare, whole=whole, keys=keys, folder=folder)


def asked(
    store: Any, candidate: Candidate, *, now: datetime | None = None, **fields: Any
) -> Decision:
    requirement = Requirement(policy=fields.pop("policy", rules()), **fields)
    return decide(candidate, requirement, keys=store.keys, now=now or datetime.now(UTC))


def test_files_that_were_judged_and_met_all_pass(store: Any) -> None:
    for candidate in store.bare:
        found = asked(store, candidate)
        assert (found.allowed, found.rule, found.anew) == (True, "allowed", False), found
        assert found.record
        assert found.files_root == candidate.files.root
    # A file that MLflow adds to what it fetches of a registry, and no other, was left out.
    assert all(set(one.files.left_out) <= {"registered_model_meta"} for one in store.bare)


@pytest.mark.parametrize("change", ["byte", "name", "new", "gone"])
def test_other_files_are_refused_by_name(store: Any, change: str) -> None:
    one = store.bare[0]
    files = dict(one.files.files)
    first = next(iter(files))
    if change == "byte":
        files[first] = "0" * 64
    elif change == "name":
        files[f"{first}.bak"] = files.pop(first)
    elif change == "new":
        files["code/extra.py"] = "1" * 64
    else:
        del files[first]
    found = asked(store, replace(one, files=Manifest.over(files)))
    assert (found.allowed, found.rule) == (False, "other-files")
    assert (first if change != "new" else "code/extra.py") in found.sentence


def test_evidence_of_another_version_does_not_stand_for_this_one(store: Any) -> None:
    one, two = store.bare
    found = asked(store, replace(one, bundles=two.bundles))
    assert (found.allowed, found.rule) == (False, "other-files")
    # The judgement of one and the tie of the other belong to different records.
    ties = {name: data for name, data in one.bundles.items() if "/models/" in name}
    found = asked(store, replace(one, bundles={EVIDENCE: two.bundles[EVIDENCE], **ties}))
    assert (found.allowed, found.rule) == (False, "other-files")


def test_a_judgement_without_a_tie_says_nothing_of_files(store: Any) -> None:
    one = store.bare[0]
    found = asked(store, replace(one, bundles={EVIDENCE: one.bundles[EVIDENCE]}))
    assert (found.allowed, found.rule) == (False, "other-files")
    assert asked(store, replace(one, bundles={})).rule == "no-evidence"


def test_each_altered_byte_is_refused(store: Any) -> None:
    one = store.bare[0]
    tie = next(name for name in one.bundles if "/models/" in name)
    draw = np.random.default_rng(5)
    for name in (EVIDENCE, tie):
        data = bytearray(one.bundles[name])
        for place in draw.integers(0, len(data), 25).tolist():
            changed = bytearray(data)
            changed[place] ^= 1
            found = asked(store, replace(one, bundles={**one.bundles, name: bytes(changed)}))
            assert not found.allowed, (name, place)
    for junk in (b"", b"{", b"[]", b"{}" * 10, b"\xff" * 100, b"[" * 100_000, b"1" * 5_000_000):
        found = asked(store, replace(one, bundles={EVIDENCE: junk}))
        assert (found.allowed, found.rule) == (False, "signature"), junk[:10]


def test_a_key_that_nobody_named_proves_nothing(store: Any) -> None:
    one = store.bare[0]
    nobody: list[dict[str, Any]] = [{}, {"known_keys": {}}]
    for keys in nobody:
        found = decide(one, Requirement(policy=rules()), keys=keys, now=datetime.now(UTC))
        assert (found.allowed, found.rule) == (False, "signer")


def test_the_same_name_is_not_the_same_policy(store: Any) -> None:
    other = rules(POLICY.replace("0.40", "0.41"))
    found = asked(store, store.bare[0], policy=other)
    assert (found.allowed, found.rule) == (False, "no-tally")
    assert "publish" in found.sentence
    found = asked(store, store.whole[0], policy=other)
    assert (found.allowed, found.anew) == (True, True)
    stricter = rules(POLICY.replace("0.40", "0.9999"))
    found = asked(store, store.whole[0], policy=stricter)
    assert (found.allowed, found.rule, found.control) == (False, "control", "recall")


def test_a_policy_of_other_groups_is_not_judged_on_the_old_ones(store: Any) -> None:
    for more in ("{map: {1: 'yes', 0: 'no'}, favorable: 'yes'}", "{favorable: 1, column: other}"):
        other = rules(POLICY.replace("{favorable: 1}", more))
        found = asked(store, store.whole[0], policy=other)
        assert (found.allowed, found.rule) == (False, "other-policy"), more
    across = (
        POLICY + "  - {id: parity, metric: demographic_parity_ratio, across: sex, must: '>= 0.8'}\n"
    )
    found = asked(store, store.whole[0], policy=rules(across))
    assert (found.allowed, found.rule, found.control) == (False, "control", "parity")


def test_a_tally_of_another_record_is_not_taken(store: Any) -> None:
    one, two = store.whole
    swapped = dict(zip(one.tallies, two.tallies.values(), strict=True))
    other = rules(POLICY.replace("0.40", "0.41"))
    for tallies in (swapped, dict.fromkeys(one.tallies, b"{}")):
        assert not asked(store, replace(one, tallies=tallies), policy=other).allowed


def test_age_and_clock(store: Any) -> None:
    one, now = store.bare[0], datetime.now(UTC)
    assert asked(store, one, max_age=timedelta(days=1)).allowed
    found = asked(store, one, max_age=timedelta(days=30), now=now + timedelta(days=31))
    assert (found.allowed, found.rule) == (False, "too-old")
    assert "31 days ago" in found.sentence
    found = asked(store, one, now=now - timedelta(hours=1))
    assert (found.allowed, found.rule) == (False, "clock")


def signed(store: Any, key: str, role: str, decision: str = "approved", hour: int = 1) -> SignOff:
    record = asked(store, store.bare[0]).record
    return SignOff(record, key * 64, role, decision, f"2026-11-30T{hour:02}:00:00.000000Z")


def test_approvals_are_counted_by_function_and_key(store: Any) -> None:
    one, two = store.bare[0], (ApprovalRule("Head of risk", 2),)

    def with_(*sign_offs: SignOff) -> Decision:
        return asked(store, replace(one, sign_offs=sign_offs), approvals=two)

    assert with_().rule == "approval"
    a, b = signed(store, "a", "Head of Risk"), signed(store, "b", "head  of risk")
    assert with_(a, a).rule == "approval"
    assert with_(a, replace(a, at="2026-11-30T05:00:00.000000Z")).rule == "approval"
    assert with_(a, signed(store, "b", "Auditor")).rule == "approval"
    assert with_(a, replace(b, evidence_sha256="0" * 64)).rule == "approval"
    assert with_(a, b).allowed
    assert len(with_(a, b).approvals) == 2
    against = signed(store, "c", "Auditor", "rejected", hour=2)
    assert with_(a, b, against).rule == "rejected"
    assert with_(a, b, against, signed(store, "c", "Auditor", hour=3)).allowed
    # Whoever is not among the keys that are named may sign what he likes.
    pinned = {"trusted_keys": store.keys["known_keys"]}
    found = decide(
        replace(one, sign_offs=(a, b)),
        Requirement(policy=rules(), approvals=two),
        keys=pinned,
        now=datetime.now(UTC),
    )
    assert found.rule == "approval"


def test_a_decision_is_written_and_read(store: Any) -> None:
    from venturalitica.ledger.records.decision import Decided

    for candidate in (store.bare[0], replace(store.bare[0], bundles={})):
        made = Decided(decision=asked(store, candidate), alias="champion", mode="observe")
        statement = json.loads(json.dumps(made.statement([], datetime.now(UTC))))
        read = Decided.of(statement["predicate"])
        assert read.decision == made.decision
        assert (read.alias, read.mode, read.passed) == ("champion", "observe", True)
        assert statement["subject"]
