"""Evidence waits while a real MLflow server is down; it comes back, and the run is seen there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from venturalitica.ledger import Ledger, load_signer
from venturalitica.trackers.mlflow.health import ports_for

SLOW = 60_000
READ_BACK = re.compile("read.back", re.IGNORECASE)
RETRY = "Deliver what waits now"


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    server = sys.modules["browser_tracking"].Tracking(tmp_path_factory.mktemp("tracking"))
    try:
        yield server
    finally:
        server.stop()


@dataclass(frozen=True)
class World:
    """A log whose two records are for runs of a server that is down, and its dashboard."""

    home: Path
    runs: list[dict[str, Any]]
    url: str = ""


def _world(tracking, demo_home: Path, folder: Path) -> World:
    runs = [tracking.new_run("calm-crane-7"), tracking.new_run("shy-shrew-8")]
    statement = sys.modules["browser_logs"].an_audit(demo_home)
    ledger = Ledger.open(folder / ".venturalitica", signer=load_signer(None, folder / "keys"))
    for run in runs:
        statement["predicate"]["trackers"] = [run]
        ledger.append(statement)
    return World(ledger.home, runs)


def test_retry_when_the_server_is_down_and_when_it_came_back(
    look, axe, serve, tracking, demo_home, tmp_path
) -> None:
    worlds = [_world(tracking, demo_home, tmp_path / name) for name in ("scripts", "none")]
    tracking.stop()
    scripted, plain = (
        replace(world, url=serve(world.home, MLFLOW_TRACKING_URI=tracking.url).url)
        for world in worlds
    )
    page = look(f"{scripted.url}/integrations", elsewhere=tracking.url)
    bare = look(f"{plain.url}/integrations", javascript=False)
    _lamp(page, "Reachable", "red").wait_for(timeout=SLOW)
    assert "environment" in _card(page).locator("li", has_text="Configured").inner_text()
    for one in (page, bare):
        _card(one).get_by_text("2 records waiting").wait_for()
        one.get_by_role("button", name=RETRY).click()
        one.get_by_text("0 delivered, 2 still waiting").wait_for(timeout=SLOW)
    assert _lamp(page, READ_BACK, "grey").count() == 1
    assert axe(page) == []

    tracking.come_back()
    bare.goto(f"{plain.url}/integrations")
    _lamp(page, "Reachable", "green").wait_for(timeout=SLOW)
    for one, world in ((page, scripted), (bare, plain)):
        one.get_by_role("button", name=RETRY).click()
        one.get_by_text("2 delivered, nothing").wait_for(timeout=SLOW)
        digests = {entry.evidence_sha256 for entry in Ledger.open(world.home).entries()}
        kept = [tracking.tags(run["run_id"]) for run in world.runs]
        assert {tags["venturalitica.evidence_sha256"] for tags in kept} == digests
    _lamp(page, READ_BACK, "green").wait_for()
    assert page.get_by_role("button", name=RETRY).count() == 0
    assert axe(page) == []

    _follow(page, scripted, tracking)


def _follow(page, world: World, tracking) -> None:
    """From our page of a run to MLflow's own page of it."""
    page.goto(f"{world.url}/runs/0")
    link = page.get_by_role("link", name="Open the run in mlflow")
    assert link.get_attribute("href") == world.runs[0]["url"]
    link.click()
    page.get_by_text(world.runs[0]["run_name"]).first.wait_for(timeout=SLOW)
    assert page.url.startswith(f"{tracking.url}/#/experiments/0/runs/{world.runs[0]['run_id']}")


def _card(page):
    return page.locator("#link-mlflow")


def _lamp(page, name: str | re.Pattern[str], light: str):
    return _card(page).locator("li", has_text=name).locator(f".vl-pill.vl-is-{light}")


def test_a_store_without_pages_tells_the_line_that_shows_it(look, ui) -> None:
    page = look(f"{ui.url}/integrations")
    line = page.locator(".ui-line code", has_text="mlflow server --backend-store-uri ")
    line.first.wait_for()
    assert "mlflow.db" in line.first.inner_text()


@pytest.fixture(scope="module")
def two_stores(demo_home, tmp_path_factory) -> Iterator[tuple[Path, list[Path]]]:
    """A log whose runs are in two SQLite files, each with a run in it, that nothing serves; and
    something that listens where the first would be shown."""
    logs, folder = sys.modules["browser_logs"], tmp_path_factory.mktemp("stores")
    ledger = Ledger.open(folder / ".venturalitica", signer=load_signer(None, folder / "keys"))
    statement, stores = logs.an_audit(demo_home), []
    for name, experiment in (("one", "loans"), ("two", "cards")):
        stores.append(folder / name)
        stores[-1].mkdir()
        server = sys.modules["browser_tracking"].Tracking(stores[-1])
        run = server.new_run(f"{name}-crane-7", experiment)
        server.stop()
        run |= {"uri": f"sqlite:///{stores[-1]}/mlflow.db", "url": None}
        statement["predicate"]["trackers"] = [run]
        ledger.append(statement)
    with socket.create_server(("127.0.0.1", _first_port(stores[0]))):
        yield ledger.home, stores


