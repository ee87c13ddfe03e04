"""What is W&B's own: artifacts, frozen files, the verdict table, runs that have ended."""

from __future__ import annotations

import json
import re
import sys
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from venturalitica.core.origin import install_line
from venturalitica.errors import MissingExtra, TrackerError
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.wandb import WandbTracker, active
from venturalitica.trackers.wandb.run import _alias

worlds = sys.modules["tracker_worlds"]
parcel = worlds.parcel


@pytest.fixture
def tracker():
    return WandbTracker()


def records(run) -> list:
    found: list = worlds.finished_log(next(Path(run.extra["folder"]).glob("*.wandb")))
    return found


def artifacts(run, kind):
    return [r.artifact for r in records(run) if r.HasField("artifact") and r.artifact.type == kind]


def train(wandb, tracker, *parcels):
    live = wandb.init(project="credit")
    run = tracker.active_run()
    for one in parcels:
        worlds.leave(tracker, run, one)
    live.finish()
    return run


def test_the_run_as_it_is_found_again(offline_wandb, tracker, capfd):
    with offline_wandb.init(project="credit", name="forest") as live:
        run = tracker.active_run()
        assert "URL not available" not in "".join(capfd.readouterr())
    assert run.run_id == live.id
    assert run.run_name == "forest"
    assert run.url is None
    assert run.extra["project"] == "credit"
    assert run.extra["offline"] is True
    assert json.loads(json.dumps(dict(run.extra))) == dict(run.extra)


def test_the_policy_is_an_artifact_that_its_version_names(offline_wandb, tracker):
    run = train(offline_wandb, tracker, parcel(1), parcel(2), parcel(1))
    (artifact,) = artifacts(run, "policy")
    assert artifact.name == "policy_snapshot"
    assert sorted(artifact.aliases) == ["1.2", "latest"]
    (entry,) = artifact.manifest.contents
    assert entry.path == "model_policy.yaml"
    assert Path(entry.local_path).read_bytes() == parcel().policy_bytes
    metadata = json.loads(artifact.metadata)
    assert metadata["sha256"] == parcel().policy_sha256


def test_unchanged_bytes_make_no_new_version(offline_wandb, tracker):
    """W&B tells versions apart by this digest; what we say about the policy is not in it."""
    one = train(offline_wandb, tracker, parcel(1))
    two = train(offline_wandb, tracker, parcel(2, policy_version="1.3"))
    assert artifacts(one, "policy")[0].digest == artifacts(two, "policy")[0].digest


def test_two_policies_are_two_artifacts(offline_wandb, tracker):
    other = parcel(2, policy=b"policy: fair lending", policy_name="fair/lending")
    run = train(offline_wandb, tracker, parcel(1), other)
    names = [artifact.name for artifact in artifacts(run, "policy")]
    assert names == [
        "policy_snapshot",
        f"policy_snapshot-fair_x2f_lending-{other.policy_sha256[:8]}",
    ]


def test_each_audit_is_a_version_of_the_evidence(offline_wandb, tracker):
    run = train(offline_wandb, tracker, parcel(1), parcel(2), parcel(2))
    found = artifacts(run, "evidence")
    assert [artifact.name for artifact in found] == ["venturalitica_evidence"] * 2
    assert f"audit-{parcel(2).evidence_sha256[:12]}" in found[1].aliases
    paths = sorted(entry.path for entry in found[1].manifest.contents)
    assert paths == ["evidence.json", "report.html"]


@pytest.mark.parametrize(
    ("version", "alias"),
    [
        ("1.2", "1.2"),
        ("v3", "policy-v3"),
        ("latest", "policy-latest"),
        ("2026/11:a", "2026_x2f_11_x3a_a"),
    ],
)
def test_aliases_that_wandb_takes(version, alias):
    from wandb.sdk.artifacts._validators import validate_aliases

    assert _alias(version) == alias
    assert validate_aliases([alias]) == [alias]


def test_the_files_are_copies_and_stay_as_they_were(offline_wandb, tracker, tmp_path):
    policy = tmp_path / "model_policy.yaml"
    policy.write_bytes(parcel().policy_bytes)
    live = offline_wandb.init(project="credit")
    offline_wandb.save(str(policy), base_path=str(tmp_path), policy="live")
    run = tracker.active_run()
    tracker.deliver(run, parcel())
    policy.write_bytes(b"policy: rewritten after the fact")
    live.finish()
    frozen = Path(run.extra["folder"]) / "files/policy_snapshot/model_policy.yaml"
    assert not frozen.is_symlink()
    assert frozen.read_bytes() == parcel().policy_bytes


