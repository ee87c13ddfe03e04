"""What is MLflow's own: stores, servers, credentials, descriptions, what is not ours."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from venturalitica.core.origin import install_line
from venturalitica.errors import MissingExtra, TrackerError
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.mlflow import MlflowTracker
from venturalitica.trackers.patience import patient

worlds = sys.modules["tracker_worlds"]
parcel, data = worlds.parcel, worlds.data


@pytest.fixture
def tracker():
    return MlflowTracker()


def look(mlflow, run):
    return worlds.MlflowWorld(None, mlflow).look(run)


def test_the_run_of_the_thread_and_the_inner_of_two(mlflow, tracking_uri, tracker):
    seen = []
    with mlflow.start_run(run_name="outer") as outer:
        with mlflow.start_run(run_name="inner", nested=True) as inner:
            assert tracker.active_run().run_id == inner.info.run_id
            thread = threading.Thread(target=lambda: seen.append(tracker.active_run()))
            thread.start()
            thread.join()
        run = tracker.active_run()
    assert seen == [None]
    assert run == RunRef(
        tracker="mlflow",
        run_id=outer.info.run_id,
        uri=tracking_uri,
        experiment_id="0",
        experiment_name="Default",
        run_name="outer",
        url=None,
    )


def test_what_the_user_wrote_stays(mlflow, tracking_uri, tracker):
    with mlflow.start_run():
        mlflow.log_param("depth", 3)
        mlflow.log_metric("loss", 0.5, step=7)
        mlflow.set_tag("mlflow.note.content", "# My run")
        mlflow.set_tag("team", "credit")
        run = tracker.active_run()
        tracker.deliver(run, parcel(1))
        tracker.deliver(run, parcel(2))
        tracker.deliver(run, replace(parcel(1), description="said anew"))
        mlflow.log_metric("loss", 0.4, step=8)
    found = mlflow.MlflowClient().get_run(run.run_id)
    assert found.data.params == {"depth": "3"}
    assert found.data.tags["team"] == "credit"
    assert [p.step for p in mlflow.MlflowClient().get_metric_history(run.run_id, "loss")] == [7, 8]
    note = found.data.tags["mlflow.note.content"]
    assert note.startswith("# My run\n\n<!-- venturalitica ")
    assert note.count("<!-- venturalitica ") == 2
    assert "said anew" in note
    assert "red (2)" in note


def test_one_data_set_in_two_contexts_is_two_inputs(mlflow, tracking_uri, tracker):
    both = (data("input", name="rows"), data("audit", name="rows"), data("audit", b"other"))
    with mlflow.start_run():
        run = tracker.active_run()
        tracker.deliver(run, parcel(1, data=both))
        tracker.deliver(run, parcel(2, data=both))
    inputs = look(mlflow, run).inputs
    assert sorted(context for context, _ in inputs) == ["audit", "audit", "input"]
    names = {
        item.dataset.name
        for item in mlflow.MlflowClient().get_run(run.run_id).inputs.dataset_inputs
    }
    assert names == {"rows", "rows (audit)", "audit"}


def test_a_key_that_mlflow_refuses_costs_no_other(mlflow, tracking_uri):
    from venturalitica.trackers.mlflow.run import RunShelf

    with mlflow.start_run() as active:
        shelf = RunShelf(mlflow.get_tracking_uri(), active.info.run_id)
        refused = shelf.put_tags({"good": "1", "bad%key": "2", "better": "3", "x" * 300: "4"})
        point = worlds.Point("venturalitica/a", "", 1.0, 0, 1)
        bad = replace(point, control="a//b")
        assert shelf.put_points([point, bad], again=False) == ["a//b"]
    found = mlflow.get_run(active.info.run_id).data
    assert sorted(refused) == ["bad%key", "x" * 300]
    assert {"good", "better"} <= set(found.tags)
    assert found.metrics == {"venturalitica/a": 1.0}


def test_a_copy_that_somebody_edited_is_written_again(mlflow, tracking_uri, tracker):
    with mlflow.start_run() as active:
        run = tracker.active_run()
        tracker.deliver(run, parcel())
        folder = Path(active.info.artifact_uri.removeprefix("file://"))
        (folder / "policy_snapshot/model_policy.yaml").write_bytes(b"policy: another")
        (folder / "venturalitica/evidence.json").unlink()
        tracker.deliver(run, parcel())
    artifacts = look(mlflow, run).artifacts
    assert artifacts["policy_snapshot/model_policy.yaml"] == parcel().policy_bytes
    assert artifacts["venturalitica/evidence.json"] == parcel().evidence


def test_long_after_the_run_from_another_folder(
    mlflow, tracking_uri, tracker, tmp_path, monkeypatch
):
    with mlflow.start_run():
        run = tracker.active_run()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    MlflowTracker().deliver(run, parcel())
    assert "venturalitica/evidence.json" in look(mlflow, run).artifacts
    assert mlflow.MlflowClient(run.uri).get_run(run.run_id).info.status == "FINISHED"
    assert list(Path().iterdir()) == []


def test_a_database_that_was_moved_is_not_made_anew(mlflow, tracking_uri, tracker, tmp_path):
    uri = f"sqlite:///{tmp_path}/moved.db"
    with pytest.raises(TrackerError, match=r"moved\.db is not there; was it moved\?"):
        tracker.deliver(RunRef("mlflow", "0" * 32, uri), parcel())
    assert not (tmp_path / "moved.db").exists()


def test_a_deleted_run(mlflow, tracking_uri, tracker):
    with mlflow.start_run() as active:
        run = tracker.active_run()
    mlflow.delete_run(active.info.run_id)
    with pytest.raises(TrackerError, match=f"mlflow runs restore --run-id {run.run_id}"):
        tracker.deliver(run, parcel())


def test_a_file_store_that_is_refused_tells_both_remedies(mlflow, tracking_uri, tracker, tmp_path):
    run = RunRef("mlflow", "0" * 32, (tmp_path / "mlruns").as_uri())
    with pytest.raises(TrackerError) as refused:
        tracker.deliver(run, parcel())
    assert "MLFLOW_TRACKING_URI=sqlite:///mlflow.db" in str(refused.value)
    assert "MLFLOW_ALLOW_FILE_STORE=true" in str(refused.value)
    (tmp_path / "mlruns" / "0").mkdir(parents=True)
    (tmp_path / "mlruns" / "0" / "meta.yaml").touch()
    health = tracker.health()
    assert health["reachable"] is False
    assert "MLFLOW_ALLOW_FILE_STORE=true" in health["fix"]


@pytest.mark.filterwarnings("ignore:.*filesystem.*:FutureWarning")
def test_a_file_store_that_the_user_allowed(mlflow, tracking_uri, tracker, tmp_path, monkeypatch):
    """There a metric is a file of its name: `accuracy` cannot also be a folder."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "mlruns").as_uri())
    with mlflow.start_run():
        run = tracker.active_run()
        for number in (1, 2, 1, 2):
            tracker.deliver(run, parcel(number))
    seen = look(mlflow, run)
    assert len(seen.points) == 16
    assert ("venturalitica/accuracy", 0.75, 1) in seen.points
    assert ("venturalitica/accuracy ci_low", 0.71, 0) in seen.points
    assert ("venturalitica/gender-parity group female", 0.53, 0) in seen.points
    assert len(seen.inputs) == 1
    assert tracker.health()["reachable"] is True


