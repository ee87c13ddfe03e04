"""Scripts as people write them, bare and with the two lines: the same for them, evidence for us.

A script says in its first lines under which policy it stands (`# policy: binary`) and where the
evidence of each of its audits belongs, in order (`# evidence: <name of the run>, ...`, `-` where it
stays in the ledger, `*` for the only run that there is).
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(1600)  # the first one waits for all scripts
HERE = Path(__file__).parent
SCRIPTS = sorted(HERE.glob("*_runs/*.py"))
POLICIES = {
    "binary": """\
policy: binary
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
  - {id: f1, metric: f1, must: ">= 0.3"}
  - {id: recall, metric: recall, must: ">= 0.2"}
""",
    "multiclass": """\
policy: multiclass
version: "1.0"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
  - {id: f1-macro, metric: f1_macro, must: ">= 0.3"}
""",
    "amounts": """\
policy: amounts
version: "1.0"
controls:
  - {id: mae, metric: mean_absolute_error, must: "<= 60"}
  - {id: rmse, metric: root_mean_squared_error, must: "<= 70"}
  - {id: r2, metric: r2_score, must: ">= 0.2"}
""",
    "labels": """\
policy: labels
version: "1.0"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
""",
}


def said(script: Path, what: str) -> list[str]:
    """What a script's first lines say after `# what:`."""
    found = re.search(rf"^# {what}: (.*)$", script.read_text(), re.M)
    assert found, f"{script.name} does not say '# {what}: ...'"
    return [part.strip() for part in found[1].split(",")]


@pytest.fixture(scope="module")
def results(
    tmp_path_factory: pytest.TempPathFactory, empty_database: Path
) -> dict[tuple[str, bool], dict[str, Any]]:
    """What came of each script, by its name and whether it was wrapped."""
    base = tmp_path_factory.mktemp("scripts")
    jobs: list[dict[str, Any]] = []
    for script in SCRIPTS:
        for wrapped in (False, True):
            folder = base / f"{script.stem}-{'wrapped' if wrapped else 'bare'}"
            folder.mkdir()
            (folder / "policy.yaml").write_text(POLICIES[said(script, "policy")[0]])
            if script.parent.name == "mlflow_runs":
                shutil.copy(empty_database, folder / "mlflow.db")
            jobs.append(
                {
                    "script": str(script),
                    "folder": str(folder),
                    "wrapped": wrapped,
                    "environment": _environment(folder),
                }
            )
    (base / "jobs.json").write_text(json.dumps(jobs))
    subprocess.run(
        [sys.executable, "-W", "ignore", str(HERE / "runner.py"), str(base / "jobs.json")],
        check=True,
        timeout=1500,
    )
    return {
        (Path(job["script"]).stem, bool(job["wrapped"])): _result(Path(job["folder"]))
        for job in jobs
    }


def _environment(folder: Path) -> dict[str, str]:
    return {
        "HOME": str(folder),
        "VENTURALITICA_HOME": str(folder / "evidence"),
        "VENTURALITICA_CONFIG": str(folder.parent / "config"),
        "VENTURALITICA_TRACKER_WAIT": "100",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "WANDB_MODE": "offline",
        "WANDB_SILENT": "true",
        "WANDB_DIR": str(folder),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_CONFIG_DIR": str(folder / "wandb-config"),
        "WANDB_DATA_DIR": str(folder / "data"),
        "OMP_NUM_THREADS": "1",
    }


def _result(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())
    screen = (folder / "screen.txt").read_text(errors="replace")
    assert "error" not in found, f"{folder.name}:\n{found['error']}\n{screen[-3000:]}"
    return found | {"screen": screen}


names = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)


@names
def test_no_script_notices(script: Path, results: dict[tuple[str, bool], dict[str, Any]]) -> None:
    bare, wrapped = results[script.stem, False], results[script.stem, True]
    assert wrapped["predictions"] == bare["predictions"]
    assert wrapped["random"] == bare["random"]
    for tracker in ("mlflow", "wandb"):
        assert _told(wrapped[tracker]) == _told(bare[tracker])


def _told(runs: list[dict[str, Any]]) -> list[str]:
    """What the runs hold of their user's; in any order, since two may begin in one millisecond."""
    return sorted(json.dumps(run["user"], sort_keys=True) for run in runs)


@names
def test_the_evidence_is_where_it_belongs(
    script: Path, results: dict[tuple[str, bool], dict[str, Any]]
) -> None:
    found = results[script.stem, True]
    policy = POLICIES[said(script, "policy")[0]]
    runs = {run["id"]: run for run in (*found["mlflow"], *found["wandb"])}
    expected, audits = said(script, "evidence"), found["audits"]
    assert len(audits) == len(expected), found["screen"]
    for audit, place in zip(audits, expected, strict=True):
        assert audit["policy"] == policy
        _judged(script, audit)
        at = [runs[run_id] for _, run_id, _ in audit["runs"]]
        if place == "-":
            assert not at
            assert re.search("waits for a run|no tracker run was open", found["screen"])
        else:
            assert [run["name"] for run in at] == [place if place != "*" else at[0]["name"]]
            assert place != "*" or len(runs) == 1
            _holds(at[0], audit, policy)


def _judged(script: Path, audit: dict[str, Any]) -> None:
    """A verdict for each control; a label policy on amounts says why there is none."""
    amounts = said(script, "policy")[0] == "labels"
    controls = re.findall(r"id: ([\w-]+)", audit["policy"])
    assert list(audit["statuses"]) == controls
    wanted = {"not_evaluated"} if amounts else {"passed", "failed"}
    assert set(audit["statuses"].values()) <= wanted, audit["reasons"]


def _holds(run: dict[str, Any], audit: dict[str, Any], policy: str) -> None:
    """The run has the snapshot, the evidence, and a tag for each control."""
    if "files" in run:
        files = Path(run["files"])
        assert (files / "policy_snapshot" / "policy.yaml").read_text() == policy
        texts = [file.read_text() for file in (files / "venturalitica").rglob("*.json")]
        assert any(audit["evidence_sha256"] == _envelope(text) for text in texts)
        return
    assert run["snapshots"] == [policy]
    claimed = [
        key for key in run["ours"] if key == f"venturalitica.audit.{audit['evidence_sha256'][:12]}"
    ]
    assert claimed
    for control, status in audit["statuses"].items():
        assert status in {v for k, v in run["ours"].items() if k.endswith(f".control.{control}")}


def _envelope(text: str) -> str:
    import hashlib

    return hashlib.sha256(json.loads(text)["envelope"].encode()).hexdigest()
