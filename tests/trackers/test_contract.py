"""What every tracker keeps to, seen from outside of it."""

from __future__ import annotations

import hashlib
import sys
import threading

import pytest
from msgspec.structs import replace

from venturalitica.core.verdict import Interval
from venturalitica.errors import TrackerError
from venturalitica.trackers.memory import MemoryTracker
from venturalitica.trackers.mlflow import MlflowTracker
from venturalitica.trackers.wandb import WandbTracker

worlds = sys.modules["tracker_worlds"]  # tests/trackers/worlds.py, loaded by conftest
parcel, verdict, parity = worlds.parcel, worlds.verdict, worlds.parity
closed_monitor = worlds.closed_monitor

POLICY = b"policy: credit-scoring\nversion: '1.2'\n"
OTHER_POLICY = b"policy: fair-lending\nversion: '7'\n"


@pytest.fixture(params=["memory", "mlflow-sqlite", "mlflow-server", "wandb-offline"])
def world(request):
    if request.param == "memory":
        return worlds.MemoryWorld(MemoryTracker())
    if request.param == "wandb-offline":
        return worlds.WandbWorld(WandbTracker(), request.getfixturevalue("offline_wandb"))
    request.getfixturevalue("tracking_uri" if request.param == "mlflow-sqlite" else "server_uri")
    return worlds.MlflowWorld(MlflowTracker(), request.getfixturevalue("mlflow"))


def test_what_lands(world):
    one = parcel()
    with world.open() as run:
        assert world.tracker.active_run() == run
        receipt = worlds.leave(world.tracker, run, one)
    seen = world.look(run)
    assert receipt.tracker == world.tracker.name
    assert receipt.run_id == run.run_id
    assert receipt.evidence_sha256 == one.evidence_sha256
    assert receipt.policy_sha256 == hashlib.sha256(POLICY).hexdigest()
    assert seen.artifacts == {
        "policy_snapshot/model_policy.yaml": POLICY,
        "venturalitica/evidence.json": one.evidence,
        "venturalitica/report.html": one.page.html(),
    }
    expected = {
        "venturalitica.policy": "credit-scoring",
        "venturalitica.policy_version": "1.2",
        "venturalitica.policy_sha256": one.policy_sha256,
        "venturalitica.light": "red",
        "venturalitica.evidence_sha256": one.evidence_sha256,
        "venturalitica.checkpoint": one.checkpoint,
        "venturalitica.control.accuracy": "passed",
        "venturalitica.control.gender-parity": "failed",
    }
    assert {key: seen.tags[key] for key in expected} == expected
    assert seen.points == [
        ("venturalitica/accuracy", 0.75, 0),
        ("venturalitica/accuracy/ci_high", 0.79, 0),
        ("venturalitica/accuracy/ci_low", 0.71, 0),
        ("venturalitica/gender-parity", 0.74, 0),
        ("venturalitica/gender-parity/ci_high", 0.83, 0),
        ("venturalitica/gender-parity/ci_low", 0.66, 0),
        ("venturalitica/gender-parity/group/female", 0.53, 0),
        ("venturalitica/gender-parity/group/male", 0.72, 0),
    ]
    assert seen.inputs == [("audit", hashlib.sha256(b"rows").hexdigest())]


def test_publishing_twice_changes_nothing(world):
    """Also from a tracker object that knows nothing of the first time, with a later bundle."""
    one = parcel()
    later = replace(one, evidence=one.evidence.replace(b"one", b"two"))
    with world.open() as run:
        worlds.leave(world.tracker, run, one)
        worlds.leave(world.tracker, run, one)
        again = world.tracker if world.tracker.name == "memory" else type(world.tracker)()
        receipt = worlds.leave(again, run, later)
    seen = world.look(run)
    assert receipt.evidence_sha256 == one.evidence_sha256
    assert len(seen.artifacts) == 3
    assert seen.artifacts["venturalitica/evidence.json"] == one.evidence
    assert len(seen.points) == 8
    assert len(seen.inputs) == 1
    assert len([key for key in seen.tags if key.startswith("venturalitica.audit.")]) == 1


