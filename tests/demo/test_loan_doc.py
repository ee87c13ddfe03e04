"""The page about the scenario says what the scenario gives."""

from __future__ import annotations

import re
from pathlib import Path

from venturalitica.core.text import format_interval, format_number
from venturalitica.reports.sentences import must_signs, status_words

PAGE = Path(__file__).parents[2] / "docs/loan-scenario.md"


def test_the_table_of_findings_is_the_audit(loan) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    cells = {name: row.replace("**", "").split(" | ") for name, row in rows}
    found = {name: row for name, row in cells.items() if len(row) == 5}
    audited = {verdict.control: verdict for verdict in loan}
    assert found.keys() == audited.keys()
    for name, verdict in audited.items():
        metric, _, _, must, result = found[name]
        across = f" across {verdict.across[0]}" if verdict.across else ""
        assert metric == verdict.metric + across
        assert must == must_signs(verdict)
        assert result == status_words(verdict).lower()


def test_the_numbers_are_those_of_the_version_named(loan) -> None:
    import sklearn

    page = PAGE.read_text()
    version = re.search(r"With scikit-learn ([\d.]+):", page)
    assert version is not None
    if not sklearn.__version__.startswith(version[1]):
        return  # another forest grows in another version; its outcome is checked above
    for verdict in loan:
        value = format_number(verdict.value, beside=verdict.threshold)
        interval = format_interval(verdict.interval, beside=verdict.threshold)
        assert f"| {value} | {interval} |" in page


def test_every_attribute_of_the_scenario_is_described() -> None:
    from dataclasses import fields

    from venturalitica.demo import Scenario

    page = PAGE.read_text()
    described = {"X_train", "X_test", "y_train", "y_test", "name", "engine"}
    for field in fields(Scenario):
        assert field.name in described or f"`{field.name}`" in page
