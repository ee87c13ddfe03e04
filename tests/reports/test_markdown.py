from __future__ import annotations

from msgspec.structs import replace

from venturalitica.reports.html.page import render_report
from venturalitica.reports.markdown import MOST_ROWS, render_markdown


def test_light_sentence_and_table_worst_first(statement) -> None:
    text = render_markdown(statement)
    lines = text.splitlines()
    assert lines[0] == "**🔴 Red: credit\\-scoring 1.0**"
    assert lines[2].startswith("No. Of 6 controls: 2 failed")
    assert lines[4] == "| Control | Result | Value | 95 % interval | Must be | n | Article |"
    assert lines[6] == (
        "| bad\\-credits\\-found | 🔴 Failed | 0.433 | 0.333 – 0.533 | ≥ 0.50 | 300 | 9\\(8\\) |"
    )
    assert lines[-1] == f"Policy SHA-256 `{statement['predicate']['policy']['sha256']}`"
    assert text.endswith("`\n")


def test_what_intervals_presuppose_is_said_once(statement, make_statement) -> None:
    promise = (
        "An interval holds the truth with 95 %, and lies wholly above or wholly below it with at "
        "most 2.5 % each: for one look, for independent rows, with rules and model chosen without "
        "these data."
    )
    assert render_markdown(statement).count(promise) == 1
    assert render_report(statement).count(promise) == 1
    nothing = make_statement()
    assert promise not in render_markdown(nothing) + render_report(nothing)


def test_training_rows_are_said(statement) -> None:
    statement["predicate"]["data"][0]["training_rows"] = True
    assert "The rows judged include training rows." in render_markdown(statement)


def test_a_run_tells_of_its_audits(make_run) -> None:
    text = render_markdown(make_run())
    assert "Not yet certain. Of 2 audits inside: 1 amber and 1 green." in text
    assert "|" not in text


def test_a_run_without_policy_has_its_own_name(make_run) -> None:
    assert render_markdown(make_run(policy=None)).startswith("**🟡 Amber: training**")


def test_nothing_judged_is_grey(make_statement) -> None:
    assert "⚪ Grey" in render_markdown(make_statement(light="green"))


def test_many_controls_are_counted_not_listed(make_statement, verdicts) -> None:
    many = [replace(verdicts[0], control=f"c{at}") for at in range(MOST_ROWS + 7)]
    text = render_markdown(make_statement(*many))
    assert text.count("\n| c") == MOST_ROWS
    assert "7 more controls are in the report." in text


def test_the_law_of_the_articles_is_named_once(statement, make_statement, verdicts) -> None:
    law = "Regulation (EU) 2024/1689 (AI Act)"
    assert render_markdown(statement).count(law) == 1
    assert render_report(statement).count(law) == 1
    bare = make_statement(*(replace(verdict, article=None) for verdict in verdicts))
    assert law not in render_markdown(bare)
    assert law not in render_report(bare)