def test_three_audits_stand_side_by_side_whatever_the_order(world):
    """The same policy again with the same controls, then another one in a file of the same name."""
    first = parcel(1, light="amber")
    second = parcel(2, light="green", verdicts=[verdict(value=0.81), parity(value=0.9)])
    other = parcel(3, policy=OTHER_POLICY, policy_name="fair-lending", policy_version="7")
    with world.open() as run:
        for one in (first, second, other, second, first):
            worlds.leave(world.tracker, run, one)
    seen = world.look(run)
    two, three = second.evidence_sha256[:12], other.evidence_sha256[:12]
    assert seen.artifacts == {
        "policy_snapshot/model_policy.yaml": POLICY,
        f"policy_snapshot/{other.policy_sha256[:12]}/model_policy.yaml": OTHER_POLICY,
        "venturalitica/evidence.json": first.evidence,
        "venturalitica/report.html": first.page.html(),
        f"venturalitica/audits/{two}/evidence.json": second.evidence,
        f"venturalitica/audits/{two}/report.html": second.page.html(),
        f"venturalitica/audits/{three}/evidence.json": other.evidence,
        f"venturalitica/audits/{three}/report.html": other.page.html(),
    }
    tags = seen.tags
    assert tags["venturalitica.evidence_sha256"] == first.evidence_sha256
    assert tags["venturalitica.policy"] == "credit-scoring"
    assert tags[f"venturalitica.audit.{two}.evidence_sha256"] == second.evidence_sha256
    assert tags[f"venturalitica.audit.{two}.light"] == "green"
    assert tags[f"venturalitica.audit.{two}.checkpoint"] == second.checkpoint
    assert tags[f"venturalitica.audit.{three}.policy"] == "fair-lending"
    assert tags[f"venturalitica.audit.{three}.control.gender-parity"] == "failed"
    assert tags["venturalitica.light"] == "red", "the run is as good as its worst audit"
    accuracy = [point for point in seen.points if point[0] == "venturalitica/accuracy"]
    assert accuracy == [("venturalitica/accuracy", 0.75, 0), ("venturalitica/accuracy", 0.81, 1)]
    own = f"venturalitica/fair-lending {other.policy_sha256[:8]}/accuracy"
    assert [point for point in seen.points if point[0] == own] == [(own, 0.75, 0)]
    assert len(seen.points) == 3 * 8


def test_a_green_audit_does_not_make_a_red_run_green(world):
    with world.open() as run:
        world.tracker.deliver(run, parcel(1, light="red"))
        world.tracker.deliver(run, parcel(2, light="green"))
        world.tracker.deliver(run, closed_monitor(3, light="grey"))
    assert world.look(run).tags["venturalitica.light"] == "red"


def test_closed_monitors_stand_apart_from_audits(world):
    monitor = closed_monitor(5, policy=POLICY)
    nested = closed_monitor(6, page=None)
    with world.open() as run:
        for one in (parcel(1, light="green"), monitor, nested, monitor):
            worlds.leave(world.tracker, run, one)
    seen = world.look(run)
    assert seen.artifacts["venturalitica/run.json"] == monitor.evidence
    assert seen.artifacts["venturalitica/run.html"] == monitor.page.html()
    path = f"venturalitica/runs/{nested.evidence_sha256[:12]}/run.json"
    assert seen.artifacts[path] == nested.evidence
    assert seen.artifacts["policy_snapshot/model_policy.yaml"] == POLICY
    assert seen.tags["venturalitica.run.evidence_sha256"] == monitor.evidence_sha256
    assert seen.tags["venturalitica.light"] == "green"
    assert len(seen.artifacts) == 3 + 2 + 1


def test_a_monitor_without_audits_or_policy(world):
    with world.open() as run:
        receipt = world.tracker.deliver(run, closed_monitor(5, page=None, checkpoint=""))
    seen = world.look(run)
    assert set(seen.artifacts) == {"venturalitica/run.json"}
    assert seen.tags["venturalitica.light"] == "grey"
    assert "venturalitica.run.policy" not in seen.tags
    assert receipt.policy_sha256 == ""


def test_what_was_not_measured_has_a_tag_and_no_number(world):
    unknown = verdict("unknown", status="not_evaluated", value=None, interval=None)
    broken = verdict("broken", status="error", value=float("nan"), interval=None)
    endless = verdict("endless", value=float("inf"), interval=Interval(0.5, float("inf")))
    with world.open() as run:
        world.tracker.deliver(run, parcel(verdicts=[unknown, broken, endless]))
    seen = world.look(run)
    assert seen.tags["venturalitica.control.unknown"] == "not_evaluated"
    assert seen.tags["venturalitica.control.broken"] == "error"
    assert seen.points == [("venturalitica/endless/ci_low", 0.5, 0)]


def test_names_that_no_tracker_would_take(world):
    from venturalitica.trackers.layout import decode

    names = ["género", "a/b", "50%", "..", " ", "公平" * 200, "x" * 300, "ci_low", "e\u0301 🙂"]
    groups = tuple(
        replace(group, name=name)
        for group, name in zip(parity().groups, ["mujer/año", "∅" * 90], strict=True)
    )
    verdicts = [verdict(name) for name in names] + [parity("by group", groups=groups)]
    with world.open() as run:
        receipt = world.tracker.deliver(run, parcel(verdicts=verdicts))
    seen = world.look(run)
    assert "refused" not in receipt.detail
    whole = {
        key.removeprefix("venturalitica.name."): value
        for key, value in seen.tags.items()
        if key.startswith("venturalitica.name.")
    }
    controls = {
        decode(key.removeprefix("venturalitica.control."), whole)
        for key in seen.tags
        if key.startswith("venturalitica.control.")
    }
    assert controls == {*names, "by group"}
    measured = {decode(key.split("/")[1], whole) for key, *_ in seen.points if key.count("/") == 1}
    assert measured == {*names, "by group"}
    of_groups = {decode(key.split("/")[3], whole) for key, *_ in seen.points if "/group/" in key}
    assert of_groups == {"mujer/año", "∅" * 90}


