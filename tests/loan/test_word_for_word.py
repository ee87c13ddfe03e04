"""The documents' own example, word for word, on the real data, in a process of its own."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from venturalitica.cli import main
from venturalitica.demo.german_credit import POLICY

EXAMPLE = """\
import venturalitica as vl
import mlflow
from sklearn.ensemble import RandomForestClassifier

policy = "model_policy.yaml"
with mlflow.start_run():
    model = vl.wrap(RandomForestClassifier(), policy=policy)
    model.fit(X_train, y_train, audit_data=train_df, gender="Attribute9", age="Attribute13")
"""

BEFORE = """\
import pandas
from sklearn.preprocessing import OrdinalEncoder
from venturalitica.cli import main
from venturalitica.demo.german_credit import read_columns

train_df = pandas.DataFrame(read_columns()).sample(frac=0.7, random_state=1)
X_train, y_train = train_df.drop(columns="class"), train_df["class"]
text = X_train.select_dtypes(exclude="number").columns
X_train[text] = OrdinalEncoder().fit_transform(X_train[text])
"""

AFTER = """\
import json
run = mlflow.last_active_run()
client = mlflow.MlflowClient()
artifacts = {}
for path in ["policy_snapshot/model_policy.yaml", "venturalitica/evidence.json",
             "venturalitica/report.html"]:
    with open(client.download_artifacts(run.info.run_id, path), "rb") as file:
        artifacts[path] = file.read().hex()
print(json.dumps({
    "class": type(model).__name__,
    "tags": run.data.tags,
    "metrics": run.data.metrics,
    "artifacts": artifacts,
    "inputs": [{tag.key: tag.value for tag in item.tags} for item in run.inputs.dataset_inputs],
    "run": run.info.run_id,
}))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model_policy.yaml").write_bytes(POLICY.read_bytes())
    return tmp_path


def environment(folder: Path, **extra: str) -> dict[str, str]:
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "WANDB_", "VENTURALITICA_"))
    }
    ours = {"VENTURALITICA_CONFIG": str(folder / "keys"), "VENTURALITICA_TRACKER_WAIT": "60"}
    return plain | ours | {"HOME": str(folder)} | extra


def python(folder: Path, code: str, **extra: str) -> str:
    (folder / "train.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "train.py"],
        cwd=folder,
        env=environment(folder, **extra),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


VERIFY = """\
import json, sys
from venturalitica.cli import main

print([main(["verify", *arguments]) for arguments in json.loads(sys.argv[1])])
"""


def check_verified(folder: Path, *calls: list[str], **extra: str) -> None:
    """Each `venturalitica verify` ends with 0; in another process than the one that wrote."""
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, json.dumps(calls)],
        cwd=folder,
        env=environment(folder, **extra),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [0] * len(calls), done.stdout + done.stderr


def check_what_landed(folder: Path, landed: dict, uri: str) -> None:
    policy = (folder / "model_policy.yaml").read_bytes()
    artifacts = {name: bytes.fromhex(data) for name, data in landed["artifacts"].items()}
    assert artifacts["policy_snapshot/model_policy.yaml"] == policy
    assert b"<html" in artifacts["venturalitica/report.html"]
    tags = landed["tags"]
    assert tags["venturalitica.policy"] == "credit-scoring"
    assert tags["venturalitica.policy_version"] == "1.0"
    assert tags["venturalitica.policy_sha256"] == hashlib.sha256(policy).hexdigest()
    assert tags["venturalitica.light"] in {"amber", "green", "red"}
    assert tags["venturalitica.control.accuracy"] == "passed"
    assert landed["metrics"]["venturalitica/accuracy"] > 0.9
    assert "venturalitica/gender-parity/ci_low" in landed["metrics"]
    assert "venturalitica/age-parity/ci_high" in landed["metrics"]
    assert any("venturalitica.data_digest" in item for item in landed["inputs"])
    (line,) = (folder / ".venturalitica/log/entries.jsonl").read_bytes().splitlines()
    assert tags["venturalitica.evidence_sha256"] == hashlib.sha256(line).hexdigest()
    statement = base64.b64decode(json.loads(line)["payload"])
    assert len(json.loads(statement)["predicate"]["verdicts"]) == 8
    assert len(statement) < 20_000, "a record of eight controls stays small"
    (folder / "evidence.json").write_bytes(artifacts["venturalitica/evidence.json"])
    tracking = {"MLFLOW_TRACKING_URI": uri} if uri else {}
    check_verified(folder, [], ["evidence.json"], ["--run", landed["run"]], **tracking)


