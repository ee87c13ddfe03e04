"""The Integrations page: five lights each, retry, deep links; with a real MLflow server."""

from __future__ import annotations

import os
import re
import threading
import time
import warnings
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.torture.proxy import Proxy
from tests.ui.client import Client, client_for, words
from tests.ui.shelf import Shelf, mlflow_run, passed
from venturalitica.ledger import Outbox
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef
from venturalitica.ui.health import HealthRow, rows
from venturalitica.ui.jobs import Jobs
from venturalitica.ui.reader import Desk

DEAD = "http://127.0.0.1:9"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "WANDB_"))]:
        monkeypatch.delenv(name)
    # The retry sets them for its process.
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "wandb-config"))
    return Shelf(tmp_path)


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def settled(client: Client, address: str = "/integrations") -> Any:
    """The page once nothing is under way any more."""
    for _ in range(1200):
        answer = client.get(address)
        assert answer.status_code == 200
        if 'hx-trigger="every 1s"' not in answer.text:
            return answer
        time.sleep(0.05)
    raise AssertionError("it never settled")


def lamps(page: str, name: str) -> dict[str, str]:
    """The lights of one card, by what each stands for."""
    card = page[page.index(f'id="link-{name}"') :].split("</section>")[0]
    return dict(
        re.findall(
            r'class="in-name">([^<]*)</span><span><span class="vl-pill vl-is-(\w+)"', card, re.S
        )
    )


def health(shelf: Shelf, jobs: Jobs | None = None) -> dict[str, HealthRow]:
    desk = Desk(shelf.home, settings=Settings.current())
    with desk.reading() as reading:
        found = rows(reading, jobs or Jobs(), wait=5.0)
    desk.close()
    return {row.subject: row for row in found}


def test_without_a_log_the_lights_are_there_and_none_is_green_but_installed(
    empty_client: Client, shelf: Shelf
) -> None:
    page = settled(empty_client)
    assert lamps(page.text, "mlflow") == {
        "Installed": "green", "Configured": "grey", "Reachable": "grey", "Delivered": "grey",
        "Read back": "grey",
    }  # fmt: skip
    assert set(lamps(page.text, "ci").values()) == {"grey"}
    assert "venturalitica init" in words(page)
    assert "Deliver what waits now" not in words(page)