@pytest.mark.parametrize(
    "filename",
    ["política de crédito.yaml", "../../etc/passwd", "a[b]*?.yaml", "C:\\p.yml", "", "%2e%2e.yaml"],
)
def test_every_file_name_of_a_policy(world, filename):
    with world.open() as run:
        world.tracker.deliver(run, parcel(filename=filename))
    snapshots = [path for path in world.look(run).artifacts if path.startswith("policy_snapshot")]
    assert len(snapshots) == 1
    assert world.look(run).artifacts[snapshots[0]] == POLICY
    assert snapshots[0].count("/") == 1


def test_two_policies_in_files_of_their_own_names(world):
    other = parcel(2, policy=OTHER_POLICY, filename="lending.yaml", policy_name="fair-lending")
    with world.open() as run:
        world.tracker.deliver(run, parcel(1))
        world.tracker.deliver(run, other)
    artifacts = world.look(run).artifacts
    assert artifacts["policy_snapshot/model_policy.yaml"] == POLICY
    assert artifacts["policy_snapshot/lending.yaml"] == OTHER_POLICY


def test_many_groups_are_left_to_the_report(world):
    group = parity().groups[0]
    groups = tuple(replace(group, name=f"g{number}") for number in range(51))
    with world.open() as run:
        world.tracker.deliver(run, parcel(verdicts=[parity(groups=groups)]))
    assert len(world.look(run).points) == 3


def test_more_controls_than_one_batch_takes(world):
    unmeasured = {"status": "not_evaluated", "value": None, "interval": None}
    verdicts = [verdict(f"control-{number}", **unmeasured) for number in range(130)]
    with world.open() as run:
        world.tracker.deliver(run, parcel(verdicts=verdicts))
    seen = world.look(run)
    assert len([key for key in seen.tags if key.startswith("venturalitica.control.")]) == 130


def test_delivery_from_another_thread_and_several_at_once(world):
    """Eight audits at the same time: each keeps its own, one of them has the plain names."""
    parcels = [parcel(number) for number in range(8)]
    failures = []

    def deliver(one, run):
        try:
            world.tracker.deliver(run, one)
        except TrackerError as error:
            failures.append(error)

    with world.open() as run:
        threads = [threading.Thread(target=deliver, args=(one, run)) for one in parcels]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    seen = world.look(run)
    evidence = [path for path in seen.artifacts if path.endswith("evidence.json")]
    assert sorted(seen.artifacts[path] for path in evidence) == sorted(p.evidence for p in parcels)
    steps = [step for key, _, step in seen.points if key == "venturalitica/accuracy"]
    assert sorted(steps) == list(range(8))


def test_a_delivery_that_ended_in_the_middle_of_the_report_is_made_whole():
    """A server may keep the first half of an upload; a killed process cannot take it back."""

    tracker = MemoryTracker()
    with tracker.start_run() as run:
        shelf = tracker.runs[run.run_id]
        whole = type(shelf).write

        def cut(self, files):
            for path, data in files.items():
                report = path.endswith(".html")
                whole(self, {path: data[: len(data) // 2] if report else data})
                if report:
                    raise ConnectionError("the process is gone")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(shelf), "write", cut)
            with pytest.raises(ConnectionError):
                worlds.leave(tracker, run, parcel())
        worlds.leave(tracker, run, parcel())
    assert shelf.artifacts["venturalitica/report.html"] == parcel().page.html()
    assert shelf.artifacts["venturalitica/evidence.json"] == parcel().evidence


def test_a_run_that_is_not_there(world):
    with world.open() as run:
        pass
    nobody = replace(run, run_id="0" * 32, extra={})
    with pytest.raises(TrackerError):
        world.tracker.deliver(nobody, parcel())
    with pytest.raises(TrackerError):
        world.tracker.fetch("0" * 32, uri=run.uri)


def test_fetch_gives_back_what_was_left(world):
    one = parcel()
    with world.open() as run:
        with pytest.raises(TrackerError, match="no evidence of ours"):
            world.tracker.fetch(run.run_id, uri=run.uri)
        world.tracker.deliver(run, one)
        found = world.tracker.fetch(run.run_id, uri=run.uri)
    assert found["venturalitica/evidence.json"] == one.evidence
    assert found["policy_snapshot/model_policy.yaml"] == POLICY
    assert found["tags/venturalitica.checkpoint"] == one.checkpoint.encode()
    assert all(key.startswith(("venturalitica/", "policy_snapshot/", "tags/")) for key in found)


def test_no_run_is_open(world):
    assert world.tracker.active_run() is None
    with world.open():
        assert world.tracker.active_run() is not None
    assert world.tracker.active_run() is None


def test_health_says_what_is_there(world):
    health = world.tracker.health()
    assert health["tracker"] == world.tracker.name
    assert health["installed"] is True
    assert health["version"]
    assert set(health) == {
        "tracker",
        "installed",
        "version",
        "configured",
        "uri",
        "reachable",
        "detail",
        "fix",
    }
    assert world.tracker.installed()