def test_against_the_default_local_store(folder: Path) -> None:
    landed = json.loads(python(folder, BEFORE + EXAMPLE + AFTER).splitlines()[-1])
    assert landed["class"] == "RandomForestClassifier"
    assert (folder / "mlflow.db").exists()
    check_what_landed(folder, landed, "")


def test_against_a_running_server(folder: Path, mlflow_server: str) -> None:
    told = python(folder, BEFORE + EXAMPLE + AFTER, MLFLOW_TRACKING_URI=mlflow_server)
    check_what_landed(folder, json.loads(told.splitlines()[-1]), mlflow_server)


def test_the_address_may_come_from_dotenv(folder: Path, mlflow_server: str) -> None:
    (folder / ".env").write_text(f"MLFLOW_TRACKING_URI={mlflow_server}\n")
    landed = json.loads(python(folder, BEFORE + EXAMPLE + AFTER).splitlines()[-1])
    assert landed["tags"]["venturalitica.policy"] == "credit-scoring"
    assert not (folder / "mlflow.db").exists()


WANDB = """\
import venturalitica as vl
import wandb
from sklearn.ensemble import RandomForestClassifier

with wandb.init(project="loan") as run:
    model = vl.wrap(RandomForestClassifier(), policy="model_policy.yaml")
    model.fit(X_train, y_train, audit_data=train_df, gender="Attribute9", age="Attribute13")
    print(run.dir)
"""


def test_with_wandb_offline(folder: Path) -> None:
    told = python(
        folder,
        BEFORE + WANDB,
        WANDB_MODE="offline",
        WANDB_SILENT="true",
        WANDB_DIR=str(folder),
        WANDB_CACHE_DIR=str(folder / "cache"),
        WANDB_CONFIG_DIR=str(folder / "config"),
        WANDB_DATA_DIR=str(folder / "data"),
    )
    files = Path(told.splitlines()[-1])
    policy = (folder / "model_policy.yaml").read_bytes()
    snapshot = files / "policy_snapshot" / "model_policy.yaml"
    assert snapshot.read_bytes() == policy
    assert not snapshot.is_symlink()
    (folder / "model_policy.yaml").write_text("edited before wandb sync")
    assert snapshot.read_bytes() == policy
    record = b"".join(path.read_bytes() for path in files.parent.glob("*.wandb"))
    for said in (b"policy_snapshot", b"venturalitica_evidence", b"venturalitica.policy_sha256"):
        assert said in record
    check_verified(folder, [])


def test_any_altered_byte_of_log_or_checkpoint_makes_verify_exit_1(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python(
        folder,
        BEFORE
        + EXAMPLE.replace("import mlflow\n", "").replace("with mlflow.start_run():", "if True:"),
    )
    log = folder / ".venturalitica" / "log"
    monkeypatch.chdir(folder)
    monkeypatch.delenv("VENTURALITICA_HOME")
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(folder / "keys"))
    for file in ("entries.jsonl", "checkpoint"):
        whole = (log / file).read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            altered = bytearray(whole)
            altered[place] ^= 1
            (log / file).write_bytes(altered)
            assert main(["verify"]) == 1, (file, place, capsys.readouterr())
            (log / file).write_bytes(whole)
    assert main(["verify"]) == 0
