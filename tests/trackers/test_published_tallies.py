"""`disclosure: {tallies: publish}`: the counts beside the bundle, where no cell is small."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica import trackers
from venturalitica.audit import delivery
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.parcel import parcel
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.core.scores import ScoreTable, clipped
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.core.verification import Verification
from venturalitica.errors import EvidenceError
from venturalitica.ledger import verify_bundle, verify_ledger
from venturalitica.ledger.lifecycle.erase import erase
from venturalitica.ledger.records.publication import may_be_published
from venturalitica.ledger.records.vault import Pair
from venturalitica.review.verification import verify_run, verify_source
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.memory import MemoryTracker

POLICY = """\
policy: loan
version: "1.0"
disclosure: {DISCLOSURE}
roles:
  target: {favorable: 1}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.50"}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0.10"}
"""
Enforce = Callable[..., vl.Audit]
PLAIN, EVIDENCE = "venturalitica/tally.json", "venturalitica/evidence.json"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.chdir(tmp_path)
    return tmp_path / "evidence"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryTracker:
    one = MemoryTracker()
    monkeypatch.setattr(trackers, "_loaded", lambda _: iter((one,)))
    monkeypatch.setattr(
        type(one),
        "run_named",
        lambda self, text: RunRef("memory", text) if text in self.runs else None,
    )
    return one


@pytest.fixture
def enforce(tmp_path: Path) -> Enforce:
    """An audit of eight cells, the smallest of which has `few` rows."""

    def one(few: int = 20, disclosure: str = "{tallies: publish}") -> vl.Audit:
        path = tmp_path / "policy.yaml"
        path.write_text(POLICY.replace("{DISCLOSURE}", disclosure))
        cells = [(y, p, g) for y in (0, 1) for p in (0, 1) for g in "fm"]
        rows = [cell for cell in cells for _ in range(few if cell == (0, 1, "f") else 20)]
        labels, said, sex = (list(column) for column in zip(*rows, strict=True))
        table = {"y": labels, "p": said, "sex": sex}
        return vl.enforce(table, policy=path, target="y", prediction="p", gender="sex")

    return one


def predicate(audit: vl.Audit) -> dict[str, Any]:
    said: dict[str, Any] = audit.statement["predicate"]
    return said


def step(found: Verification, name: str) -> bool | None:
    return next(one.ok for one in found.steps if one.name.rpartition(": ")[2] == name)


def by_one(pair: bytes) -> bytes:
    """The pair with one row more in its first cell, the salt as it was."""
    held = json.loads(pair)
    tally = json.loads(held["value"])
    tally["tables"][0]["cells"][0][-1] += 1
    held["value"] = json.dumps(tally, sort_keys=True, separators=(",", ":"))
    return json.dumps(held).encode()


def call(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments))


def test_the_very_pair_of_the_vault_lies_beside_the_evidence(memory, enforce, home):
    with memory.start_run() as run:
        audit = enforce()
    assert predicate(audit)["publication"] == {"published": True, "why": ""}
    digest = predicate(audit)["tally"]["vault"]
    left = memory.runs[run.run_id].artifacts[PLAIN]
    assert left == (home / "vault" / f"{digest}.json").read_bytes()
    found = verify_run(run.run_id)
    assert found.ok
    assert step(found, "tally") is True
    assert step(found, "verdicts") is True
    assert verify_ledger(home).ok


def test_a_policy_that_says_nothing_keeps_it(memory, enforce):
    with memory.start_run() as run:
        audit = enforce(disclosure="{min_cell: 5}")
    assert predicate(audit)["publication"] is None
    assert PLAIN not in memory.runs[run.run_id].artifacts
    assert step(verify_run(run.run_id), "verdicts") is None


@pytest.mark.parametrize("few", [1, 4])
def test_a_small_cell_refuses_it_and_nothing_else(memory, enforce, home, caplog, few):
    with memory.start_run() as run:
        audit = enforce(few)
    said = predicate(audit)["publication"]
    why = "a count in it is of fewer than 5 rows (min_cell)"
    assert said == {"published": False, "why": why}
    assert PLAIN not in memory.runs[run.run_id].artifacts
    assert EVIDENCE in memory.runs[run.run_id].artifacts
    assert audit.deliveries[0].delivered
    assert [one.getMessage() for one in caplog.records if why in one.getMessage()] == [
        f"the tally is kept in the vault, not published: {why}"
    ]
    assert verify_ledger(home).ok
    assert verify_run(run.run_id).ok


def test_data_about_nobody_are_published_whatever_they_count(memory, enforce):
    with memory.start_run() as run:
        audit = enforce(1, "{min_cell: 0, tallies: publish}")
    assert predicate(audit)["publication"]["published"] is True
    assert PLAIN in memory.runs[run.run_id].artifacts


def test_several_audits_of_a_run_have_each_their_own(memory, enforce):
    with memory.start_run() as run:
        enforce(20)
        second = enforce(30)
    files = memory.runs[run.run_id].artifacts
    own = f"venturalitica/audits/{second.evidence_sha256[:12]}/tally.json"
    assert {name for name in files if name.endswith("tally.json")} == {PLAIN, own}
    found = verify_run(run.run_id)
    assert found.ok
    assert [one.ok for one in found.steps if one.name.endswith(": verdicts")] == [True, True]
    files[PLAIN], files[own] = files[own], files[PLAIN]
    assert not verify_run(run.run_id).ok


def test_a_published_tally_changed_by_one_count_is_found(memory, enforce):
    with memory.start_run() as run:
        enforce()
    files = memory.runs[run.run_id].artifacts
    files[PLAIN] = by_one(files[PLAIN])
    found = verify_run(run.run_id)
    assert step(found, "tally") is False
    assert not found.ok


def test_one_that_was_deleted_at_the_tracker_is_not_missed(memory, enforce):
    with memory.start_run() as run:
        enforce()
    del memory.runs[run.run_id].artifacts[PLAIN]
    found = verify_run(run.run_id)
    assert found.ok
    assert step(found, "verdicts") is None


def test_one_beside_no_evidence_was_put_there(memory, enforce):
    with memory.start_run() as run:
        enforce()
    files = memory.runs[run.run_id].artifacts
    files["venturalitica/audits/0123456789ab/tally.json"] = files[PLAIN]
    assert not verify_run(run.run_id).ok


@pytest.fixture
def files(memory, enforce, tmp_path) -> Path:
    """What the tracker holds, as somebody downloaded it."""
    with memory.start_run() as run:
        enforce()
    for name, data in memory.runs[run.run_id].artifacts.items():
        path = tmp_path / "got" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "got" / "venturalitica"


def test_the_line_in_the_docs_prints_the_digest_of_the_record(files):
    page = (Path(vl.__file__).parents[2] / "docs" / "tallies.md").read_text()
    (line,) = [one for one in page.splitlines() if one.startswith("{ jq -j .salt")]
    if shutil.which("jq") is None:
        pytest.skip("no jq")
    told = subprocess.run(["sh", "-c", line], cwd=files, capture_output=True, check=True).stdout
    said = open_ledger().entry(0).statement["predicate"]["tally"]["vault"]
    assert told.decode().split()[0] == said


def test_a_bundle_is_judged_again_from_its_tally(files):
    bundle, tally = str(files / "evidence.json"), files / "tally.json"
    assert call("verify", bundle, "--tally", str(tally)).exit_code == 0
    found = verify_source(bundle, tally=tally)
    assert step(found, "verdicts") is True
    assert step(verify_source(bundle), "verdicts") is None
    tally.write_bytes(by_one(tally.read_bytes()))
    result = call("verify", bundle, "--tally", str(tally))
    assert result.exit_code == 1
    assert "tally" in result.stdout
    tally.write_bytes(b"{}")
    assert call("verify", bundle, "--tally", str(tally)).exit_code == 1


def test_a_folder_of_what_was_delivered_is_judged_from_its_tallies(files):
    found = verify_source(str(files))
    assert found.ok
    assert step(found, "verdicts") is True
    (files / "tally.json").write_bytes(by_one((files / "tally.json").read_bytes()))
    assert not verify_source(str(files)).ok


def test_a_tally_is_of_one_bundle(files, memory):
    tally = files / "tally.json"
    for source in (None, str(files)):
        with pytest.raises(EvidenceError, match=r"name its evidence\.json"):
            verify_source(source, tally=tally)
    assert call("verify", "--run", next(iter(memory.runs)), "--tally", str(tally)).exit_code == 2
    assert call("verify", str(files / "evidence.json"), "--tally", "none.json").exit_code == 2


def test_a_record_that_names_no_tally_takes_none(files):
    with vl.monitor("idle"):
        pass
    ledger = open_ledger()
    entry = ledger.entry(ledger.size - 1)
    found = verify_bundle(ledger.bundle(entry.index), tally=(files / "tally.json").read_bytes())
    assert step(found, "tally") is False


@pytest.mark.parametrize(
    "said", [None, {"published": False, "why": ""}, {"published": True, "why": "so"}, {}]
)
def test_a_record_that_says_otherwise_than_its_counts_is_refused(enforce, home, said):
    audit = enforce()
    ledger = open_ledger()
    statement = json.loads(json.dumps(predicate(audit)))
    statement["publication"] = said
    ledger.append({**audit.statement, "predicate": statement})
    found = verify_ledger(home)
    assert step(found, "verdicts") is False


def test_erasing_says_where_the_copy_lies(memory, enforce, home):
    with memory.start_run() as run:
        enforce(20)
        second = enforce(30)
    result = call("erase", "1", "--yes")
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    own = f"venturalitica/audits/{second.evidence_sha256[:12]}/tally.json"
    assert f"published at the memory run {run.run_id}" in told
    assert f"delete {own} there, which this did not" in told
    assert own in memory.runs[run.run_id].artifacts
    (copy,) = json.loads(call("erase", "0", "--yes", "--json").stdout)["published"]
    assert copy["path"] == PLAIN
    assert copy["run_id"] == run.run_id
    assert verify_ledger(home).ok


def test_what_was_erased_before_it_was_delivered_stays_erased(memory, enforce, monkeypatch):
    with memory.start_run() as run, monkeypatch.context() as unreachable:
        unreachable.setattr(MemoryTracker, "deliver", _down)
        enforce()
    ledger = open_ledger()
    assert parcel(ledger, 0).tally is not None
    erase(ledger, [ledger.entry(0)])
    assert parcel(ledger, 0).tally is None
    memory.deliver(run, parcel(ledger, 0))
    assert PLAIN not in memory.runs[run.run_id].artifacts
    assert EVIDENCE in memory.runs[run.run_id].artifacts


def _down(*_: object) -> None:
    raise OSError("down")


def test_one_that_is_spoilt_in_the_vault_is_not_sent(memory, enforce, home, caplog):
    audit = enforce()
    digest = predicate(audit)["tally"]["vault"]
    (home / "vault" / f"{digest}.json").write_bytes(Pair.of("other").data)
    assert parcel(open_ledger(), 0).tally is None
    assert "the tally of entry 0 is not published" in caplog.text


GENDER = Axis("gender", "sex", ("f", "m"))
SHARED = {"rows": 20, "axes": (GENDER,), "nulls": {"gender": 0}}
TABLE = Table(("gender",), ((0, 10), (1, 10)))
SCORES = ScoreTable(("gender",), (0.1, 0.9), ((0, 0, 10), (1, 1, 10)), True, 0.0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"tables": (TABLE,)}, True),
        ({"tables": (Table(("gender",), ((0, 16), (1, 4))),)}, False),
        ({"tables": (Table(("gender",), ((0, 10), (1, 6))),)}, False),
        ({"scores": (SCORES,)}, True),
        ({"scores": (ScoreTable(("gender",), (0.1,), ((0, 0, 16), (1, 0, 4)), True, 0.0),)}, False),
        ({"scores": (replace(SCORES, note=clipped(4)),)}, False),
        ({"axes": (Axis("gender", "sex", ("f", "m"), 0, {"x": 4}),)}, False),
        ({"nulls": {"gender": 0, "income": 4}}, False),
        ({"nulls": {"gender": 0, "income": 16}}, False),
        ({"nulls": {"gender": 0, "income": 10}}, True),
    ],
)
def test_every_count_of_a_tally_is_looked_at(change, told):
    tally = Tally(**SHARED | change)
    assert may_be_published(tally, 5) is told
    assert may_be_published(tally, 0)


@pytest.mark.usefixtures("tracking_uri")
def test_at_mlflow_it_is_an_artifact_of_the_run(mlflow, enforce):
    with mlflow.start_run() as run:
        enforce()
    got = mlflow.artifacts.load_dict(f"runs:/{run.info.run_id}/{PLAIN}")
    assert got["format"] == "venturalitica/vault/v1"
    assert step(verify_run(run.info.run_id), "verdicts") is True


def test_at_wandb_it_is_a_file_of_the_run(offline_wandb, enforce):
    with offline_wandb.init(project="credit") as run:
        enforce()
        folder = Path(run.dir)
    assert json.loads((folder / PLAIN).read_text())["format"] == "venturalitica/vault/v1"
    found = verify_source(str(folder))
    assert step(found, "verdicts") is True
