"""`venturalitica metrics`."""

from __future__ import annotations

import json

from venturalitica.metrics.catalog import CATALOG


def test_every_metric_is_listed(call):
    text = call("metrics").stdout
    for spec in CATALOG.values():
        assert f"\n{spec.name} " in text


def test_json_holds_every_fact(call):
    listed = json.loads(call("metrics", "--json").stdout)
    assert [metric["name"] for metric in listed] == list(CATALOG)
    one = json.loads(call("metrics", "accuracy", "--json").stdout)
    assert one == next(metric for metric in listed if metric["name"] == "accuracy")
    assert one["high"] == 1.0


def test_an_end_that_does_not_exist_is_null(call):
    assert json.loads(call("metrics", "log_loss", "--json").stdout)["high"] is None


def test_one_metric_in_full_names_source_formula_and_policy_lines(call):
    text = call("metrics", "demographic_parity_ratio").stdout
    spec = CATALOG["demographic_parity_ratio"]
    for fact in (spec.definition, spec.formula, spec.source, "across: gender"):
        assert fact in text


def test_every_metric_can_be_explained(call):
    for name in CATALOG:
        assert f"metric: {name}" in call("metrics", name).stdout


def test_family_limits_the_list(call):
    text = call("metrics", "--family", "fairness").stdout
    assert "demographic_parity_ratio" in text
    assert "roc_auc" not in text


def test_misspelt_names_are_answered_with_the_nearest(call):
    result = call("metrics", "acuracy")
    assert result.exit_code == 2
    assert "did you mean 'accuracy'?" in result.stderr
    result = call("metrics", "--family", "fairnes")
    assert result.exit_code == 2
    assert "did you mean 'fairness'?" in result.stderr
