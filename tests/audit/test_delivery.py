"""Evidence reaches trackers without making the training wait, and waits where it cannot."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

import venturalitica as vl
from venturalitica import trackers
from venturalitica.audit import delivery
from venturalitica.audit.allowance import Allowance, length
from venturalitica.audit.project import open_ledger
from venturalitica.errors import TrackerError, TrackerUnreachable
from venturalitica.ledger import Outbox
from venturalitica.system.settings import Settings
from venturalitica.trackers.memory import MemoryTracker
from venturalitica.trackers.patience import answer_within

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


class Unsteady(MemoryTracker):
    """A real in-memory tracker whose answers can be held back or refused."""

    def __init__(self):
        super().__init__()
        self.fault = None
        self.gate = threading.Event()
        self.gate.set()
        self.calls = 0

    def deliver(self, run, parcel):
        self.calls += 1
        self.gate.wait(60)
        if self.fault is not None:
            raise self.fault
        return super().deliver(run, parcel)


@pytest.fixture
def tracker(monkeypatch):
    one = Unsteady()
    monkeypatch.setattr(trackers, "_loaded", lambda _: iter((one,)))
    yield one
    one.gate.set()


def test_a_healthy_tracker_has_everything_when_enforce_returns(tracker, policy, table):
    with tracker.start_run("training") as run:
        audit = vl.enforce(table, policy=policy, **ROLES)
    kept = tracker.runs[run.run_id]
    assert kept.artifacts["policy_snapshot/model_policy.yaml"] == policy.read_bytes()
    assert "venturalitica/evidence.json" in kept.artifacts
    assert audit.light == "green"
    assert Outbox(open_ledger()).waiting() == []


def test_without_a_tracker_evidence_stays_local_and_one_line_says_so(policy, table, caplog):
    caplog.set_level("INFO")
    audit = vl.enforce(table, policy=policy, **ROLES)
    assert audit.deliveries == ()
    assert caplog.text.count("no tracker run is active") == 1


def test_a_refusing_tracker_leaves_evidence_waiting_amber_and_one_warning(
    tracker, policy, table, caplog
):
    tracker.fault = TrackerError("refused: http://user:hunter2@host/")
    with tracker.start_run() as run:
        audit = vl.enforce(table, policy=policy, **ROLES)
    assert audit.passed
    assert audit.light == "amber"
    assert caplog.text.count("venturalitica sync") == 1
    assert "hunter2" not in caplog.text
    (waiting,) = Outbox(open_ledger()).waiting()
    assert waiting.run["run_id"] == run.run_id
    assert "hunter2" not in str(waiting)


def test_a_fault_of_our_own_in_a_delivery_tells_no_secret(
    tracker, policy, table, monkeypatch, caplog
):
    caplog.set_level("DEBUG")
    fault = OSError("cannot reach redis://user:hunter2@host")
    monkeypatch.setattr(
        "venturalitica.audit.parcel.parcel", lambda *_: (_ for _ in ()).throw(fault)
    )
    with tracker.start_run():
        audit = vl.enforce(table, policy=policy, **ROLES)
    assert audit.deliveries[0].detail == "cannot reach redis://host"
    assert "hunter2" not in caplog.text
    assert "hunter2" not in Outbox(open_ledger()).path.read_text()


def test_sync_delivers_what_waits_exactly_once(tracker, policy, table):
    tracker.fault = TrackerError("down")
    with tracker.start_run() as run:
        vl.enforce(table, policy=policy, **ROLES)
        vl.enforce(table, policy=policy, **ROLES)
    tracker.fault = None
    outcomes = delivery.sync(open_ledger())
    assert [outcome.delivered for outcome in outcomes] == [True, True]
    assert len(Outbox(open_ledger()).waiting()) == 0
    before = dict(tracker.runs[run.run_id].artifacts)
    assert delivery.sync(open_ledger()) == ()
    assert tracker.runs[run.run_id].artifacts == before


def test_sync_asks_a_tracker_that_is_down_once(tracker, policy, table):
    tracker.fault = TrackerUnreachable("no answer")
    with tracker.start_run():
        for _ in range(3):
            vl.enforce(table, policy=policy, **ROLES)
    asked = tracker.calls
    outcomes = delivery.sync(open_ledger())
    assert [outcome.detail for outcome in outcomes] == ["no answer"] * 3
    assert tracker.calls == asked + 1


def test_a_silent_tracker_delays_a_process_by_its_allowance_in_all(
    tracker, policy, table, monkeypatch
):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0.3")
    tracker.gate.clear()
    waited = []
    real = delivery._Errand.wait

    def wait(self, seconds):
        waited.append(seconds)
        return real(self, seconds)

    monkeypatch.setattr(delivery._Errand, "wait", wait)
    with tracker.start_run():
        audits = [vl.enforce(table, policy=policy, **ROLES) for _ in range(3)]
    assert 0 < waited[0] <= 0.3
    assert waited[1:] == [0.0, 0.0], "what was waited for once is not waited for again"
    assert tracker.calls == 1, "a tracker that hangs is not asked again meanwhile"
    assert {audit.light for audit in audits} == {"amber"}
    assert len(Outbox(open_ledger()).waiting()) == 3


@pytest.mark.parametrize(("wait", "within"), [("0.3", 1.5), ("2", 1.5), ("8", 6.0), ("60", 20.0)])
def test_who_waits_longer_lets_a_server_answer_later(
    tracker, policy, table, monkeypatch, wait, within
):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", wait)
    found = []
    real = tracker.deliver

    def deliver(*given: Any) -> Any:
        found.append(answer_within())
        return real(*given)

    monkeypatch.setattr(tracker, "deliver", deliver)
    with tracker.start_run():
        vl.enforce(table, policy=policy, **ROLES)
    assert set(found) == {within}


def test_threads_that_wait_side_by_side_delay_the_process_once():
    allowance = Allowance()
    assert allowance.begin(0.0, 2.0) == 2.0
    assert allowance.begin(1.5, 2.0) == 0.5, "the other may wait in vain until 2.0"
    allowance.end(0.0, 2.0, delivered=False)
    allowance.end(1.5, 2.0, delivered=False)
    assert allowance.begin(60.0, 2.0) == 0.0


def test_a_wait_that_was_not_in_vain_gives_back_what_it_held():
    allowance = Allowance()
    allowance.begin(0.0, 2.0)
    allowance.end(0.0, 0.4, delivered=True)
    assert allowance.begin(1.0, 2.0) == 2.0
    allowance.end(1.0, 2.0, delivered=True)
    assert allowance.begin(3.0, 2.0) == 1.5


def test_a_forked_child_does_not_wait_for_the_threads_of_its_parent():
    allowance = Allowance()
    allowance.begin(0.0, 2.0)
    allowance.after_fork()
    assert allowance.begin(9.0, 2.0) == 2.0


def test_several_threads_and_monitors_together_wait_no_longer_than_one(
    tracker, policy, table, monkeypatch
):
    """However they overlap: the time in which any of them waits is the allowance at most."""
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0.4")
    tracker.gate.clear()
    stretches = []
    real = delivery._Errand.wait

    def wait(self, seconds):
        began = time.monotonic()
        stretches.append((began, began + seconds))
        return real(self, seconds)

    monkeypatch.setattr(delivery._Errand, "wait", wait)

    def train(number):
        with vl.monitor(f"training {number}"), tracker.start_run():
            vl.enforce(table, policy=policy, **ROLES)

    threads = [threading.Thread(target=train, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
        time.sleep(0.1)
    for thread in threads:
        thread.join()
    assert len(stretches) == 8
    assert 0 < length(stretches) <= 0.4 + 1e-6


def test_sync_leaves_a_server_that_never_ends_its_answer(tracker, policy, table, monkeypatch):
    tracker.fault = TrackerError("down")
    with tracker.start_run():
        for _ in range(2):
            vl.enforce(table, policy=policy, **ROLES)
    tracker.gate.clear()
    monkeypatch.setattr(delivery, "SYNC_WITHIN", 0.1)
    asked = tracker.calls
    outcomes = delivery.sync(open_ledger())
    assert ["no whole answer" in outcome.detail for outcome in outcomes] == [True, True]
    assert tracker.calls == asked + 1, "the others are not tried at a server that hangs"


def test_a_late_answer_still_confirms(tracker, policy, table, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0")
    tracker.gate.clear()
    with tracker.start_run():
        vl.enforce(table, policy=policy, **ROLES)
    tracker.gate.set()
    _until(lambda: not Outbox(open_ledger()).waiting())


def test_what_a_slow_tracker_had_no_time_for_follows_in_the_background(
    tracker, policy, table, monkeypatch
):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0")
    tracker.gate.clear()
    with tracker.start_run() as run:
        for _ in range(3):
            vl.enforce(table, policy=policy, **ROLES)
    tracker.gate.set()
    _until(lambda: not Outbox(open_ledger()).waiting())
    folders = [path for path in tracker.runs[run.run_id].artifacts if "evidence.json" in path]
    assert len(folders) == 3


def test_a_tracker_that_is_down_is_not_asked_for_every_parcel_that_stands_in_the_queue(
    tracker, policy, table, monkeypatch
):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0")
    tracker.gate.clear()
    tracker.fault = TrackerUnreachable("no answer")
    with tracker.start_run():
        for _ in range(3):
            vl.enforce(table, policy=policy, **ROLES)
    tracker.gate.set()
    _until(lambda: not delivery._queues["memory", "", ""]._running)
    assert tracker.calls == 1
    assert len(Outbox(open_ledger()).waiting()) == 3


def test_a_tracker_that_is_down_is_warned_of_once_and_again_after_it_was_up(
    tracker, policy, table, caplog
):
    tracker.fault = TrackerError("down")
    with tracker.start_run():
        for _ in range(3):
            vl.enforce(table, policy=policy, **ROLES)
        assert caplog.text.count("venturalitica sync") == 1
        tracker.fault = None
        vl.enforce(table, policy=policy, **ROLES)
        tracker.fault = TrackerError("down again")
        vl.enforce(table, policy=policy, **ROLES)
    assert caplog.text.count("venturalitica sync") == 2


def test_a_forked_child_delivers_though_its_parent_s_thread_is_not_there(
    tracker, policy, table, monkeypatch
):
    tracker.gate.clear()
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0")
    with tracker.start_run():
        vl.enforce(table, policy=policy, **ROLES)
        queue = delivery._queues["memory", "", ""]
        assert queue._running
        delivery._forget_in_child()
        assert ("memory", "", "") not in delivery._queues
        tracker.gate.set()
        monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "30")
        assert vl.enforce(table, policy=policy, **ROLES).deliveries[0].delivered


def test_a_closed_monitor_is_delivered_to_runs_that_were_open_inside(tracker, policy, table):
    with vl.monitor("training", policy=policy) as record, tracker.start_run() as run:
        vl.enforce(table, policy=policy, **ROLES)
    assert [outcome.run.run_id for outcome in record.deliveries] == [run.run_id]
    assert "venturalitica/run.json" in tracker.runs[run.run_id].artifacts


def _until(true):
    for _ in range(1000):
        if true():
            return
        time.sleep(0.01)
    raise AssertionError("it never became true")


def test_settings_that_cannot_be_used_are_named(monkeypatch):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "soon")
    with pytest.raises(vl.SettingsError, match="VENTURALITICA_TRACKER_WAIT='soon'"):
        Settings.current()
