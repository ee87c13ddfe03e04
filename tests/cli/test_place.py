"""`place`: the day on which a model was placed on the market, signed, listed and verified."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from venturalitica.audit.project import open_ledger
from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.circumstances import Circumstances
from venturalitica.ledger import Ledger

DAY = "2024-02-29"
DIGEST = "3f2a" + 60 * "0"


@pytest.fixture
def log(project: Path) -> Ledger:
    """One audit of each of two models of one class, kept for ten years."""
    ledger = open_ledger()
    now = datetime.now(UTC)
    for number, digest in enumerate((DIGEST, 64 * "a")):
        facts = Facts(
            kind="audit", run_id=f"{number:032x}", name="training", source="fit", started=now,
            ended=now, model={"class": "Forest", "parameters": {}, "sha256": digest},
            circumstances=Circumstances(),
        )  # fmt: skip
        ledger.append(build_statement(facts).statement)
    return ledger


def test_it_is_signed_and_told_everywhere(call, log: Ledger) -> None:
    assert "after the placing on the market, a day that is not recorded" in report(call)
    result = call("place", "3f2a", "--on", DAY, "--yes")
    assert result.exit_code == 0, result.stderr
    assert f"Forest (sha256 3f2a00000000) was placed on the market on {DAY}." in result.stdout
    assert "Entry 2 says so; its ten-year records are kept until 2034-02-28." in result.stdout
    assert log.entry(2).record.models == (("Forest", DIGEST),)
    (listed,) = json.loads(call("runs", "list", "--kind", "placement", "--json").stdout)
    assert (listed["index"], listed["kind"]) == (2, "placement")
    assert len(json.loads(call("runs", "list", "--json").stdout)) == 2
    shown = call("runs", "show", "2").stdout
    assert DAY in shown
    assert "3f2a" in shown
    assert call("verify").exit_code == 0
    assert "2034-02-28" in report(call)


def report(call) -> str:
    result = call("report", "run", "0", "--out", "report.html", "--force")
    assert result.exit_code == 0, result.stderr
    return Path("report.html").read_text()


def test_as_json(call, log: Ledger) -> None:
    told = json.loads(call("place", "0", "--on", DAY, "--yes", "--json").stdout)
    assert told == {
        "model": "Forest",
        "model_sha256": DIGEST,
        "placed_on": DAY,
        "ten_years_end": "2034-02-28",
        "record": 2,
        "evidence_sha256": log.entry(2).evidence_sha256,
    }


def test_what_is_wrong_records_nothing(call, log: Ledger) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    cases = {
        ("Forest", DAY): "'Forest' means 2 models: 3f2a00000000 (Forest, entries 0)",
        ("zebra", DAY): "no judged model in",
        ("3f2a", "29.2.2024"): "--on: '29.2.2024' is not a date such as",
        ("3f2a", str(tomorrow)): "what is only planned is not recorded",
    }
    for (model, day), message in cases.items():
        result = call("place", model, "--on", day, "--yes")
        assert result.exit_code == 2
        assert message in result.stderr
    asked = call("place", "3f2a", "--on", DAY)
    assert asked.exit_code == 2
    assert "Record that Forest (sha256 3f2a00000000) was placed on the market" in asked.stderr
    assert log.size == 2