def test_a_link_in_the_runs_folder_is_replaced(offline_wandb, tracker, tmp_path):
    """As an earlier `run.save` of the user's leaves one."""
    (tmp_path / "policy_snapshot").mkdir()
    source = tmp_path / "policy_snapshot" / "model_policy.yaml"
    source.write_bytes(parcel().policy_bytes)
    live = offline_wandb.init(project="credit")
    live.save(str(source), base_path=str(tmp_path), policy="live")
    run = tracker.active_run()
    tracker.deliver(run, parcel())
    frozen = Path(live.dir) / "policy_snapshot/model_policy.yaml"
    live.finish()
    assert not frozen.is_symlink()
    assert source.read_bytes() == parcel().policy_bytes


def test_history_and_steps_are_the_users_alone(offline_wandb, tracker):
    live = offline_wandb.init(project="credit")
    run = tracker.active_run()
    live.log({"loss": 0.5})
    tracker.deliver(run, parcel())
    assert live.step == 1
    live.log({"loss": 0.4})
    live.finish()
    history = [r.history for r in records(run) if r.HasField("history")]
    keys = {(item.key or item.nested_key[0]) for row in history for item in row.item}
    assert len(history) == 2
    assert keys == {"loss", "_step", "_runtime", "_timestamp"}


def test_the_verdict_table(offline_wandb, tracker):
    run = train(offline_wandb, tracker, parcel())
    summary = worlds.summary_of(records(run))
    table = summary["venturalitica/verdicts"]
    assert table["_type"] == "table-file"
    stored = json.loads((Path(run.extra["folder"]) / "files" / table["path"]).read_text())
    rows = [dict(zip(stored["columns"], row, strict=True)) for row in stored["data"]]
    assert [row["control"] for row in rows] == ["accuracy", "gender-parity"]
    assert rows[1]["status"] == "failed"
    assert rows[1]["ci_high"] == 0.83
    assert rows[1]["across"] == "gender"


def test_an_offline_run_that_has_ended_tells_the_line_that_uploads_it(offline_wandb, tracker):
    run = train(offline_wandb, tracker)
    with pytest.raises(TrackerError) as ended:
        tracker.deliver(run, parcel())
    assert f"'wandb sync {run.extra['folder']}'" in str(ended.value)
    assert "'venturalitica sync'" in str(ended.value)
    found = WandbTracker().fetch(_with_evidence(offline_wandb, tracker).extra["folder"])
    assert found["venturalitica/evidence.json"] == parcel().evidence


def _with_evidence(wandb, tracker):
    return train(wandb, tracker, parcel())


def test_after_the_upload_what_is_still_in_the_way(offline_wandb, tracker, monkeypatch):
    run = train(offline_wandb, tracker)
    log = next(Path(run.extra["folder"]).glob("*.wandb"))
    log.with_name(f"{log.name}.synced").touch()
    with pytest.raises(TrackerError, match="unset WANDB_MODE"):
        tracker.deliver(run, parcel())
    monkeypatch.delenv("WANDB_MODE")
    with pytest.raises(TrackerError, match="'wandb login', or set WANDB_API_KEY"):
        tracker.deliver(run, parcel())
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.com")
    with pytest.raises(TrackerError, match=f"set WANDB_BASE_URL={run.uri}") as elsewhere:
        tracker.deliver(run, parcel())
    assert "secret" not in str(elsewhere.value)


def test_a_disabled_run_is_no_run(offline_wandb, tracker, monkeypatch):
    with offline_wandb.init(project="credit", mode="disabled"):
        assert tracker.active_run() is None


def test_health_is_not_green_because_a_key_is_set(offline_wandb, tracker, monkeypatch, tmp_path):
    assert tracker.health()["reachable"] is None
    assert tracker.health()["configured"] == "offline"
    monkeypatch.delenv("WANDB_MODE")
    assert tracker.health()["configured"] == "not configured"
    assert "wandb login" in tracker.health()["fix"]
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    monkeypatch.setenv("WANDB_BASE_URL", "http://me:secret@127.0.0.1:9")
    health = tracker.health({"WANDB_API_KEY": ".env"})
    assert health["configured"] == ".env"
    assert health["reachable"] is False
    assert "secret" not in json.dumps(health)
    monkeypatch.delenv("WANDB_API_KEY")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    assert tracker.health()["configured"] == "netrc"


