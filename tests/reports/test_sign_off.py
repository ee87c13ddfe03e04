"""Sign-offs on the page and in Markdown: shown where given, and only read."""

from __future__ import annotations

from typing import Any

from venturalitica.reports.html.page import render_report
from venturalitica.reports.markdown import render_markdown

ADA: dict[str, Any] = {
    "entry": 7,
    "decision": "approved",
    "role": "Head of credit risk",
    "person": "Ada Lovelace",
    "comment": "Ship it",
    "commented": True,
    "decided_at": "2026-11-26T09:30:00.000000Z",
    "light": "amber",
    "keyid": "ab" * 32,
}


def test_without_any_nothing_is_said(statement: dict[str, Any]) -> None:
    assert "Sign-off" not in render_report(statement)
    assert "Ada" not in render_markdown(statement)


def test_who_decided_what_in_which_role_and_when(statement: dict[str, Any]) -> None:
    page = render_report(statement, approvals=[ADA])
    for text in ("Sign-off", "Approved", "Ada Lovelace", "Head of credit risk", "2026-11-26 09:30"):
        assert text in page, text
    assert "ab" * 32 in page
    section = render_markdown(statement, approvals=[ADA])
    assert "Approved by Ada Lovelace, Head of credit risk" in section
    assert "Ship it" in section


def test_an_erased_name_is_said_not_to_be_shown(statement: dict[str, Any]) -> None:
    erased = ADA | {"person": None, "comment": None, "decision": "rejected"}
    page = render_report(statement, approvals=[erased])
    assert page.count("not shown here") == 3
    assert "Rejected" in page
    assert "Rejected by not shown here" in render_markdown(statement, approvals=[erased])


def test_a_known_erasure_is_said_with_its_day(statement: dict[str, Any]) -> None:
    erased = ADA | {"person": None, "comment": None, "erased_on": "2026-12-01"}
    page = render_report(statement, approvals=[erased])
    assert page.count("(erased on 2026-12-01)") == 3
    assert "not shown here" not in page


def test_what_does_not_verify_is_no_decision(statement: dict[str, Any]) -> None:
    forged = ADA | {"verified": False}
    page = render_report(statement, approvals=[forged])
    assert "Approved" not in page
    assert "Not verified" in page
    rejected = render_report(statement, approvals=[forged | {"decision": "rejected"}])
    assert "The last sign-off rejected" not in rejected


def test_a_rejection_is_told_at_the_top(statement: dict[str, Any]) -> None:
    rejection = ADA | {"decision": "rejected", "role": "Auditor"}
    page = render_report(statement, approvals=[ADA, rejection])
    said = "The last sign-off rejected this record (Auditor, 2026-11-26)."
    assert page.index(said) < page.index("Controls at a glance")
    assert said not in render_report(statement, approvals=[rejection, ADA])


def test_what_is_no_decision_is_no_approval(statement: dict[str, Any]) -> None:
    for odd in ("yes", None, 1, {"a": 1}):
        page = render_report(statement, approvals=[ADA | {"decision": odd}])
        assert "Approved" not in page
        assert "Not readable" in page


def test_hostile_text_is_only_read(statement: dict[str, Any]) -> None:
    hostile = ADA | {"person": "<script>x</script>", "comment": "[a](https://b) @c", "role": "|"}
    assert "<script>" not in render_report(statement, approvals=[hostile])
    section = render_markdown(statement, approvals=[hostile])
    assert "<script>" not in section
    assert "](https" not in section
    assert "@c" not in section
