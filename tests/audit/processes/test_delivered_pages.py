"""The page for people: drawn once, in the background, and there when somebody's run has ended."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from venturalitica import trackers
from venturalitica.audit import delivery
from venturalitica.audit.allowance import Allowance
from venturalitica.audit.project import open_ledger
from venturalitica.errors import TrackerError
from venturalitica.ledger import Outbox
from venturalitica.reports.html import page
from venturalitica.trackers.base import ask
from venturalitica.trackers.memory import MemoryTracker

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}
REPORT = "venturalitica/report.html"


class Drawing:
    """Draws as `render_report` does, and can be held back, or made to fail."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.threads: list[str] = []
        self.fault: Exception | None = None
        self._draw = page.render_report

    def __call__(self, *args: Any, **kwargs: Any) -> str:
        self.threads.append(threading.current_thread().name)
        assert self.gate.wait(60)
        if self.fault is not None:
            raise self.fault
        return self._draw(*args, **kwargs)


class Other(MemoryTracker):
    name = "other"


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> Any:
    one = Drawing()
    monkeypatch.setattr(page, "render_report", one)
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    yield one
    one.gate.set()


@pytest.fixture
def two(monkeypatch: pytest.MonkeyPatch) -> tuple[MemoryTracker, Other]:
    both = MemoryTracker(), Other()
    monkeypatch.setattr(trackers, "_loaded", lambda _: iter(both))
    return both


def artifacts(tracker: MemoryTracker) -> dict[str, bytes]:
    (run,) = tracker.runs.values()
    return run.artifacts


def test_the_page_is_drawn_once_for_two_trackers(drawing, two, policy, table):
    with two[0].start_run(), two[1].start_run():
        vl.enforce(table, policy=policy, **ROLES)
    assert len(drawing.threads) == 1
    assert drawing.threads[0] in ("venturalitica-memory page", "venturalitica-other page")
    assert artifacts(two[0])[REPORT] == artifacts(two[1])[REPORT]


def test_nobody_waits_for_the_page_but_the_end_of_the_run(drawing, two, policy, table):
    drawing.gate.clear()
    with two[0].start_run():
        audits = [vl.enforce(table, policy=policy, **ROLES) for _ in range(3)]
        assert {audit.light for audit in audits} == {"green"}
        assert Outbox(open_ledger()).waiting() == [], "receipts are there without a page"
        assert not [path for path in artifacts(two[0]) if path.endswith(".html")]
        drawing.gate.set()
    assert len([path for path in artifacts(two[0]) if path.endswith(".html")]) == 3


def test_the_end_of_the_monitor_waits_for_its_pages(drawing, two, policy, table):
    with two[0].start_run():
        with vl.monitor("training", policy=policy):
            vl.enforce(table, policy=policy, **ROLES)
        assert {REPORT, "venturalitica/run.html"} <= set(artifacts(two[0]))


def test_a_page_that_cannot_be_drawn_is_said_and_changes_nothing(
    drawing, two, policy, table, caplog
):
    drawing.fault = RuntimeError("no page: http://user:hunter2@host/")
    with two[0].start_run():
        audit = vl.enforce(table, policy=policy, **ROLES)
    assert audit.light == "green"
    assert audit.deliveries[0].delivered
    assert Outbox(open_ledger()).waiting() == []
    assert caplog.text.count("the report page of entry 0 is missing at the memory run") == 1
    assert "hunter2" not in caplog.text


def test_a_page_that_is_late_is_said_and_waited_for_no_longer_than_allowed(
    drawing, two, policy, table, caplog, monkeypatch
):
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "0")
    drawing.gate.clear()
    with two[0].start_run():
        vl.enforce(table, policy=policy, **ROLES)
        monkeypatch.setattr(delivery, "_allowance", Allowance())
        _until(lambda: drawing.threads)
    assert "(it is not there yet)" in caplog.text


def test_sync_leaves_the_page_too_drawn_once(drawing, two, policy, table):
    with pytest.MonkeyPatch.context() as down:
        for one in two:
            down.setattr(one, "deliver", _refuse)
        with two[0].start_run(), two[1].start_run():
            vl.enforce(table, policy=policy, **ROLES)
    assert drawing.threads == [], "of what is not confirmed no page is drawn"
    ledger = open_ledger()
    assert all(outcome.delivered for outcome in delivery.sync(ledger))
    assert len(drawing.threads) == 1
    assert artifacts(two[0])[REPORT] == artifacts(two[1])[REPORT]


class Plain:
    """As trackers of other packages may be: it delivers, and has not heard of pages."""

    def __init__(self) -> None:
        self.runs = MemoryTracker()
        self.name = self.runs.name
        self.active_run, self.deliver = self.runs.active_run, self.runs.deliver


def test_a_tracker_of_another_package_need_know_nothing_of_pages(policy, table, monkeypatch):
    own = Plain()
    monkeypatch.setattr(trackers, "_loaded", lambda _: iter((own,)))
    with own.runs.start_run():
        with vl.monitor("training", policy=policy):
            audit = vl.enforce(table, policy=policy, **ROLES)
        assert audit.deliveries[0].delivered
        assert {REPORT, "venturalitica/run.html"} <= set(artifacts(own.runs))
    assert ask(object(), "before_end", None, None) is None
    assert ask(object(), "doubt") == ""


SCRIPT = """\
import sys
import mlflow, pandas, venturalitica as vl
table = pandas.DataFrame({"label": [0, 1] * 30, "said": [0, 1] * 30, "sex": list("fm") * 30})
roles = dict(target="label", prediction="said", gender="sex")
if sys.argv[1] == "ended":
    with mlflow.start_run() as run:
        vl.enforce(table, policy="model_policy.yaml", **roles)
    found = mlflow.MlflowClient().list_artifacts(run.info.run_id, "venturalitica")
    print([item.path for item in found])
else:
    run = mlflow.start_run()
    vl.enforce(table, policy="model_policy.yaml", **roles)
    sys.modules["mlflow.tracking.fluent"].run_id_to_system_metrics_monitor.clear()
"""


@pytest.mark.parametrize("end", ["ended", "exit"])
def test_the_page_is_there_when_the_mlflow_run_has_ended_or_the_process(
    end, policy, empty_store, tmp_path: Path, monkeypatch
):
    empty_store(tmp_path / "m.db")
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/m.db")
    command = [sys.executable, "-c", SCRIPT, end]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    if end == "ended":
        assert REPORT in done.stdout
    assert len(list(tmp_path.rglob(REPORT))) == 1


def _refuse(*_: Any) -> Any:
    raise TrackerError("down")


def _until(true: Any) -> None:
    for _ in range(1000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never became true")