def test_without_wandb_the_line_that_installs_it(tracker, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    monkeypatch.setenv("WANDB_API_KEY", "secret")
    run = RunRef("wandb", "abc", "https://wandb.example.com")
    with pytest.raises(MissingExtra, match=re.escape(install_line("wandb"))):
        tracker.deliver(replace(run, extra={"project": "p"}), parcel())


def create(wandb):
    return wandb.init(project="credit", reinit="create_new")


def in_a_thread(ask):
    found = []
    thread = threading.Thread(target=lambda: found.append(ask()))
    thread.start()
    thread.join()
    return found[0]


def test_the_list_of_open_runs_is_where_it_was(offline_wandb):
    """No public interface of W&B's: a version that has it elsewhere is to be noticed here."""
    with create(offline_wandb) as live:
        assert offline_wandb.run is not live
        assert active.open_runs() == [live]
    assert active.open_runs() == []


def test_a_run_beside_the_global_one_or_alone(offline_wandb, tracker):
    with create(offline_wandb) as live:
        run = tracker.active_run()
        assert run.run_id == live.id
        worlds.leave(tracker, run, parcel())
    assert len(artifacts(run, "evidence")) == 1
    assert tracker.active_run() is None


def test_of_several_the_main_thread_takes_the_one_opened_last_and_says_so(
    offline_wandb, tracker, caplog
):
    with offline_wandb.init(project="credit") as older:
        with create(offline_wandb) as middle:
            with create(offline_wandb) as newest:
                assert tracker.active_run().run_id == newest.id
                assert tracker.active_run().run_id == newest.id
            (said,) = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
            assert f"opened last, {newest.id}, and not to {older.id}, {middle.id}" in said
            assert tracker.active_run().run_id == middle.id
        assert tracker.active_run().run_id == older.id


def test_of_several_a_thread_of_a_pool_takes_none_and_says_so(offline_wandb, tracker):
    with create(offline_wandb) as live:
        assert in_a_thread(tracker.active_run).run_id == live.id
        with create(offline_wandb):
            assert in_a_thread(tracker.active_run) is None
            reason = in_a_thread(tracker.no_run)
            assert "several W&B runs are open" in reason.text
            assert reason.elsewhere


def test_an_open_run_is_found_by_its_id_whichever_is_newest(offline_wandb, tracker):
    older = create(offline_wandb)
    run = tracker.active_run()
    with create(offline_wandb):
        worlds.leave(tracker, run, parcel())
        assert tracker.fetch(run.run_id)["venturalitica/evidence.json"] == parcel().evidence
    older.finish()
    assert len(artifacts(run, "evidence")) == 1


def test_a_run_that_a_delivery_opened_again_is_no_training_s(offline_wandb, tracker):
    with create(offline_wandb) as live, active.reopening(live.id):
        assert tracker.active_run() is None


def test_a_version_without_the_list_has_the_global_run(offline_wandb, tracker, monkeypatch):
    monkeypatch.delitem(sys.modules, "wandb.sdk.wandb_setup")
    with create(offline_wandb):
        assert tracker.active_run() is None
    with offline_wandb.init(project="credit") as live:
        assert tracker.active_run().run_id == live.id


def test_why_there_is_no_run(offline_wandb, tracker, monkeypatch):
    assert tracker.no_run().block == "with wandb.init():"
    with offline_wandb.init(mode="disabled"):
        assert "unset WANDB_MODE" in tracker.no_run().text
    monkeypatch.delitem(sys.modules, "wandb")
    assert tracker.no_run() is None


def test_a_relative_folder_and_another_working_folder(
    offline_wandb, tracker, tmp_path, monkeypatch
):
    (tmp_path / "sub").mkdir()
    (tmp_path / "rel").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_DIR", "rel")
    with offline_wandb.init(project="credit"):
        monkeypatch.chdir(tmp_path / "sub")
        run = tracker.active_run()
        worlds.leave(tracker, run, parcel())
    folder = Path(run.extra["folder"])
    assert folder.parent == tmp_path / "rel" / "wandb"
    assert (folder / "files/venturalitica/evidence.json").read_bytes() == parcel().evidence
    assert len(artifacts(run, "evidence")) == 1
