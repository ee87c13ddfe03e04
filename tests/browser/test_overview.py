"""The overview: one card for each pipeline, failures first; health, and no light for nothing."""

from __future__ import annotations

import shutil
import sys

import pytest

from venturalitica.ledger import Ledger, load_signer

ORDER = ("red", "amber", "grey", "green")


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
def test_a_card_for_each_pipeline_failures_first(look, ui, demo_home, javascript) -> None:
    pipelines = {
        (predicate["policy"]["name"], predicate["run"]["name"])
        for predicate in (
            entry.statement["predicate"] for entry in Ledger.open(demo_home).entries()
        )
        if predicate.get("policy")
    }
    page = look(f"{ui.url}/", javascript=javascript)
    cards = page.locator("article.ov-card")
    assert cards.count() == len(pipelines)
    lights = [
        next(light for light in ORDER if f"vl-edge-{light}" in card.get_attribute("class"))
        for card in cards.all()
    ]
    assert lights == sorted(lights, key=ORDER.index)
    first = cards.first
    assert first.locator("svg").count() > 5
    first.get_by_role("link", name="All its runs").click()
    page.wait_for_url("**/runs?**")
    assert page.locator("main tbody tr").count() > 5


def test_a_light_is_told_by_word_and_shape_not_by_colour_alone(look, ui) -> None:
    page = look(f"{ui.url}/", forced_colors="active")
    for card in page.locator("article.ov-card").all():
        assert card.locator("header").inner_text().strip().splitlines()[-1] in WORDS
    shapes = page.locator("article.ov-card header svg").all()
    drawn = {shape.locator("path").first.get_attribute("d") for shape in shapes}
    assert len(drawn) == len({card.inner_text() for card in page.locator("header .vl-pill").all()})


WORDS = ("Red", "Amber", "Grey", "Green")


def test_health_names_all_six_and_believes_nothing(look, serve, demo_home, tmp_path) -> None:
    home = tmp_path / ".venturalitica"
    shutil.copytree(demo_home, home)
    page = look(f"{serve(home).url}/")
    told = page.locator(".ov-health > li").all_inner_texts()
    for subject in ("Policy", "Evidence chain", "Outbox", "MLflow", "Weights & Biases", "CI"):
        assert any(subject in row for row in told), subject
    chain = page.locator(".ov-health > li", has_text="Evidence chain")
    assert "Not verified" in chain.inner_text()
    assert chain.locator(".vl-is-green").count() == 0


def test_an_empty_ledger_says_what_to_type(look, serve, axe, tmp_path) -> None:
    home = tmp_path / ".venturalitica"
    home.mkdir()
    page = look(f"{serve(home).url}/")
    assert "venturalitica demo" in page.locator("main").inner_text()
    assert axe(page) == []


def test_it_refreshes_itself_when_a_run_is_recorded(look, serve, demo_home, tmp_path) -> None:
    statement = sys.modules["browser_logs"].an_audit(demo_home)
    ledger = Ledger.open(tmp_path / ".venturalitica", signer=load_signer(None, tmp_path / "keys"))
    ledger.append(statement)
    page = look(f"{serve(ledger.home).url}/")
    page.clock.install()
    page.reload()
    assert page.locator("article.ov-card").count() == 1
    statement["predicate"]["run"]["name"] = "a-new-pipeline"
    ledger.append(statement)
    page.clock.fast_forward(20_000)
    page.get_by_text("a-new-pipeline").first.wait_for()
    assert page.locator("article.ov-card").count() == 2


def _log(folder, demo_home, *runs) -> Ledger:
    """A log with an audit for each of these: the name of its run, its tracker run."""
    logs = sys.modules["browser_logs"]
    ledger = Ledger.open(folder / ".venturalitica", signer=load_signer(None, folder / "keys"))
    for number, (name, changes) in enumerate(runs):
        statement = logs.an_audit(demo_home)
        statement["predicate"]["run"] |= {"name": name, "id": f"{number:032x}"}
        statement["predicate"]["trackers"] = [logs.tracker_run(**changes)]
        ledger.append(statement)
    return ledger


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_experiments_are_apart_and_open_without_scripts(
    look, serve, axe, demo_home, tmp_path, width, scheme
) -> None:
    changes = [{"experiment_id": f"{n}", "experiment_name": f"try {n}"} for n in range(2)]
    ledger = _log(tmp_path, demo_home, *(("nightly", change) for change in changes))
    page = look(f"{serve(ledger.home).url}/", width=width, scheme=scheme, javascript=False)
    card = page.locator("article.ov-card")
    assert card.count() == 1
    assert card.locator("details[open]").count() == 1
    card.locator("summary", has_text="try 0").click()
    assert card.locator("details[open]").count() == 2
    assert sys.modules["browser_looking"].too_wide(page) == []
    card.locator(".vl-trend a").first.dispatch_event("click")
    page.wait_for_url("**/runs/1")
    page = look(page.url.replace("/runs/1", "/"), width=width, scheme=scheme)
    assert axe(page) == []


@pytest.mark.parametrize("javascript", [True, False], ids=["scripts", "no-scripts"])
def test_many_pipelines_are_a_table_that_filters(
    look, serve, axe, demo_home, tmp_path, javascript
) -> None:
    other = {"tracker": "wandb", "run_id": "abc", "uri": ""}
    runs = [(f"team-{n}", {} if n else other) for n in range(13)]
    page = look(f"{serve(_log(tmp_path, demo_home, *runs).home).url}/", javascript=javascript)
    assert page.locator(".ov-table tbody tr").count() == 13
    if javascript:
        assert axe(page) == []
        page.get_by_label("Tracker").select_option("wandb")
        page.wait_for_url("**/?**tracker=wandb**")
    else:
        page.get_by_label("Tracker").select_option("wandb")
        page.get_by_role("button", name="Show").click()
    assert page.locator("article.ov-card").count() == 1
    page.get_by_role("link", name="Show all").click()
    page.get_by_role("link", name="13 red").click()
    page.wait_for_url("**/?light=red")
    assert page.locator(".ov-table tbody tr").count() == 13
