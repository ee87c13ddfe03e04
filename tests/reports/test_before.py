"""What an audit says came before it is in its report, HTML and Markdown, and no more than that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.reports.test_hostile import inspect
from venturalitica.core.prior import Attempts, Committed, Prior
from venturalitica.reports.html.page import render_report
from venturalitica.reports.markdown import render_markdown

COMMITTED = Committed(
    entry=2,
    evidence_sha256=64 * "a",
    committed_at="2026-11-01T10:00:00.000000Z",
    timestamped_at="2026-11-01T10:00:02.000000Z",
    data=True,
    rows=False,
)
COUNTED = Attempts(audits=6, policies=2, models=4, before_policy=3, not_compared=1)


def said_in(statement: dict[str, Any], prior: object) -> dict[str, Any]:
    return statement | {"predicate": statement["predicate"] | {"prior": prior}}


def test_all_of_it_is_told(statement: dict[str, Any]) -> None:
    told = said_in(statement, Prior(commitment=COMMITTED, attempts=COUNTED).to_json())
    page = inspect(render_report(told))
    for words in (
        "What came before",
        "This policy text was committed to in entry 2, on 2026-11-01 10:00 UTC (time stamp of "
        "2026-11-01 10:00 UTC). It named these data. It planned another number of rows. That dates "
        "the policy; it does not show that nobody had looked.",
        "This log holds 6 earlier audits of these data (2 policy texts, 4 models); looks elsewhere "
        "are not counted.",
        "The data of 1 earlier audit cannot be compared with these.",
    ):
        assert words in page, words
    # As a warning at the top, and where all of it stands.
    assert page.count("Policy changed after 3 audits of these data") == 2
    section = render_markdown(told)
    assert "This log holds 6 earlier audits of these data" in section
    assert "Policy changed after 3 audits of these data" in section


def test_none_of_it_is_told_too(statement: dict[str, Any]) -> None:
    page = inspect(render_report(said_in(statement, Prior(attempts=Attempts()).to_json())))
    assert "No commitment to this policy text is in the log from before this audit." in page
    assert "This log holds no earlier audits of these data; looks elsewhere" in page
    assert "Policy changed" not in page
    uncounted = inspect(render_report(said_in(statement, Prior().to_json())))
    assert "were not counted: no digest of them was taken" in uncounted


@pytest.mark.parametrize("prior", [None, "x", 3])
def test_a_record_that_says_nothing_of_it(statement: dict[str, Any], prior: object) -> None:
    assert "What came before" not in render_report(said_in(statement, prior))
    assert "This log holds" not in render_markdown(said_in(statement, prior))


def test_what_is_hostile_in_it_is_only_read(statement: dict[str, Any]) -> None:
    named = Prior(commitment=COMMITTED, attempts=COUNTED).to_json()
    named["commitment"]["committed_at"] = "<script>alert(1)</script>"
    inspect(render_report(said_in(statement, named)))
    assert "<script>" not in render_markdown(said_in(statement, named))
