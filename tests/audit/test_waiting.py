"""Evidence that is on disk but not in the log yet: amber, said, and taken in by `sync`."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import venturalitica as vl
from tests.policies import small_policy
from venturalitica.cli.sync import app
from venturalitica.ledger import Ledger


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VENTURALITICA_LOCKS", "0")
    (tmp_path / "model_policy.yaml").write_text(small_policy(name="waiting"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def judge() -> vl.Audit:
    rows = pd.DataFrame({"y": [0, 1] * 200, "p": [1, 1, *[0, 1] * 199]})
    return vl.enforce(rows, target="y", prediction="p")


def on_a_disk_that_fails(work):
    def broken(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pwrite", broken)
        return work()


def test_it_is_amber_and_says_where_it_is(home: Path) -> None:
    assert judge().light == "green"
    audit = on_a_disk_that_fails(judge)
    assert (audit.light, audit.entry, audit.fault) == ("amber", None, "")
    assert "venturalitica sync" in audit.waiting
    assert Ledger.open(home).waiting == 1


def test_a_run_of_which_the_record_waits_is_not_green(home: Path) -> None:
    judge()
    with vl.monitor("run") as run:
        assert judge().light == "green"
        patch = pytest.MonkeyPatch()
        patch.setattr(os, "pwrite", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "no")))
    patch.undo()
    assert run.entry is None
    assert "venturalitica sync" in run.waiting
    assert run.light == "amber"


def test_a_run_of_which_the_record_could_not_be_written_is_red(home: Path) -> None:
    judge()
    with vl.monitor("run") as run:
        judge()
        patch = pytest.MonkeyPatch()
        patch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    patch.undo()
    assert run.entry is None
    assert "could not be written" in run.fault
    assert run.light == "red"


def test_sync_takes_it_in(home: Path) -> None:
    judge()
    statement = on_a_disk_that_fails(judge).statement
    done = CliRunner().invoke(app, ["--json"])
    assert done.exit_code == 0, done.output
    ledger = Ledger.open(home)
    assert (ledger.size, ledger.waiting) == (2, 0)
    found = ledger.entry(1).statement["predicate"]
    assert found["run"]["id"] == statement["predicate"]["run"]["id"]
    assert vl.verify(home).ok


def test_a_wrong_switch_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VENTURALITICA_LOCKS", "perhaps")
    with pytest.raises(vl.SettingsError, match="VENTURALITICA_LOCKS='perhaps'"):
        judge()
