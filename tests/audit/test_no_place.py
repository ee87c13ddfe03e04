"""No home, no working folder, no folder that can be written: a fall-back, or one clear error."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.audit import recording
from venturalitica.system import settings
from venturalitica.system.settings import Settings

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


@pytest.fixture
def homeless(monkeypatch):
    """A container's user: not in the password file, and no HOME."""

    def nobody(uid):
        raise KeyError(uid)

    for name in ("HOME", "XDG_CONFIG_HOME", "VENTURALITICA_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(recording, "_foretold", set())
    monkeypatch.setattr(settings, "_last_folder", None)


def test_without_a_home_named_folders_are_enough(homeless, monkeypatch, tmp_path, policy, table):
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "keys"))
    assert vl.enforce(table, policy=policy, **ROLES).light == "green"
    monkeypatch.delenv("VENTURALITICA_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert Settings.current().config == tmp_path / "xdg" / "venturalitica"


def test_without_any_place_for_a_key_nothing_is_trained_and_all_can_be_read(
    homeless, policy, table
):
    class Untrainable(LogisticRegression):
        def fit(self, X, y):
            raise AssertionError("must not train")

    model = vl.wrap(Untrainable(), policy=policy)
    with pytest.raises(vl.SettingsError, match="VENTURALITICA_CONFIG"):
        model.fit(np.zeros((4, 1)), np.array([0, 1, 0, 1]))
    with pytest.raises(vl.SettingsError, match="no home folder"):
        vl.enforce(table, policy=policy, **ROLES)
    with pytest.raises(vl.SettingsError, match="no home folder"), vl.monitor("training"):
        raise AssertionError("must not run")
    assert Settings.current().config is None
    assert not vl.verify().ok


def test_a_relative_folder_of_the_specification_is_none(homeless, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", "relative")
    assert Settings.current().config is None


@pytest.mark.parametrize("name", ["VENTURALITICA_HOME", "VENTURALITICA_CONFIG"])
def test_a_home_that_is_nobodys_is_named_with_its_variable(monkeypatch, name):
    monkeypatch.setenv(name, "~nobody-of-this-name/x")
    with pytest.raises(vl.SettingsError, match=f"{name}.*no such home folder"):
        Settings.current()


def test_a_key_in_a_home_that_is_nobodys(monkeypatch):
    from venturalitica.ledger import load_signer

    with pytest.raises(vl.SigningKeyError, match="no such home folder"):
        load_signer("~nobody-of-this-name/key.pem")


@pytest.fixture
def deleted(tmp_path, monkeypatch, policy):
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    yield folder
    os.chdir(tmp_path)


def test_a_working_folder_deleted_in_the_run_is_what_it_was(deleted, policy, table):
    with vl.monitor("training") as run:
        shutil.rmtree(deleted)
        audit = vl.enforce(table, policy=policy, **ROLES)
    assert run.policy is not None
    assert run.light == audit.light == "green"
    with pytest.raises(vl.PolicyError, match="a folder that was deleted"):
        vl.enforce(table, policy="other.yaml", **ROLES)
    with pytest.raises(vl.DataError, match="no such file"), vl.monitor(inputs="absent.csv"):
        raise AssertionError("must not run")


def test_a_working_folder_deleted_before_is_one_clear_error(deleted, policy, table):
    shutil.rmtree(deleted)
    for call in (lambda: vl.enforce(table, policy=policy, **ROLES), vl.monitor("t").__enter__):
        with pytest.raises(vl.SettingsError, match="working folder"):
            call()


def test_importing_where_there_is_no_folder_is_silent(tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); import venturalitica; print(venturalitica.wrap)"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_a_folder_that_may_not_be_looked_into_holds_nothing(monkeypatch, tmp_path):
    """`docker run --user 1000` in /root: the working folder is there, and nothing in it is ours."""

    def refused(self, **_: Any):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "exists", refused)
    assert settings.project_root(tmp_path) == tmp_path
    assert settings.find_policy(tmp_path) is None
    assert settings.load_dotenv() == ()


@pytest.mark.parametrize("name", ["VENTURALITICA_HOME", "VENTURALITICA_CONFIG"])
def test_what_cannot_be_written_is_said_before_the_training(
    name, monkeypatch, tmp_path, policy, caplog
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(name, str(tmp_path / "file" / "inside"))
    said_before = []

    class Looking(LogisticRegression):
        def fit(self, X, y):
            said_before.extend(caplog.messages)
            return super().fit(X, y)

    X = np.arange(8.0).reshape(-1, 1)
    model = vl.wrap(Looking(), policy=policy).fit(X, np.array([0, 1] * 4))
    assert model.classes_.tolist() == [0, 1]
    (line,) = [line for line in said_before if line.startswith("no evidence of what follows")]
    assert "is no folder" in line
    assert f"Set {name}" in line


def test_a_key_that_cannot_be_used_is_said_before_the_training(monkeypatch, caplog, write_policy):
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", "/nowhere/key.pem")
    with vl.monitor("training") as run:
        assert "no evidence of what follows" in caplog.text
    assert run.light == "red"
    assert caplog.text.count("no evidence of what follows") == 1


def test_a_tracking_address_that_cannot_be_meant_is_asked_about_once(monkeypatch, policy, caplog):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "127.0.0.1:5000")
    for _ in range(2):
        with vl.monitor("training"):
            pass
    asked = [line for line in caplog.messages if "did you mean http://127.0.0.1:5000?" in line]
    assert len(asked) == 1
