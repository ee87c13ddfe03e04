"""What is known of a record besides what it says: shown, and never to the light's advantage."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reports.test_hostile import NAUGHTY, inspect
from venturalitica.core.text import visible
from venturalitica.core.verdict import Verdict
from venturalitica.core.verification import Step, Verification
from venturalitica.reports.context import ReportContext, Standing, read_statement
from venturalitica.reports.html.page import draw_page, render_report
from venturalitica.reports.markdown import draw_section, render_markdown

HELD = Step("signatures", True, "1 record as signed")
FAILED = Step("tree", False, "it is not proven")
UNMADE = Step("witnesses", None, "not checked: none was given")


def standing(*steps: Step, **changes: Any) -> Standing:
    facts: dict[str, Any] = {
        "entry": 3,
        "size": 1234,
        "verification": Verification("bundle", steps),
        "retention": "ten-years",
        "kept_until": "2036-11-23",
        "waiting": (),
        "drawn_at": "2026-11-26T10:00:00.000000Z",
    }
    return Standing(**facts | changes)


def green(statement: Any, verdicts: tuple[Verdict, ...], found: Standing) -> ReportContext:
    passed = [one for one in verdicts if one.light == "green"]
    return read_statement(statement(*passed), standing=found)


def test_the_tracker_page_knows_nothing_of_it(statement: dict[str, Any]) -> None:
    for word in ("Nobody has signed", "The record", "To be kept until", "Checked when"):
        assert word not in render_report(statement)
    assert "Entry" not in render_markdown(statement)


def test_place_retention_and_steps_are_told(statement: dict[str, Any]) -> None:
    found = standing(HELD, UNMADE, waiting=("mlflow run 1", "wandb run 2"))
    text = inspect(draw_page(read_statement(statement, standing=found)))
    for words in (
        "entry 3 of a log with 1,234",
        "2036-11-23 (ten-years)",
        "mlflow run 1, wandb run 2",
        "Steps: 1 held, 0 failed, 1 not checked",
        "witnesses: not checkednone was given",
        "drawn, 2026-11-26 10:00:00 UTC",
    ):
        assert words in text, words


def test_held_leaves_the_light_as_it_is(make_statement, verdicts) -> None:
    assert green(make_statement, verdicts, standing(HELD, UNMADE)).light == "green"


@pytest.mark.parametrize("steps", [(HELD, FAILED), (UNMADE,), ()], ids=["failed", "unmade", "none"])
def test_a_record_that_does_not_verify_is_red(make_statement, verdicts, steps) -> None:
    found = standing(*steps)
    assert found.fault is not None
    context = green(make_statement, verdicts, found)
    assert context.light == "red"
    page = draw_page(context)
    assert "This record does not verify" in page
    assert found.fault.detail in page
    assert "Yes, by this policy" not in page
    assert "No." in page
    section = draw_section(context)
    assert section.startswith("**🔴 Red")
    assert "does not verify" in section
    assert "safe in the local log" not in page + section


def test_grey_does_not_verify_either(make_statement) -> None:
    context = read_statement(make_statement(), standing=standing(FAILED))
    assert context.light == "red"
    assert read_statement(make_statement(), standing=standing(HELD)).light == "grey"


def test_a_failed_step_is_not_folded_away(statement: dict[str, Any]) -> None:
    page = draw_page(read_statement(statement, standing=standing(HELD, FAILED)))
    place = page.index("Steps: 1 held, 1 failed")
    assert page.rindex("<p>", 0, place) == place - len("<p>")
    assert "tree: FAILED" in page


def test_retention_that_cannot_be_read_is_said_to_be_so(statement: dict[str, Any]) -> None:
    found = standing(HELD, kept_until="", retention="")
    assert "not readable" in draw_page(read_statement(statement, standing=found))


@pytest.mark.parametrize("naughty", NAUGHTY, ids=range(len(NAUGHTY)))
def test_hostile_text_is_only_read(statement: dict[str, Any], naughty: str) -> None:
    steps = (Step(naughty, False, naughty), Step(naughty, None, naughty))
    found = standing(
        *steps, retention=naughty, kept_until=naughty, waiting=(naughty,), drawn_at=naughty
    )
    signed: dict[str, Any] = dict.fromkeys(
        ("role", "person", "comment", "decided_at", "keyid"), naughty
    )
    signed |= {"decision": "rejected", "commented": True, "erased_on": naughty, "entry": naughty}
    context = read_statement(statement, standing=found, approvals=[signed], delivered=False)
    assert inspect(draw_page(context)).count(visible(naughty)) >= 8
    section = draw_section(context)
    assert "<" not in section
    for active in ("](", "![", "://", "@team", "\n#", "\x1b"):
        assert active not in section
