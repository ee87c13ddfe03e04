"""A value is the same text wherever it is read: sentence, table, report, markdown, page."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from venturalitica.core.text import format_interval, format_number
from venturalitica.core.verdict import Interval, Verdict

SOURCE = Path(vl.__file__).parent
POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.80"}
  - {id: least, metric: accuracy, across: gender, compare: min, must: ">= 0.80"}
"""


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> vl.Audit:
    """2,499 of 3,125 rows are right: 0.79968, which three decimals would call 0.800."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    rows = 3125
    right = [1] * 2499 + [0] * (rows - 2499)
    data: dict[str, list[Any]] = {"y": [1] * rows, "p": right, "g": ["f"] * rows}
    data = {name: [*values, *values] for name, values in data.items()}
    data["g"][rows:] = ["m"] * rows
    import pandas as pd

    return vl.enforce(pd.DataFrame(data), target="y", prediction="p", gender="g")


def test_the_sentence_the_table_and_the_reports_say_the_same(audit: vl.Audit) -> None:
    from venturalitica.reports.html.page import render_report
    from venturalitica.reports.markdown import render_markdown

    page = render_report(audit.statement, evidence_sha256="0" * 64)
    text = render_markdown(audit.statement)
    for verdict in audit:
        value = format_number(verdict.value, beside=verdict.threshold)
        assert value == "0.7997"
        assert verdict.reason.startswith(f"{value}, must be >= 0.80")
        assert f"<b>{value}</b>" in page or f">{value}<" in page
        assert value in text
        assert "0.800" not in verdict.reason
    assert "lowest f 0.7997 (n=3,125)" in audit[1].reason
    assert ">0.7997</td>" in page


def test_the_ends_of_an_interval_are_not_one() -> None:
    assert format_interval(Interval(0.7311, 0.7314)) == "0.731 – 0.7314"
    assert format_interval(Interval(0.5, 0.5)) == "0.500 – 0.500"
    assert format_interval(Interval(0.31, 0.79996), beside=0.8, dash=" to ") == "0.310 to 0.79996"


def test_no_other_formatter_rounds_a_value_to_decimals() -> None:
    """`:.2f` and the like in the rooms that write sentences and pages are `figures`' alone."""
    found = [
        f"{path.relative_to(SOURCE)}:{node.lineno}"
        for room in ("judge", "reports", "cli", "ui", "trackers")
        for path in (SOURCE / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value in (".2f", ".3f", ".4f", ".3g", ".4g", ",.2f", ",.3f")
    ]
    assert found == []


def test_a_verdict_without_a_value_has_none() -> None:
    assert format_number(Verdict(control="c", status="error", reason="r").value) == "–"
