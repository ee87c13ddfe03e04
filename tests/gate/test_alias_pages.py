"""The dashboard shows how aliases stand to the gate's decisions, in red where they should not."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.gate.test_command import called
from tests.gate.test_override import REFUSED, signed, strict
from tests.ui.client import client_for
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.core.gate import Decision
from venturalitica.ledger.lifecycle.ties import decisions
from venturalitica.ledger.records.decision import Decided

__all__ = ["strict"]
pytestmark = pytest.mark.filterwarnings("ignore")
MODEL = "models:/credit/1"


def settled(client: Any, address: str = "/integrations") -> str:
    """The page once nobody is asked any more."""
    for _ in range(400):
        text = client.get(address).text
        if 'hx-trigger="every 1s"' not in text:
            return unescape(str(text))
        time.sleep(0.05)
    raise AssertionError("it never settled")


def aliases_on(page: str) -> str:
    assert 'id="aliases"' in page
    return page[page.index('id="aliases"') :].split("</section>")[0]


def test_without_a_gate_nothing_is_said_of_aliases(project: Any) -> None:
    client = client_for(open_ledger(create=False).home)
    assert 'id="aliases"' not in settled(client)
    assert ">Gate<" not in client.get("/").text


def test_an_alias_by_a_decision_is_green_and_one_that_was_moved_red(project: Any) -> None:
    assert called(MODEL, "--set-alias", "champion").exit_code == 0
    home = open_ledger(create=False).home
    shown = aliases_on(settled(client_for(home)))
    assert "As MLflow has them now" in shown
    assert "ui-notice-green" in shown
    version = project.client.get_model_version("credit", "1")
    made = project.client.create_model_version("credit", source=version.source)
    project.client.set_registered_model_alias("credit", "champion", made.version)
    client = client_for(home)
    shown = aliases_on(settled(client))
    assert "ui-notice-red" in shown
    assert "whoever moved it went round the gate" in shown
    assert "To do: ask the gate" in shown
    overview = unescape(client.get("/").text)
    assert "whoever moved it went round the gate" in overview


def test_an_override_is_red_on_every_page_that_shows_the_alias(strict: Any) -> None:
    assert signed().exit_code == 0
    assert called(MODEL, *REFUSED).exit_code == 0
    ledger = open_ledger(create=False)
    ((entry, made),) = decisions(ledger)
    client = client_for(ledger.home)
    settled(client)
    said = "llowed by override until"
    judged = next(
        place for place in range(entry) if ledger.entry(place).record.predicate.get("verdicts")
    )
    assert made.decision.record == ledger.entry(judged).evidence_sha256
    for address in ("/integrations", "/", f"/runs/{judged}", f"/runs/{entry}"):
        page = unescape(client.get(address).text)
        assert said in page, address
    red = unescape(client.get(f"/runs/{judged}").text)
    assert "ui-notice-red" in red
    (override,) = [place for place in range(entry) if ledger.entry(place).record.kind == "override"]
    page = unescape(client.get(f"/runs/{override}").text)
    assert "2 lets a fraud through" in page
    assert "ui-notice-red" in page


def test_where_mlflow_is_not_set_up_it_is_not_asked(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert called(MODEL, "--set-alias", "champion").exit_code == 0
    import mlflow

    mlflow.set_tracking_uri(None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shown = aliases_on(settled(client_for(open_ledger(create=False).home)))
    assert "MLflow is not set up here, and was not asked" in shown
    assert "credit@champion (version 1)" in shown


def test_hostile_names_are_text_on_the_page(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    naughty = "<script>alert(1)</script>\n\x1b[2J\u202e"
    made = Decision(
        allowed=False,
        rule="control",
        sentence=naughty,
        name=naughty,
        version=naughty,
        files_root="ab" * 32,
    )
    ledger = open_ledger()
    decided = Decided(decision=made, alias=naughty, mode="observe")
    ledger.append(decided.statement([], datetime.now(UTC)))
    mlflow.set_tracking_uri(None)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    client = client_for(ledger.home)
    for address in ("/integrations", "/"):
        text = client.get(address).text
        assert "<script>alert" not in text
        assert not {"\x1b", "\u202e"} & set(text)
    told = CliRunner().invoke(app, ["verify"]).stdout
    assert not {"\x1b", "\u202e"} & set(told)