class Answering(BaseHTTPRequestHandler):
    """Answers every request with the status that the server was given, and counts them."""

    def do_GET(self) -> None:
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        self.send_response(self.server.status)  # type: ignore[attr-defined]
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *args) -> None:
        """Silent."""


@pytest.fixture
def answering() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        server.asked = []  # type: ignore[attr-defined]
        server.status = 200  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def url_of(server) -> str:
    return f"http://127.0.0.1:{server.server_port}"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
        (403, "does not let these credentials"),
        (404, "has no run"),
        (429, "too much to do"),
        (500, r"trouble of its own \(500\)"),
        (503, r"trouble of its own \(503\)"),
    ],
)
def test_a_server_in_trouble_is_asked_once(
    mlflow, tracking_uri, tracker, answering, status, message
):
    """MLflow's own client would ask for minutes."""
    answering.status = status
    with pytest.raises(TrackerError, match=message):
        tracker.deliver(RunRef("mlflow", "0" * 32, url_of(answering)), parcel())
    assert len(answering.asked) == 1


def test_a_server_that_refuses_the_connection(mlflow, tracking_uri, tracker):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        run = RunRef("mlflow", "0" * 32, f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(TrackerError, match="does not answer"):
            tracker.deliver(run, parcel())


def test_a_server_that_never_answers(mlflow, tracking_uri, tracker):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        run = RunRef("mlflow", "0" * 32, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with patient(0.2), pytest.raises(TrackerError, match="does not answer"):
            tracker.deliver(run, parcel())


def test_credentials_do_not_follow_an_address_in_evidence(
    mlflow, tracking_uri, tracker, answering, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    answering.status = 500
    run = RunRef("mlflow", "0" * 32, url_of(answering))
    with pytest.raises(TrackerError, match=f"set MLFLOW_TRACKING_URI={url_of(answering)}") as error:
        tracker.deliver(run, parcel())
    assert "secret" not in str(error.value)
    assert answering.asked == []
    mlflow.set_tracking_uri(url_of(answering))
    with pytest.raises(TrackerError, match="trouble of its own"):
        tracker.deliver(run, parcel())
    assert answering.asked[0]["Authorization"] == "Bearer secret"


def test_credentials_in_the_uri_stay_in_this_process(mlflow, server_uri, tracker):
    mlflow.set_tracking_uri(server_uri.replace("://", "://me:pa55word@"))
    with mlflow.start_run():
        run = tracker.active_run()
    assert "pa55word" not in repr(run)
    assert run.uri == server_uri
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    assert tracker._door(run.uri, "") == server_uri.replace("://", "://me:pa55word@")
    tracker.deliver(run, parcel())
    assert "venturalitica/evidence.json" in look(mlflow, run).artifacts


def test_a_workspace_that_is_not_this_one(mlflow, tracking_uri, tracker):
    run = RunRef("mlflow", "0" * 32, tracking_uri, extra={"workspace": "team-a"})
    with pytest.raises(TrackerError, match="set MLFLOW_WORKSPACE=team-a"):
        tracker.deliver(run, parcel())


def test_the_deep_link_and_no_noise(mlflow, server_uri, tracker, capfd):
    with mlflow.start_run():
        run = tracker.active_run()
        capfd.readouterr()
        tracker.deliver(run, parcel())
        said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")
    assert run.url == f"{server_uri}/#/experiments/0/runs/{run.run_id}"
    assert tracker.health()["reachable"] is True
    assert tracker.health()["configured"] == "environment"
    assert tracker.health({"MLFLOW_TRACKING_URI": ".env"})["configured"] == ".env"


def test_training_goes_on_while_evidence_is_delivered(mlflow, server_uri, tracker):
    with mlflow.start_run():
        run = tracker.active_run()
        thread = threading.Thread(target=tracker.deliver, args=(run, parcel()))
        thread.start()
        for step in range(20):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        thread.join()
        assert tracker.active_run().run_id == run.run_id
    seen = look(mlflow, run)
    assert len([point for point in seen.points if point[0] == "loss"]) == 20
    assert len([point for point in seen.points if point[0].startswith("venturalitica/")]) == 8


def test_no_pool_of_threads_is_left_for_the_interpreter_to_wait_for(
    mlflow, server_uri, tracker, monkeypatch
):
    """At exit Python joins every such pool, even one that waits for a silent server."""

    def submit(*_):
        raise AssertionError("a pool of threads was used")

    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor.submit", submit)
    with mlflow.start_run():
        run = tracker.active_run()
        tracker.deliver(run, parcel())
        assert tracker.fetch(run.run_id)["venturalitica/evidence.json"] == parcel().evidence


def test_health_of_servers_that_are_down_or_want_a_login(
    mlflow, tracking_uri, tracker, answering, monkeypatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", url_of(answering).replace("://", "://me:secret@"))
    answering.status = 401
    health = tracker.health()
    assert health["reachable"] is True
    assert "MLFLOW_TRACKING_USERNAME" in health["fix"]
    assert "secret" not in json.dumps(health)
    answering.status = 500
    assert tracker.health()["reachable"] is False
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert "start the server" in tracker.health()["fix"]


def test_without_mlflow_the_line_that_installs_it(tracker, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtra, match=re.escape(install_line("mlflow"))):
        tracker.deliver(RunRef("mlflow", "0" * 32, "sqlite:///x.db"), parcel())
    assert tracker.active_run() is None


@pytest.mark.slow
def test_two_processes_deliver_to_one_run(mlflow, tracking_uri, tracker, tmp_path):
    with mlflow.start_run():
        run = tracker.active_run()
    script = tmp_path / "deliver.py"
    script.write_text(
        textwrap.dedent(f"""
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("tracker_worlds", {worlds.__file__!r})
        worlds = sys.modules["tracker_worlds"] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(worlds)
        from venturalitica.trackers.base import RunRef
        from venturalitica.trackers.mlflow import MlflowTracker
        run = RunRef("mlflow", {run.run_id!r}, {run.uri!r})
        for number in (int(sys.argv[1]), 9, int(sys.argv[1]) + 1):
            MlflowTracker().deliver(run, worlds.parcel(number))
        """)
    )
    processes = [
        subprocess.Popen([sys.executable, str(script), number], cwd=tmp_path, env=dict(os.environ))
        for number in ("1", "3")
    ]
    assert [process.wait() for process in processes] == [0, 0]
    seen = look(mlflow, run)
    evidence = [seen.artifacts[path] for path in seen.artifacts if path.endswith("evidence.json")]
    assert sorted(evidence) == sorted(parcel(number).evidence for number in (1, 2, 3, 4, 9))
    steps = [step for key, _, step in seen.points if key == "venturalitica/accuracy"]
    assert sorted(steps) == [0, 1, 2, 3, 4]
