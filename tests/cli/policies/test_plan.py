"""`venturalitica policy plan`: rows at the rates of a run, or of a file."""

from __future__ import annotations

import json

import pytest

POLICY = """\
policy: p
version: '1'
controls:
  - {id: right, metric: accuracy, must: '>= 0.70'}
  - {id: least, metric: accuracy, across: group, compare: min, must: '>= 0.30'}
"""
ROWS = "y,p,group\n" + "1,1,a\n1,1,b\n0,0,a\n0,1,b\n1,1,a\n" * 40


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    (tmp_path / "rows.csv").write_text(ROWS)
    return tmp_path


def test_from_a_run(project, call) -> None:
    roles = ("--target", "y", "--prediction", "p", "--role", "group=group")
    assert call("check", "rows.csv", *roles).exit_code in (0, 1, 3)
    found = call("policy", "plan", "--from", "last", "--json")
    assert found.exit_code == 0, found.output
    right, least = json.loads(found.stdout)
    assert (right["control"], right["value"], right["now"], right["met"]) == (
        "right",
        0.8,
        200,
        True,
    )
    assert right["rows"] > 50
    assert set(least["groups"]) == {"a", "b"}
    shown = call("policy", "plan", "--from", "last")
    assert f"{right['rows']:,}" in shown.stdout
    assert "conclusive 80 % of the time" in shown.stdout


def test_from_rates(project, call) -> None:
    rates = project / "rates.yaml"
    rates.write_text("right: 0.85\nleast:\n  a: {rate: 0.7, rows: 1}\n  b: {rate: 0.8, rows: 3}\n")
    found = call("policy", "plan", "--rates", "rates.yaml", "--json", "--power", "0.9")
    assert found.exit_code == 0, found.output
    right, least = json.loads(found.stdout)
    assert right["power"] >= 0.9
    assert right["now"] is None
    assert 3 * least["groups"]["a"] == pytest.approx(least["groups"]["b"], rel=0.05)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("wright: 0.8", "did you mean 'right'?"),
        ("right: 80", "expected a number from 0 to 1"),
        ("right: {rate: 0.8, rwos: 1}", "unknown key"),
        ("right: {a: 0.8}", "one group is nothing to compare"),
        ("- right", "expected a mapping of controls"),
        ("right: [", "rates.yaml:"),
        ("right: {rate: 0.8, rows: 0}", "expected a number from above 0"),
    ],
)
def test_rates_that_are_none(project, call, text, said) -> None:
    (project / "rates.yaml").write_text(text)
    found = call("policy", "plan", "--rates", "rates.yaml")
    assert found.exit_code == 2
    assert said in found.stderr


def test_what_is_asked_for_is_one_of_two(project, call) -> None:
    for options in ((), ("--from", "last", "--rates", "rates.yaml"), ("--rates", "gone.yaml")):
        assert call("policy", "plan", *options).exit_code == 2
    assert call("policy", "plan", "--rates", "rates.yaml", "--power", "1").exit_code == 2
