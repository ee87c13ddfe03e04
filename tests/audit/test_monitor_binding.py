"""A monitor binds policy, audits and the files written inside it; its policy is named once."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import Any

import pytest
from sklearn.dummy import DummyClassifier

import venturalitica as vl
from venturalitica.audit.project import open_ledger
from venturalitica.ledger.records.vault import Vault
from venturalitica.provenance import written

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


def record() -> Any:
    """The run that ended last."""
    found = [entry.statement["predicate"] for entry in open_ledger(create=False).entries()]
    return [said for said in found if said["kind"] == "run"][-1]


def files() -> Any:
    return {one["name"]: one for one in record()["data"] if one["context"] in ("output", "written")}


@pytest.fixture
def other(policy: Any, tmp_path: Any) -> Any:
    """A policy that is not the project's, under another name."""
    path = tmp_path / "other.yaml"
    path.write_text(policy.read_text().replace("policy: ", "policy: other-", 1))
    policy.unlink()
    return path


def test_the_policy_is_named_once(other: Any, table: Any) -> None:
    with vl.monitor("training", policy=other) as run:
        vl.enforce(table, **ROLES)
        vl.wrap(DummyClassifier()).fit(
            table[["label"]].rename(columns=str.upper), table["label"], gender=table["sex"]
        )
        with vl.monitor("inner") as inner:
            vl.enforce(table, **ROLES)
    assert {audit.policy.sha256 for audit in [*run.audits, *inner.audits]} == {run.policy.sha256}
    assert inner.policy.sha256 == run.policy.sha256
    assert len(run.audits) == 2
    with pytest.raises(vl.PolicyError):
        vl.enforce(table, **ROLES)


def test_a_policy_that_a_call_names_wins(other: Any, table: Any, tmp_path: Any) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(other.read_text().replace("other-", "own-"))
    with vl.monitor("training", policy=other) as run:
        audit = vl.enforce(table, policy=own, **ROLES)
        with vl.monitor("inner", policy=own):
            inner = vl.enforce(table, **ROLES)
        vl.enforce(table, **ROLES)
    assert audit.policy.name == inner.policy.name == f"own-{run.policy.name[6:]}"


def test_files_that_are_written_inside_are_on_record(
    policy: Any, table: Any, tmp_path: Any
) -> None:
    (tmp_path / "before.txt").write_text("as it was")
    (tmp_path / "changed.txt").write_text("old")
    with vl.monitor("training", policy=policy, outputs=["named.bin"]) as run:
        vl.enforce(table, **ROLES)
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "model.pt").write_bytes(b"weights")
        (tmp_path / "named.bin").write_bytes(b"named")
        (tmp_path / "changed.txt").write_text("new")
        os.utime(tmp_path / "changed.txt", (1, 1))
        (tmp_path / ".hidden").write_text("")
        (tmp_path / "mlruns").mkdir()
        (tmp_path / "mlruns" / "meta.yaml").write_text("")
    assert set(files()) == {"named.bin", "out/model.pt", "changed.txt"}
    key = Vault(open_ledger().home).key()
    digest = hashlib.sha256(b"weights").digest()
    assert files()["out/model.pt"]["hmac_sha256"] == hmac.digest(key, digest, "sha256").hex()
    assert digest.hex() not in json.dumps(record())
    assert record()["policy"]["sha256"] == run.policy.sha256
    [audit] = record()["audits"]
    assert audit["evidence_sha256"] == run.audits[0].evidence_sha256
    assert vl.verify().ok


def test_none_looks_for_none_and_a_function_too(policy: Any, table: Any, tmp_path: Any) -> None:
    def train() -> None:
        (tmp_path / "model.pt").write_bytes(b"weights")

    vl.monitor("training", outputs=None)(train)()
    assert files() == {}


def test_more_than_can_be_looked_at_is_said(
    policy: Any, tmp_path: Any, monkeypatch: Any, caplog: Any
) -> None:
    caplog.set_level("INFO", logger="venturalitica")
    monkeypatch.setattr(written, "RECORDED", 2)
    with vl.monitor("training"):
        for name in "abc":
            (tmp_path / name).write_text(name)
    assert set(files()) == {"a", "b"}
    assert "3 files were written" in caplog.text
    monkeypatch.setattr(written, "READ", 1)
    with vl.monitor("training"):
        (tmp_path / "large").write_text("large")
    assert (files()["large"]["method"], files()["large"]["size"]) == ("unread", 5)
    monkeypatch.setattr(written, "LOOKED_AT", 2)
    with vl.monitor("training"):
        (tmp_path / "d").write_text("d")
    assert files() == {}
    assert "holds more than 2 files: those that are written in it are not looked for" in caplog.text