def test_setting_every_variable_lights_nothing(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.audit()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://me:hunter2@127.0.0.1:9/mlflow")
    monkeypatch.setenv("WANDB_API_KEY", "hunter2" * 6)
    page = settled(client)
    for name in ("mlflow", "wandb"):
        found = lamps(page.text, name)
        assert found.pop("Installed") == "green"
        assert found.pop("Configured") == "amber"
        assert found.keys() == {"Reachable", "Delivered", "Read back"}
        assert set(found.values()) <= {"grey", "red"}, found
    assert "from the environment" in words(page)
    assert "hunter2" not in page.text


def test_while_a_tracker_is_asked_its_lights_are_grey_and_the_page_is_there(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()

    def silent(name: str, place: str = "") -> Any:
        gate.wait(60)
        return {"installed": True, "reachable": None}

    monkeypatch.setattr("venturalitica.review.health.integrations.health_of", silent)
    shelf.audit(trackers=(mlflow_run(DEAD),))
    answer = client.get("/integrations")
    assert lamps(answer.text, "mlflow")["Reachable"] == "grey"
    assert 'hx-trigger="every 1s"' in answer.text
    assert '<noscript><meta http-equiv="refresh"' in answer.text
    gate.set()
    monkeypatch.undo()


def test_a_server_that_is_down_is_red_with_the_exact_fix(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD)
    shelf.audit(trackers=(mlflow_run(DEAD),))
    page = settled(client)
    assert lamps(page.text, "mlflow")["Reachable"] == "red"
    said = words(page)
    assert "does not answer" in said
    assert "start the server, or point MLFLOW_TRACKING_URI elsewhere" in said
    row = health(shelf)["MLflow"]
    assert (row.light, row.word) == ("red", "Does not answer")


def test_one_sync_at_a_time_and_its_outcome_is_told(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD)
    entry = shelf.audit(trackers=(mlflow_run(DEAD),))
    answer = client.post("/integrations/retry")
    assert (answer.status_code, answer.headers["location"]) == (303, "/integrations")
    page = settled(client)
    said = words(page)
    assert "0 delivered, 1 still waiting" in said, said
    assert f"Entry {entry.index}:" in said
    assert "Last error:" in said
    assert lamps(page.text, "mlflow")["Delivered"] == "red"
    (item,) = Outbox(shelf.ledger).waiting()
    assert item.attempts == 1
    assert shelf.ledger.size == 1, "nothing is written into the log by looking or retrying"


@pytest.fixture
def mlflow(shelf: Shelf) -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
    yield mlflow
    mlflow.set_tracking_uri(None)


def test_retry_delivers_once_the_server_is_back_and_the_link_leads_to_the_run(
    shelf: Shelf, client: Client, mlflow: Any, mlflow_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(mlflow_server)
    try:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", proxy.url)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            admin = mlflow.MlflowClient(mlflow_server)
            run = admin.create_run("0")
        place = mlflow_run(proxy.url, run_id=run.info.run_id, experiment_id="0")
        proxy.refuse()
        entry = shelf.audit(None, passed(), trackers=(place,))
        assert lamps(settled(client).text, "mlflow")["Reachable"] == "red"
        client.post("/integrations/retry")
        assert "1 still waiting" in words(settled(client))

        proxy.come_back()
        monkeypatch.setattr("venturalitica.ui.jobs.FRESH", -1.0)  # ask anew
        client.post("/integrations/retry")
        page = _green(client)
        assert "1 delivered, nothing of it waits any more." in words(page)
        assert set(lamps(page.text, "mlflow").values()) == {"green"}
        row = health(shelf)["MLflow"]
        assert (row.light, row.word) == ("green", "In order")
        assert health(shelf)["Outbox"].light == "green"
        tags = admin.get_run(run.info.run_id).data.tags
        assert tags["venturalitica.evidence_sha256"] == entry.evidence_sha256
        link = f"{proxy.url}/#/experiments/0/runs/{run.info.run_id}"
        assert f'href="{link}"' in unescape(page.text)
    finally:
        proxy.close()


def _green(client: Client) -> Any:
    for _ in range(600):
        page = client.get("/integrations")
        if "Delivering" not in page.text and lamps(page.text, "mlflow")["Reachable"] == "green":
            return page
        time.sleep(0.05)
    raise AssertionError("it never came back")


def test_a_receipt_that_was_made_up_does_not_match(shelf: Shelf, client: Client) -> None:
    shelf.audit(trackers=(mlflow_run(DEAD),))
    (item,) = Outbox(shelf.ledger).waiting()
    Outbox(shelf.ledger).confirm(0, "mlflow", item.run_id, "read back")
    receipts = shelf.home / "receipts.jsonl"
    digest = shelf.ledger.entry(0).evidence_sha256
    assert lamps(settled(client).text, "mlflow")["Read back"] == "green"
    receipts.write_text(receipts.read_text().replace(digest, "0" * 64))
    page = settled(client)
    assert lamps(page.text, "mlflow")["Read back"] == "red"
    assert lamps(page.text, "mlflow")["Delivered"] == "amber"


def test_hostile_records_are_only_text(shelf: Shelf, client: Client) -> None:
    bad = '"><script>alert(1)</script>'
    shelf.audit(
        trackers=(
            RunRef("mlflow", bad, uri=f"http://127.0.0.1:9/{bad}", experiment_id=bad, run_name=bad),
            RunRef("wandb", bad, url="javascript:alert(1)", extra={"offline": True, "folder": bad}),
            RunRef(bad, bad, uri="javascript:alert(1)", url="javascript:alert(1)"),
        )
    )
    Outbox(shelf.ledger).failed(0, "mlflow", bad, bad)
    for address in ("/integrations", "/", "/evidence"):
        text = settled(client, address).text
        assert "<script>alert" not in text
        assert 'href="javascript' not in text


def test_health_before_anything_was_looked_at_is_green_in_nothing(shelf: Shelf) -> None:
    shelf.audit()
    found = health(shelf)
    assert {row.light for row in found.values()} == {"grey"}
    assert list(found) == [
        "Policy file", "Evidence chain", "Outbox", "MLflow", "Weights & Biases", "CI",
    ]  # fmt: skip


def test_health_of_the_policy_file_and_of_the_chain(shelf: Shelf) -> None:
    shelf.audit()
    (shelf.folder / "model_policy.yaml").write_text("policy: x\n")
    row = health(shelf)["Policy file"]
    assert (row.light, row.fix) == ("red", "venturalitica policy lint")
    jobs = Jobs()
    job = jobs.verify(Desk(shelf.home, settings=Settings.current()))
    while job.running:
        time.sleep(0.01)
    row = health(shelf, jobs)["Evidence chain"]
    assert (row.light, row.word, row.at) == ("green", "Verified", job.result.at)


def test_health_tells_of_a_record_that_was_made_in_a_ci(shelf: Shelf) -> None:
    shelf.audit(environment={"ci": {"name": "GitHub Actions", "url": "https://ci/1"}})
    row = health(shelf)["CI"]
    assert row.light == "grey", "no file of the project says what the CI runs"
    workflow = shelf.folder / ".github" / "workflows" / "x.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("- run: venturalitica check data.csv\n")
    row = health(shelf)["CI"]
    assert row.light == "green"
    assert "GitHub Actions: entry 0" in row.text


def test_the_live_fragments_are_fragments(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    answer = settled(client, "/live/integrations")
    assert "<html" not in answer.text
    (again,) = re.findall(r'hx-get="(/live/integrations\?seen=[0-9a-f]{16})"', answer.text)
    assert client.get(again).status_code == 204, "the same is not drawn over itself"
    shelf.audit(trackers=(mlflow_run(DEAD),))
    assert client.get(again).status_code == 200


def test_a_line_to_type_names_evidence_that_is_not_the_project_s_own(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.audit(trackers=(mlflow_run(f"sqlite:///{shelf.folder}/x.db"),))
    line = f"VENTURALITICA_HOME={shelf.home} venturalitica sync"
    assert line in words(settled(client))
    assert health(shelf)["Outbox"].fix == line
    monkeypatch.setenv("VENTURALITICA_HOME", str(shelf.home))
    assert line not in words(settled(client))
    assert health(shelf)["Outbox"].fix == "venturalitica sync"


def test_an_export_promises_nothing_that_a_file_cannot_do(shelf: Shelf, tmp_path: Path) -> None:
    from venturalitica.ui.static_export import export

    place = mlflow_run(f"sqlite:///{shelf.folder}/x.db")
    shelf.audit(trackers=(place,))
    desk = Desk(shelf.home, settings=Settings.current())
    export(desk, tmp_path / "site")
    desk.close()
    for name in ("integrations.html", "evidence.html"):
        text = (tmp_path / "site" / name).read_text()
        assert "<form" not in text
        assert "hx-" not in text
        assert 'http-equiv="refresh' not in text
    text = (tmp_path / "site" / "integrations.html").read_text()
    assert "the links lead there once it does" in text
    assert re.search(rf'href="http://127\.0\.0\.1:\d+/#/experiments/1/runs/{place.run_id}"', text)


def test_a_run_leads_to_its_experiment_by_name(shelf: Shelf, client: Client) -> None:
    shelf.audit(trackers=(mlflow_run(DEAD),))
    page = settled(client)
    assert f'href="{DEAD}/#/experiments/1"' in page.text
    assert "experiment credit" in words(page)
    assert "1 run in 1 experiment" in words(page)


def test_the_card_of_the_ci_says_nothing_about_reading_back(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    page = settled(client)
    assert "Read back" in lamps(page.text, "mlflow")
    assert lamps(page.text, "ci").keys() == {"Installed", "Configured", "Reachable", "Delivered"}
    assert "CI in four lights" in page.text
