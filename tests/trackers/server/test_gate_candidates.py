"""What the gate fetches of a version, from a real `mlflow server`, and what it decides of it."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.audit import delivery, model_ties
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.core.gate import Decision, Requirement
from venturalitica.core.manifest import REGISTRY_META
from venturalitica.errors import EvidenceError, TrackerError, TrackerUnreachable
from venturalitica.ledger.outbox import Outbox
from venturalitica.policy.read import parse_policy
from venturalitica.review.gate.candidates import candidate_of
from venturalitica.review.gate.decide import decide
from venturalitica.review.verification import own_keys
from venturalitica.system.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore")

POLICY = """\
policy: credit
version: "1.0"
disclosure: {tallies: publish}
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.50"}
"""
LOOSER = POLICY.replace("0.50", "0.40")
STRICTER = POLICY.replace("0.50", "1.00")


@pytest.fixture
def place(mlflow, server_uri, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(model_ties, "_trainings", [])
    monkeypatch.setattr(model_ties, "_tied", set())
    return tmp_path


def trained(mlflow: Any, place: Path, name: str, policy: str = POLICY) -> SimpleNamespace:
    """A version of a model that was trained, judged and logged in one run."""
    (place / "model_policy.yaml").write_text(policy)
    random = np.random.default_rng(7)
    truth = random.integers(0, 2, 600)
    table = pd.DataFrame({"x": truth + random.normal(0, 0.6, 600), "z": random.random(600)})
    model = vl.wrap(LogisticRegression(), policy="model_policy.yaml")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with mlflow.start_run() as run:
            model.fit(table[:300], truth[:300], audit_data=(table[300:], truth[300:]))
            info = mlflow.sklearn.log_model(
                model, name="model", pip_requirements=[], registered_model_name=name
            )
    assert Outbox(open_ledger(create=False)).waiting() == []
    return SimpleNamespace(run_id=run.info.run_id, uri=f"models:/{name}/1", model_id=info.model_id)


def decided(target: str, policy: str = POLICY, *, own_log: bool = False) -> Decision:
    ledger = open_ledger(create=False) if own_log else None
    candidate, _ = candidate_of(target, ledger=ledger)
    asked = Requirement(policy=parse_policy(policy.encode()))
    keys = {"known_keys": own_keys(Settings.current())}
    return decide(candidate, asked, keys=keys, now=datetime.now(UTC))


def test_one_model_by_each_of_its_names(mlflow, place):
    version = trained(mlflow, place, "each")
    mlflow.MlflowClient().set_registered_model_alias("each", "champion", "1")
    names = (version.uri, "models:/each@champion", f"runs:/{version.run_id}")
    found = [candidate_of(name)[0] for name in (*names, f"models:/{version.model_id}")]
    assert len({one.files.root for one in found}) == 1
    assert all(REGISTRY_META not in one.files.files for one in found)
    assert [one.version for one in found[:2]] == ["1", "1"]
    for name in names:
        allowed = decided(name)
        assert allowed.allowed, allowed.sentence
        assert allowed.files_root == found[0].files.root


def test_a_published_tally_is_found_beside_its_evidence(mlflow, place):
    version = trained(mlflow, place, "published")
    candidate, _ = candidate_of(version.uri)
    ledger = open_ledger(create=False)
    kept = [entry.record.tally_kept for entry in ledger.entries() if entry.record.tally_kept]
    assert [*candidate.tallies] == kept != []
    anew = decided(version.uri, LOOSER)
    assert anew.allowed, anew.sentence
    assert anew.anew
    refused = decided(version.uri, STRICTER)
    assert (refused.allowed, refused.rule, refused.control) == (False, "control", "accuracy")


def test_a_tally_that_was_not_published_is_in_the_teams_vault_or_refused(mlflow, place):
    version = trained(mlflow, place, "kept", POLICY.replace("publish", "keep"))
    policy = LOOSER.replace("publish", "keep")
    refused = decided(version.uri, policy)
    assert (refused.allowed, refused.rule) == (False, "no-tally")
    assert decided(version.uri, policy, own_log=True).allowed


def test_a_spoilt_tally_lets_nothing_through(mlflow, place):
    version = trained(mlflow, place, "spoilt")
    client = mlflow.MlflowClient()
    (place / "tally.json").write_text("{}")
    client.log_artifact(version.run_id, str(place / "tally.json"), "venturalitica")
    assert decided(version.uri, LOOSER).rule == "no-tally"


def test_a_file_that_was_added_or_swapped_is_refused(mlflow, place):
    version = trained(mlflow, place, "swapped")
    client = mlflow.MlflowClient()
    (place / "loader.py").write_text("import os\n")
    client.log_model_artifact(version.model_id, str(place / "loader.py"))
    added = decided(version.uri)
    assert (added.allowed, added.rule) == (False, "other-files")
    assert "loader.py is new" in added.sentence
    other = trained(mlflow, place, "swapped-too")
    (place / "requirements.txt").write_text("evil\n")
    client.log_model_artifact(other.model_id, str(place / "requirements.txt"))
    swapped = decided(other.uri)
    assert (swapped.allowed, swapped.rule) == (False, "other-files")
    assert "requirements.txt has other bytes" in swapped.sentence


def test_evidence_of_another_run_is_refused(mlflow, place):
    version = trained(mlflow, place, "first")
    (place / "moved").mkdir()
    client = mlflow.MlflowClient()
    with mlflow.start_run() as run, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression(C=0.1).fit([[0.0], [1.0]], [0, 1])
        mlflow.sklearn.log_model(
            model, name="model", pip_requirements=[], registered_model_name="thief"
        )
    folder = client.download_artifacts(version.run_id, "venturalitica", str(place / "moved"))
    client.log_artifacts(run.info.run_id, folder, "venturalitica")
    refused = decided("models:/thief/1")
    assert (refused.allowed, refused.rule) == (False, "other-files")


def test_edited_evidence_is_refused(mlflow, place):
    version = trained(mlflow, place, "edited")
    client = mlflow.MlflowClient()
    whole = mlflow.artifacts.load_text(f"runs:/{version.run_id}/venturalitica/evidence.json")
    bundle = json.loads(whole)
    envelope = json.loads(bundle["envelope"])
    envelope["signatures"][0]["sig"] = "A" * 8 + envelope["signatures"][0]["sig"][8:]
    bundle["envelope"] = json.dumps(envelope, separators=(",", ":"), sort_keys=True)
    edited = json.dumps(bundle, separators=(",", ":"), sort_keys=True)
    (place / "evidence.json").write_text(edited)
    client.log_artifact(version.run_id, str(place / "evidence.json"), "venturalitica")
    refused = decided(version.uri)
    assert not refused.allowed
    assert refused.rule in ("signature", "no-evidence")


def test_what_is_no_evidence_of_ours_is_passed_over(mlflow, place):
    version = trained(mlflow, place, "beside")
    client = mlflow.MlflowClient()
    client.set_tag(version.run_id, "venturalitica.evidence.json", "{}")
    (place / "model_policy.json").write_text("{}")
    client.log_artifact(version.run_id, str(place / "model_policy.json"), "policy_snapshot")
    candidate, _ = candidate_of(version.uri)
    assert all(name.startswith("venturalitica/") for name in candidate.bundles)
    assert decided(version.uri).allowed


def test_a_version_without_a_run_or_evidence_is_refused(mlflow, place):
    trained(mlflow, place, "other")
    with mlflow.start_run(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = LogisticRegression().fit([[0.0], [1.0]], [0, 1])
        mlflow.sklearn.log_model(
            model, name="model", pip_requirements=[], registered_model_name="bare"
        )
    refused = decided("models:/bare/1")
    assert (refused.allowed, refused.rule) == (False, "no-evidence")


def test_a_bundle_alone_with_the_tally_beside_it(mlflow, place):
    version = trained(mlflow, place, "alone")
    folder = Path(
        mlflow.artifacts.download_artifacts(
            f"runs:/{version.run_id}/venturalitica", dst_path=str(place / "taken")
        )
    )
    assert decided(str(folder / "evidence.json"), LOOSER).anew
    (folder / "tally.json").unlink()
    assert decided(str(folder / "evidence.json"), LOOSER).rule == "no-tally"
    with pytest.raises(EvidenceError, match="no such file; expected models:/NAME/VERSION"):
        candidate_of(str(folder / "nothing.json"))


def test_what_is_not_there_is_said(mlflow, place, monkeypatch):
    with pytest.raises(TrackerError, match="has no model 'models:/nobody/1'"):
        candidate_of("models:/nobody/1")
    with pytest.raises(TrackerError, match="has no model 'models:/nobody@champion'"):
        candidate_of("models:/nobody@champion")
    with pytest.raises(TrackerError):
        candidate_of(f"runs:/{'0' * 32}")
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    with pytest.raises(TrackerUnreachable, match="does not answer"):
        candidate_of("models:/nobody/1")
