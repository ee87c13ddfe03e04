"""How long a record is kept is in the record."""

from __future__ import annotations

from datetime import date

import pytest

import venturalitica as vl
from venturalitica.errors import PolicyError, SettingsError
from venturalitica.ledger import Ledger


def recorded(tmp_path) -> list[dict]:
    entries = Ledger.open(tmp_path / "evidence").entries()
    return [entry.statement["predicate"] for entry in entries]


@pytest.mark.parametrize(
    ("setting", "name", "months"),
    [
        ("six-months", "six-months", 6),
        ("18m", "18m", 18),
        ("5y", "5y", 60),
        ("6m", "six-months", 6),
    ],
)
def test_audits_and_runs_carry_their_class_and_day(
    table, policy, tmp_path, monkeypatch, setting, name, months
) -> None:
    monkeypatch.setenv("VENTURALITICA_RETENTION", setting)
    with vl.monitor("training"):
        vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    _, audit, run = recorded(tmp_path)
    for predicate in (audit, run):
        ended = date.fromisoformat(predicate["run"]["ended_at"][:10])
        until = date.fromisoformat(predicate["retention"]["until"])
        assert predicate["retention"]["class"] == name
        assert predicate["retention"]["counts_from"] == "record"
        assert (until.year - ended.year) * 12 + until.month - ended.month == months
        assert until.day in (ended.day, 28, 29, 30)


@pytest.mark.parametrize("setting", ["", "ten-years", "10y", "120m"])
def test_ten_years_end_on_a_day_that_is_not_known_yet(
    table, policy, tmp_path, monkeypatch, setting
) -> None:
    monkeypatch.setenv("VENTURALITICA_RETENTION", setting)
    vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    (audit,) = recorded(tmp_path)
    assert audit["retention"] == {"class": "ten-years", "until": None, "counts_from": "placed"}


def test_the_policy_wins_over_the_setting(table, policy, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("VENTURALITICA_RETENTION", "six-months")
    text = policy.read_text()
    policy.write_text(text.replace("controls:", "retention: 7y\ncontrols:", 1))
    with vl.monitor("training", policy=policy):
        vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    assert {predicate["retention"]["class"] for predicate in recorded(tmp_path)} == {"7y"}


@pytest.mark.parametrize("setting", ["5m", "1m"])
def test_six_months_is_a_floor(table, policy, tmp_path, monkeypatch, setting) -> None:
    monkeypatch.setenv("VENTURALITICA_RETENTION", setting)
    with pytest.raises(
        SettingsError, match=r"six months is a floor .*Articles 19\(1\) and 26\(6\)"
    ):
        vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    monkeypatch.setenv("VENTURALITICA_RETENTION", "")
    policy.write_text(
        policy.read_text().replace("controls:", f"retention: {setting}\ncontrols:", 1)
    )
    with pytest.raises(PolicyError, match=r"model_policy.yaml:\d+: 'retention' is .*is a floor"):
        vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    assert not (tmp_path / "evidence").exists()


def test_a_class_that_is_none_is_said_before_anything_runs(table, policy, tmp_path, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_RETENTION", "ten-year")
    with pytest.raises(SettingsError, match=r"expected six-months, ten-years.*did you mean 'ten-"):
        vl.enforce(table, policy=policy, target="label", prediction="said", gender="sex")
    assert not (tmp_path / "evidence").exists()
