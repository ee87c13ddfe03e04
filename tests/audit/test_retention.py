"""How long a record is kept is in the record."""

from __future__ import annotations

from datetime import date

import pytest

import venturalitica as vl
from venturalitica.errors import SettingsError
from venturalitica.ledger import Ledger


def recorded(tmp_path) -> list[dict]:
    entries = Ledger.open(tmp_path / "evidence").entries()
    return [entry.statement["predicate"] for entry in entries]


@pytest.mark.parametrize(
    ("setting", "name", "years", "months"),
    [
        ("", "ten-years", 10, 0),
        ("six-months", "six-months", 0, 6),
        ("ten-years", "ten-years", 10, 0),
    ],
)
def test_audits_and_runs_carry_their_class_and_day(
    table, policy, tmp_path, monkeypatch, setting, name, years, months
) -> None:
    monkeypatch.setenv("VENTURALITICA_RETENTION", setting)
    with vl.monitor("training"):
        vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    audit, run = recorded(tmp_path)
    for predicate in (audit, run):
        ended = date.fromisoformat(predicate["run"]["ended_at"][:10])
        until = date.fromisoformat(predicate["retention"]["until"])
        assert predicate["retention"]["class"] == name
        assert (until.year - ended.year) * 12 + until.month - ended.month == years * 12 + months
        assert until.day in (ended.day, 28, 29, 30)


def test_a_class_that_is_none_is_said_before_anything_runs(table, policy, tmp_path, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_RETENTION", "ten-year")
    with pytest.raises(SettingsError, match="expected six-months or ten-years; did you mean 'ten-"):
        vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    assert not (tmp_path / "evidence").exists()