def _first_port(store: Path) -> int:
    return ports_for(f"sqlite:///{store}/mlflow.db")[0]


def _of(page, store: Path):
    """The card of a store."""
    return page.locator("section.ui-card", has_text=f"{store}/mlflow.db").first


def test_the_line_that_is_shown_starts_the_server_that_is_watched(
    look, watch, axe, serve, two_stores
) -> None:
    home, (one, two) = two_stores
    served = serve(home)
    page = look(f"{served.url}/integrations")
    bare = look(f"{served.url}/integrations", javascript=False)
    lines = {}
    for store in (one, two):
        line = _of(page, store).locator(".ui-line code", has_text="mlflow server")
        line.wait_for()
        lines[store] = shlex.split(line.inner_text())
        assert f"sqlite:///{store}/mlflow.db" in lines[store]
    assert lines[one][-1] != lines[two][-1]
    assert lines[one][-1] != str(_first_port(one)), "something else listens there"
    assert "does not know them" in _of(page, one).inner_text()
    assert page.get_by_role("link", name="experiment loans").count() == 0
    assert axe(page) == []

    with _typed(lines[one], one):
        # No reload: the page asks, and the links come up.
        page.get_by_role("link", name="run one-crane-7").wait_for(timeout=3 * SLOW)
        link = page.get_by_role("link", name="experiment loans")
        bare.wait_for_timeout(6000)  # what a page is told is as old as five seconds
        bare.reload()
        for seen in (page, bare):
            assert seen.get_by_role("link", name="run one-crane-7").count() == 1
            assert seen.get_by_role("link", name="run two-crane-7").count() == 0
            assert "Nothing shows these runs" in _of(seen, two).inner_text()
        assert f"127.0.0.1:{lines[one][-1]}/#/experiments/" in link.get_attribute("href")
        assert axe(page) == []
        address = page.get_by_role("link", name="run one-crane-7").get_attribute("href")
        own = look(address, ours=served.url)
        own.get_by_text("one-crane-7").first.wait_for(timeout=SLOW)


@contextmanager
def _typed(line: list[str], folder: Path) -> Iterator[None]:
    """What a person starts who types the line."""
    few = {**os.environ, "MLFLOW_WORKERS": "1", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "typed.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", *line],
            cwd=folder,
            stdout=log,
            stderr=log,
            env=few,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_two_stores_are_two_cards_on_any_screen(
    look, axe, serve, two_stores, scheme: str, width: int
) -> None:
    home, stores = two_stores
    page = look(f"{serve(home).url}/integrations", scheme=scheme, width=width)
    for store in stores:
        _of(page, store).locator(".ui-line code", has_text="mlflow server").wait_for()
        assert "1 run in 1 experiment" in _of(page, store).inner_text()
    assert page.get_by_role("heading", name="MLflow", exact=True).count() == 2
    assert sys.modules["browser_looking"].too_wide(page) == []
    assert axe(page) == []


def test_a_wandb_folder_tells_the_line_that_uploads_it(look, serve, demo_home, tmp_path) -> None:
    logs = sys.modules["browser_logs"]
    folder = tmp_path / "wandb" / "offline-run-20261123_120000-abcd1234"
    folder.mkdir(parents=True)
    statement = logs.an_audit(demo_home)
    statement["predicate"]["trackers"] = [
        logs.tracker_run(
            tracker="wandb",
            uri="https://api.wandb.ai",
            url=None,
            run_id="abcd1234",
            extra={"entity": "", "project": "loans", "folder": str(folder), "offline": True},
        )
    ]
    ledger = Ledger.open(tmp_path / ".venturalitica", signer=load_signer(None, tmp_path / "keys"))
    ledger.append(statement)
    served = serve(ledger.home)
    page = look(f"{served.url}/runs/0")
    assert f"wandb sync {folder}" in page.locator("main").inner_text()


def test_nothing_is_green_because_a_variable_is_set(look, serve, demo_home, tmp_path) -> None:
    home = tmp_path / ".venturalitica"
    shutil.copytree(demo_home, home)
    served = serve(home, MLFLOW_TRACKING_URI="http://127.0.0.1:9", WANDB_API_KEY="x" * 40)
    page = look(f"{served.url}/integrations")
    # The card of what is set up, beside that of the store that the records name.
    _lamp(page, "Reachable", "red").wait_for(timeout=SLOW)
    assert _lamp(page, "Configured", "green").count() == 0
    assert "x" * 40 not in page.content()
