"""`venturalitica demo`, for real: it trains, tracks, signs and verifies in a folder of its own."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from venturalitica.cli import demo
from venturalitica.core.origin import install_line
from venturalitica.errors import EvidenceError


@pytest.mark.slow
def test_demo_runs_end_to_end_in_its_folder(call, project, monkeypatch):
    pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    result = call("demo", "--out", "loan demo", "--json")
    facts = json.loads(result.stdout)
    assert result.exit_code == 0
    assert facts["verified"] is True
    assert len(facts["run"]["predicate"]["verdicts"]) >= 5
    (link,) = facts["run"]["predicate"]["trackers"]
    assert link["tracker"] == "mlflow"
    assert facts["run"]["waiting"] == []
    assert sorted(path.name for path in project.iterdir()) == ["loan demo"]
    with sqlite3.connect(project / "loan demo" / "mlflow.db") as store:
        tags = dict(store.execute("select key, value from tags where key like 'venturalitica%'"))
    assert tags["venturalitica.evidence_sha256"] == facts["run"]["evidence_sha256"]


def test_without_mlflow_the_demo_stays_local_and_says_what_to_type(call, project, monkeypatch):
    """And each line is understood alone: what a control is about, that red is meant."""
    monkeypatch.setattr(demo, "_has", lambda library: library == "sklearn")
    result = call("demo", "--out", "loan demo")
    assert result.exit_code == 0
    assert "gender-parity" in result.stdout
    assert "none was open; 'venturalitica attach" in result.stdout
    assert "verified:" in result.stdout
    assert "cd 'loan demo'" in result.stdout
    assert install_line("all") in result.stderr
    assert "Approval rates of men and women differ by no more than" in result.stdout
    assert "Red is meant" in result.stdout
    assert "unchanged since it was signed" in result.stdout
    following = result.stdout.partition("Next, look around:\n")[2].splitlines()
    assert len(following) >= 5
    assert all("  # " in line for line in following)


def test_without_scikit_learn_the_line_that_installs_it_is_named(call, monkeypatch):
    monkeypatch.setattr(demo, "_has", lambda library: False)
    result = call("demo")
    assert result.exit_code == 2
    assert install_line("sklearn") in result.stderr


def test_a_file_in_the_way_is_refused(call, project):
    (project / "demo").write_text("")
    result = call("demo", "--out", "demo")
    assert result.exit_code == 2
    assert "that is a file" in result.stderr


def test_a_script_that_fails_is_shown_and_never_a_success(call, project, monkeypatch):
    monkeypatch.setattr(demo, "_has", lambda library: library == "sklearn")
    monkeypatch.setattr(demo, "WITHOUT_TRACKER", "raise SystemExit('no \\x1b[31m luck')")
    result = call("demo", "--out", "demo")
    assert result.exit_code == EvidenceError.exit_status
    assert "no \\x1b[31m luck" in result.stderr


def test_what_to_type_next_is_found_on_the_path(tmp_path, monkeypatch):
    place = tmp_path / ".venv" / "bin"
    place.mkdir(parents=True)
    for name in ("python", "activate", "venturalitica"):
        (place / name).touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.executable", str(place / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    ways = list(demo._ways_there(Path("demo-out")))
    assert ways == ["source .venv/bin/activate", "cd demo-out"]
    monkeypatch.setenv("PATH", str(place))
    assert list(demo._ways_there(Path("demo-out"))) == ["cd demo-out"]
