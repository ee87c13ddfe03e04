"""A log that others have signed: a key that is new to it is said, and is never green."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from venturalitica.audit.project import open_ledger
from venturalitica.ledger.signing.key_rotation import swap
from venturalitica.system.settings import Settings

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


def key_folder() -> Path:
    folder = Settings.current().config
    assert folder is not None
    return folder


@pytest.fixture
def signed(policy, table) -> Path:
    """A log with one record; gives the folder of the key that signed it."""
    assert vl.enforce(table, policy=policy, **ROLES).light == "green"
    return key_folder()


def said(caplog) -> list[str]:
    return [line for line in caplog.messages if line.startswith("new key ")]


def test_a_private_key_that_is_gone_is_said_and_amber(signed, table, caplog):
    caplog.set_level("INFO")
    (signed / "signing_key.pem").unlink()
    audit = vl.enforce(table, **ROLES)
    assert audit.passed
    assert audit.light == "amber"
    (line,) = said(caplog)
    assert audit.entry.signer[:16] in line
    assert "VENTURALITICA_CONFIG" in line
    assert any("signed by a new key" in line for line in caplog.messages)
    assert vl.verify().ok  # it is another key, and no forgery
    assert vl.enforce(table, **ROLES).light == "green"  # the log knows it from now on
    assert len(said(caplog)) == 1


def test_a_folder_of_keys_that_is_another_is_the_same(signed, table, monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "other"))
    with vl.monitor("training") as run:
        pass
    assert run.light == "amber"
    assert len(said(caplog)) == 1


def test_a_run_whose_record_has_a_new_key_is_amber(table, write_policy, tmp_path, caplog):
    path = write_policy(name="elsewhere.yaml")
    with vl.monitor("training") as run:
        vl.enforce(table, policy=path, **ROLES)
        shutil.rmtree(key_folder())
    assert run.audits[0].light == "green"
    assert run.light == "amber"


def test_a_key_given_by_a_variable_is_new_too(signed, table, monkeypatch, caplog):
    from venturalitica.ledger.signing.signer import new_key_pem

    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", new_key_pem().decode())
    assert vl.enforce(table, **ROLES).light == "amber"
    assert len(said(caplog)) == 1


def test_a_rotation_introduces_its_key(signed, table, caplog):
    swap(signed)
    assert vl.enforce(table, **ROLES).light == "green"
    assert said(caplog) == []


def test_the_first_key_of_a_log_is_nothing_to_speak_of(signed, table, caplog):
    shutil.rmtree(Settings.current().home)
    shutil.rmtree(signed)
    assert vl.enforce(table, **ROLES).light == "green"
    assert said(caplog) == []


def test_without_locks_it_is_said_as_well(signed, table, monkeypatch, caplog):
    monkeypatch.setenv("VENTURALITICA_LOCKS", "0")
    (signed / "signing_key.pem").unlink()
    assert vl.enforce(table, **ROLES).light == "amber"
    assert len(said(caplog)) == 1


def test_the_key_that_is_found_again_is_no_new_one(signed, table, caplog):
    kept = (signed / "signing_key.pem").rename(signed / "kept.pem")
    vl.enforce(table, **ROLES)
    kept.rename(signed / "signing_key.pem")
    caplog.clear()
    assert vl.enforce(table, **ROLES).light == "green"
    assert said(caplog) == []
    assert open_ledger().size == 3
