"""What an offline W&B run holds is kept on this machine, not delivered, until a server has it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica.audit import delivery, result
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.errors import TrackerError
from venturalitica.ledger import Outbox
from venturalitica.reports.summary import waiting_sentence
from venturalitica.review.health.evidence import evidence
from venturalitica.review.health.integrations import Deliveries, link
from venturalitica.review.record_page import page_context
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import Receipt
from venturalitica.trackers.wandb import WandbTracker
from venturalitica.trackers.wandb import tracker as room

worlds = sys.modules["tracker_worlds"]
TABLE = {"y": [0, 1] * 30, "p": [0, 1] * 29 + [0, 0]}


@pytest.fixture
def audit(offline_wandb, tmp_path, monkeypatch, caplog):
    """An audit inside an offline run that has ended; `caplog` has what was said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setattr(delivery, "_allowance", Allowance())
    monkeypatch.setattr(delivery, "_said", set())
    monkeypatch.setattr(result, "_told", set())
    caplog.set_level("INFO", logger="venturalitica")
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        'policy: t\nversion: "1"\ncontrols:\n  - {id: acc, metric: accuracy, must: ">= 0.1"}\n'
    )
    with offline_wandb.init(project="credit"):
        return vl.enforce(TABLE, policy=rules, target="y", prediction="p")


def run_of(audit):
    return audit.deliveries[0].run


def test_the_audit_is_amber_and_says_where_it_is_and_what_uploads_it(audit, caplog):
    (kept,) = audit.deliveries
    assert audit.passed
    assert audit.light == "amber"
    assert not kept.delivered
    assert kept.state == "kept"
    assert kept.detail.startswith("kept in ./wandb, not uploaded: 'wandb sync ")
    assert str(run_of(audit).extra["folder"]) in kept.detail
    said = caplog.get_records("setup")
    text = " ".join(record.getMessage() for record in said)
    (warning,) = [r.getMessage() for r in said if r.levelname == "WARNING"]
    assert f"run {kept.run.run_id} is offline: the evidence is kept in ./wandb" in warning
    assert f"wandb run {kept.run.run_id}: kept in ./wandb, not uploaded" in text
    assert "delivered" not in text
    assert "https://" not in text
    files = Path(run_of(audit).extra["folder"]) / "files"
    assert (files / "venturalitica/evidence.json").is_file()


def test_it_waits_as_kept_and_nothing_confirms_it(audit):
    (waiting,) = Outbox(open_ledger()).waiting()
    assert waiting.kept
    assert waiting.attempts == 0
    assert "confirmed" not in Outbox(open_ledger()).path.read_text().replace("confirms", "")


def test_sync_says_the_same_and_counts_no_failure(audit):
    for _ in range(2):
        (outcome,) = delivery.sync(open_ledger())
        assert outcome.state == "kept"
        assert "not uploaded" in outcome.detail
    assert Outbox(open_ledger()).waiting()[0].attempts == 0


def test_the_command_line_says_kept(audit):
    listed = CliRunner().invoke(app, ["runs", "list"]).output
    assert "amber" in listed.lower()
    shown = " ".join(CliRunner().invoke(app, ["runs", "show", "0"]).output.split())
    assert f"run {run_of(audit).run_id}: kept in ./wandb, not uploaded" in shown
    assert "delivered:" not in shown
    synced = CliRunner().invoke(app, ["sync"])
    assert synced.exit_code == 1
    assert "0 delivered, 1 still waiting." in synced.output


def test_the_report_says_it_is_not_uploaded(audit):
    context = page_context(open_ledger(), audit.entry)
    assert context.delivered is False
    assert "not uploaded" in waiting_sentence(context)
    assert f"wandb run {run_of(audit).run_id} (kept in ./wandb" in context.standing.waiting[0]


def test_the_lights_of_the_tracker_are_amber_at_best(audit):
    outbox = Outbox(open_ledger())
    deliveries = Deliveries.of(outbox.attempts(), "wandb")
    found = link("wandb", WandbTracker().health(), deliveries, outbox.waiting(), None)
    assert found.lamp("delivered").light == "amber"
    assert found.lamp("delivered").word == "Kept, not uploaded"
    assert found.lamp("read back").light == "grey"
    assert found.fix == f"wandb sync {run_of(audit).extra['folder']}"


def test_the_doctor_says_it(audit):
    text = " ".join(found.text for found in evidence(Settings.current()))
    assert "1 of them with an offline run: kept in ./wandb, not uploaded" in text


def test_only_a_receipt_of_the_server_makes_it_delivered(audit, monkeypatch):
    """The upload itself is W&B's; its mark in the folder is not believed, the server is asked."""
    run = run_of(audit)
    (log,) = Path(run.extra["folder"]).glob("*.wandb")
    log.with_name(f"{log.name}.synced").touch()
    (outcome,) = delivery.sync(open_ledger())
    assert outcome.state == "waits"
    assert "unset WANDB_MODE" in outcome.detail
    monkeypatch.setattr(room, "opened", lambda run: _Server())
    monkeypatch.setattr(room, "publish", lambda shelf, run, parcel: _receipt(run, parcel))
    pages: list[str] = []
    monkeypatch.setattr(room, "publish_page", lambda shelf, one: pages.append(one.evidence_sha256))
    (outcome,) = delivery.sync(open_ledger())
    assert outcome.delivered
    assert pages == [open_ledger().entry(0).evidence_sha256], "the server had no page yet"
    assert Outbox(open_ledger()).waiting(pages=True) == []


def test_a_folder_that_was_cleaned_up_after_its_upload_is_no_hindrance(offline_wandb, tmp_path):
    run = worlds.RunRef("wandb", "gone", extra={"offline": True, "folder": str(tmp_path / "gone")})
    with pytest.raises(TrackerError, match="unset WANDB_MODE"):
        WandbTracker().deliver(run, worlds.parcel())


class _Server:
    offline = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


def _receipt(run, parcel):
    return Receipt("wandb", run.run_id, parcel.evidence_sha256, detail="at venturalitica/…")
