"""Stores under Integrations: a card each, with runs, lights, a port of its own, and the links."""

from __future__ import annotations

import re
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import Shelf, mlflow_run, passed
from tests.ui.test_integrations_page import lamps, settled, shelf
from venturalitica.ledger import Outbox
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef
from venturalitica.ui.health import rows
from venturalitica.ui.jobs import Jobs
from venturalitica.ui.reader import Desk

__all__ = ["shelf"]

A, B = "a" * 32, "b" * 32
DEAD = "http://127.0.0.1:9"
OTHER = "http://127.0.0.1:19"
PORTS = "venturalitica.trackers.mlflow.health.ports_for"


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def cards(page: str) -> dict[str, str]:
    """Each card by the address that it shows, else by its id."""
    found = re.findall(r'<section class="ui-card" id="(link-[^"]*)"(.*?)</section>', page, re.S)
    assert len({name for name, _ in found}) == len(found), "an id is there once"
    said: dict[str, str] = {}
    for name, card in found:
        (address,) = re.findall(r'<p class="in-place"[^>]*>(.*?)</p>', card, re.S) or [""]
        key = unescape(re.sub("<[^>]*>", "", address)) or name
        said[name if key in said else key] = f'id="{name}"{card}'
    return said


def text(card: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", card.replace("<wbr>", ""))).split())


def ids(card: str) -> str:
    (found,) = re.findall(r'id="link-([^"]*)"', card)
    return str(found)


def health(shelf: Shelf) -> dict[str, Any]:
    desk = Desk(shelf.home, settings=Settings.current())
    with desk.reading() as reading:
        found = rows(reading, Jobs(), wait=5.0)
    desk.close()
    return {row.subject: row for row in found}


# --- A card for each store ----------------------------------------------------------------------


def test_two_stores_are_two_cards_each_with_its_own(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = f"sqlite:///{shelf.folder}/one.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD)
    shelf.audit(trackers=(mlflow_run(store, run_id=A, experiment_name="loans", run_name="one"),))
    shelf.audit(trackers=(mlflow_run(DEAD, run_id=B, experiment_name="cards", run_name="two"),))
    shelf.audit(
        trackers=(mlflow_run(DEAD, run_id="c" * 32, experiment_name="cards", run_name="three"),)
    )
    Outbox(shelf.ledger).confirm(0, "mlflow", A, "read back")
    Outbox(shelf.ledger).failed(1, "mlflow", B, "no answer from two")
    page = settled(client).text
    found = cards(page)
    one, two = text(found[store]), text(found[DEAD])
    assert "1 run in 1 experiment" in one
    assert "2 runs in 1 experiment" in two
    assert ("experiment loans" in one, "experiment cards" in one) == (True, False)
    assert ("experiment loans" in two, "experiment cards" in two) == (False, True)
    assert ("run one" in one, "run two" in two, "run three" in two) == (True, True, True)
    assert f"mlflow server --backend-store-uri {store} --port" in one
    assert "mlflow server" not in two
    assert f'href="{DEAD}/#/experiments/1"' in found[DEAD]
    assert f'href="{DEAD}/#/experiments/1/runs/{B}"' in found[DEAD]
    lights = {uri: lamps(page, ids(found[uri])) for uri in (store, DEAD)}
    assert (lights[store]["Delivered"], lights[store]["Read back"]) == ("green", "green")
    assert lights[store]["Reachable"] == "grey", "there is no such file on this machine"
    assert (lights[DEAD]["Delivered"], lights[DEAD]["Reachable"]) == ("red", "red")
    assert "no answer from two" not in one
    # The overview has one line of a tracker, which tells of the worst and leads there.
    row = health(shelf)["MLflow"]
    assert row.light == "red"
    assert row.text.startswith(f"{DEAD}: ")
    assert row.text.endswith("; 2 stores in all")
    assert row.params["_anchor"] == f"link-{ids(found[DEAD])}"


def test_one_store_is_one_card(shelf: Shelf, client: Client) -> None:
    for run_id in (A, B):
        shelf.audit(trackers=(mlflow_run(DEAD, run_id=run_id),))
    found = cards(settled(client).text)
    assert ids(found[DEAD]) == "mlflow"
    assert "2 runs in 1 experiment" in text(found[DEAD])
    assert "stores in all" not in health(shelf)["MLflow"].text


def test_what_is_set_up_and_named_by_no_record_has_a_card_beside(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.audit(trackers=(mlflow_run(OTHER),))
    assert set(cards(settled(client).text)) >= {OTHER}
    assert DEAD not in cards(settled(client).text)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD)
    monkeypatch.setattr("venturalitica.ui.jobs.FRESH", -1.0)
    page = settled(client_for(shelf.home)).text
    found = cards(page)
    assert "1 run" in text(found[OTHER])
    assert "run" not in re.findall(r"in-counts\S*", found[DEAD])
    assert lamps(page, ids(found[DEAD]))["Configured"] == "amber"
    assert "Set, not proven" in text(found[DEAD])


def test_runs_whose_store_is_not_recorded_have_a_card_that_says_so(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", DEAD)
    shelf.audit(trackers=(mlflow_run("", run_id=A),))
    page = settled(client).text
    said = text(cards(page)["Store not recorded"])
    assert said.count("the records do not say which store these runs are in") == 1
    assert "mlflow server" not in said
    lights = lamps(page, ids(cards(page)["Store not recorded"]))
    assert lights["Reachable"] == lights["Configured"] == "grey", "what is set up is another's"


def test_wandb_has_a_card_for_each_entity_and_host(shelf: Shelf, client: Client) -> None:
    def run(run_id: str, host: str, entity: str) -> RunRef:
        url = f"{host.replace('api.', '')}/{entity or 'x'}/loans/runs/{run_id}"
        extra = {"entity": entity, "project": "loans", "offline": False}
        return RunRef("wandb", run_id, host, experiment_name="loans", url=url, extra=extra)

    own = "https://api.wandb.ai"
    for number, (host, entity) in enumerate(
        ((own, "one"), (own, "two"), ("https://wandb.example", "one"), (own, ""))
    ):
        shelf.audit(trackers=(run(f"run{number}", host, entity),))
    found = cards(settled(client).text)
    wanted = {f"one at {own}", f"two at {own}", "one at https://wandb.example", own}
    assert wanted <= set(found)
    assert 'href="https://wandb.ai/one/loans/runs/run0"' in found[f"one at {own}"]
    assert 'href="https://wandb.ai/one/loans"' in found[f"one at {own}"], "its experiment"
    assert "run1" not in found[f"one at {own}"]


def test_an_offline_run_of_wandb_is_kept_here_with_the_line_that_uploads_it(
    shelf: Shelf, client: Client
) -> None:
    folder = shelf.folder / "wandb" / "offline-run-1"
    folder.mkdir(parents=True)
    extra = {"entity": "", "project": "loans", "offline": True, "folder": str(folder)}
    shelf.audit(trackers=(RunRef("wandb", "abcd", "https://api.wandb.ai", extra=extra),))
    Outbox(shelf.ledger).keep(0, "wandb", "abcd", f"kept in {folder.parent}, not uploaded")
    page = settled(client).text
    (card,) = [card for uri, card in cards(page).items() if "wandb.ai" in uri]
    assert "Kept, not uploaded" in text(card)
    assert text(card).count(f"wandb sync {folder}") == 1
    assert "Last error:" not in text(card)
    assert lamps(page, ids(card))["Delivered"] == "amber"
    overview = text(settled(client, "/").text)
    assert "upload it, then venturalitica sync confirms it" in overview
    assert f"wandb sync {folder}" in overview
    assert "blocking (and 1 not evaluated, 1 passed without being conclusive)" in overview


def test_no_address_shows_credentials_and_each_breaks_at_its_marks(
    shelf: Shelf, client: Client
) -> None:
    shelf.audit(trackers=(mlflow_run("http://me:hunter2@127.0.0.1:9/a-b?token=hunter2", run_id=A),))
    shelf.audit(trackers=(mlflow_run("postgresql://me:hunter2@db.example/mlflow", run_id=B),))
    for number, text in enumerate(NAUGHTY):
        if "hunter2" in text:
            shelf.audit(trackers=(mlflow_run(text, run_id=f"{number:032}"),))
            shelf.audit(trackers=(RunRef("wandb", f"{number}", text),))
    page = settled(client).text
    assert "hunter2" not in page
    assert "127.<wbr>0.<wbr>0.<wbr>1:<wbr>9/<wbr>a-<wbr>b" in page


@pytest.mark.parametrize("bad", NAUGHTY[::4])
def test_hostile_stores_are_only_text(shelf: Shelf, client: Client, bad: str) -> None:
    for uri in (bad, f"http://127.0.0.1:9/{bad}", f"sqlite:///{bad}", f"file:///{bad}"):
        try:
            shelf.audit(
                trackers=(
                    mlflow_run(uri, run_id=f"{bad} {uri}"[:80], experiment_name=bad, run_name=bad),
                    RunRef(
                        "wandb", f"w {uri}"[:80], bad, experiment_name=bad, extra={"entity": bad}
                    ),
                    RunRef(bad, bad, uri, experiment_name=bad),
                )
            )
        except ValueError:
            continue  # no such text can be recorded
    page = settled(client).text
    for forbidden in ("<script>alert", "<script>window", "<img", 'href="javascript', "\u202e"):
        assert forbidden not in page
    assert "hunter2" not in page
    assert len(cards(page)) >= 3
    assert settled(client, "/live/integrations").status_code == 200


# --- The port -----------------------------------------------------------------------------------


@contextmanager
def listening(answer: Callable[[str], tuple[int, bytes]] | None = None) -> Iterator[int]:
    """Something at a port of this machine; without `answer` it takes connections and is silent."""
    if answer is None:
        with socket.create_server(("127.0.0.1", 0)) as quiet:
            yield quiet.getsockname()[1]
        return

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert answer is not None
            status, body = answer(self.path)
            self.send_response(status)
            if status == 302:
                self.send_header("location", body.decode())
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def mlflow() -> Iterator[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
    yield mlflow
    mlflow.set_tracking_uri(None)


def test_a_store_without_a_server_shows_the_line_and_then_the_link(
    shelf: Shelf, client: Client, mlflow_server: str, mlflow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = mlflow.MlflowClient(mlflow_server).create_run("0")
    store = f"sqlite:///{shelf.folder}/mlflow.db"
    shelf.audit(trackers=(mlflow_run(store, run_id=run.info.run_id, experiment_id="0"),))
    free = free_port()
    monkeypatch.setattr(PORTS, lambda uri: (free,))
    before = settled(client)
    assert f"mlflow server --backend-store-uri {store} --port {free}" in words(before)
    assert "Nothing shows these runs" in words(before)
    assert 'hx-trigger="every 5s"' in before.text, "it is asked for soon again"
    assert f":{free}/#/" not in before.text
    port = int(mlflow_server.rpartition(":")[2])
    # Where the first is another's by now, the server that was started before is found all the same.
    monkeypatch.setattr(PORTS, lambda uri: (free, port))
    monkeypatch.setattr("venturalitica.ui.jobs.FRESH", -1.0)
    link = f"{mlflow_server}/#/experiments/0/runs/{run.info.run_id}"
    for _ in range(200):
        after = client.get("/live/integrations")
        if "It answers" in after.text:
            break
    assert f'href="{link}"' in unescape(after.text)
    assert f'href="{mlflow_server}/#/experiments/0"' in unescape(after.text)
    assert "Nothing shows these runs" not in after.text


def test_no_two_stores_are_given_one_port(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ports = (free_port(), free_port(), free_port())
    monkeypatch.setattr(PORTS, lambda uri: ports)
    stores = [f"sqlite:///{shelf.folder}/{name}.db" for name in "ab"]
    for number, store in enumerate(stores):
        shelf.audit(trackers=(mlflow_run(store, run_id=f"{number}" * 32),))
    first = settled(client)
    lines = re.findall(r"mlflow server --backend-store-uri (\S+) --port (\d+)", words(first))
    assert {store for store, _ in lines} == set(stores)
    assert len({port for _, port in lines}) == 2
    shelf.audit(trackers=(mlflow_run(stores[0], run_id="c" * 32),))
    again = re.findall(
        r"mlflow server --backend-store-uri (\S+) --port (\d+)", words(settled(client))
    )
    assert dict(again) == dict(lines), "whichever was named last"


def test_a_port_that_something_else_has_is_not_given(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.audit(trackers=(mlflow_run(f"sqlite:///{shelf.folder}/x.db"),))
    free = free_port()
    with listening(lambda path: (200, b"<html>somebody's</html>")) as taken:
        monkeypatch.setattr(PORTS, lambda uri: (taken, free))
        said = words(settled(client))
        assert f"--port {free}" in said
        assert f"--port {taken}" not in said
        assert f"What listens at http://127.0.0.1:{taken} does not know them." in said
        # So says the page of the run.
        assert f"--port {free}" in words(client.get("/runs/0"))
        monkeypatch.setattr(PORTS, lambda uri: (taken,))
        monkeypatch.setattr("venturalitica.ui.jobs.FRESH", -1.0)
        said = words(settled(client_for(shelf.home)))
        assert "mlflow server" not in said
        assert "something else listens wherever this page looks" in said


RUN = '{"run": {"info": {"run_id": "%s", "experiment_id": "%s"}}}'


@pytest.mark.parametrize(
    "answer",
    [
        lambda path: (200, b"OK"),
        lambda path: (404, b"{}"),
        lambda path: (200, b"[]"),
        lambda path: (200, (RUN % (B, "1")).encode()),
        lambda path: (200, (RUN % (A, "2")).encode()),
        lambda path: (200, b'{"run": "\xff'),
    ],
)
def test_what_does_not_know_the_run_in_its_experiment_is_not_its_store_s(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    shelf.audit(trackers=(mlflow_run(f"sqlite:///{shelf.folder}/x.db", run_id=A),))
    with listening(answer) as port:
        monkeypatch.setattr(PORTS, lambda uri: (port,))
        page = settled(client)
    assert "It answers" not in page.text
    assert f":{port}/#/" not in page.text


def test_a_run_s_id_is_told_to_nobody_that_what_listens_names(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    def knows(path: str) -> tuple[int, bytes]:
        told.append(path)
        return 200, (RUN % (A, "1")).encode()

    shelf.audit(trackers=(mlflow_run(f"sqlite:///{shelf.folder}/x.db", run_id=A),))

    def leads_away(path: str) -> tuple[int, bytes]:
        return 302, f"http://127.0.0.1:{elsewhere}{path}".encode()

    with listening(knows) as elsewhere, listening(leads_away) as port:
        monkeypatch.setattr(PORTS, lambda uri: (port,))
        page = settled(client)
    assert told == []
    assert "It answers" not in page.text


def test_another_store_s_server_is_not_taken_for_it(
    shelf: Shelf, client: Client, mlflow_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.audit(None, passed(), trackers=(mlflow_run(f"sqlite:///{shelf.folder}/x.db", run_id=A),))
    port = int(mlflow_server.rpartition(":")[2])
    free = free_port()
    monkeypatch.setattr(PORTS, lambda uri: (port, free))
    said = words(settled(client))
    assert "It answers" not in said
    assert f"--port {free}" in said
