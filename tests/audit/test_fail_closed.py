"""Refused or marked, never passed: every way that something can be missing, through the door."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl

LABELS: dict[str, Any] = {"target": "label", "prediction": "said"}
ROLES: dict[str, Any] = {**LABELS, "gender": "sex"}


def policy_of(control: str, roles: str = "{target: {favorable: 1}}") -> str:
    return f'policy: p\nversion: "1"\nroles: {roles}\ncontrols:\n  - {{{control}}}\n'


ACCURACY = 'id: a, metric: accuracy, must: ">= 0.5"'
PARITY = 'id: a, metric: demographic_parity_ratio, across: gender, must: ">= 0.1"'
SELECTION = 'id: a, metric: selection_rate, must: ">= 0.0001"'


def judged(audit):
    """What a reader is told; a fault must never read as passed or green."""
    assert not audit.passed
    assert audit.light != "green"
    (verdict,) = audit
    assert verdict.status in {"not_evaluated", "error", "failed"}
    assert verdict.reason
    return verdict


REFUSED = {
    "misspelt metric": ('id: a, metric: acuracy, must: ">= 0.5"', "did you mean 'accuracy'"),
    "operator": ('id: a, metric: accuracy, must: "=> 0.5"', ">="),
    "no operator": ("id: a, metric: accuracy, must: 0.5", "must"),
    "nan": ('id: a, metric: accuracy, must: ">= nan"', "nan"),
    "yaml nan": ("id: a, metric: accuracy, must: .nan", "must"),
    "inf": ('id: a, metric: accuracy, must: ">= inf"', "inf"),
    "percent": ('id: a, metric: accuracy, must: ">= 10%"', "10%"),
    "out of range": ('id: a, metric: accuracy, must: ">= 70"', "0.7"),
    "misspelt on_fail": (f"{ACCURACY}, on_fail: blok", "did you mean 'block'"),
    "misspelt key": (f"{ACCURACY}, on_fial: block", "on_fail"),
    "no comparison": ('id: a, metric: accuracy, across: gender, must: ">= 0.5"', "compare"),
    "no groups": ('id: a, metric: demographic_parity_ratio, must: ">= 0.8"', "across"),
    "no threshold": ("id: a, metric: accuracy", "must"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_policy_is_refused_with_file_and_line(name, write_policy, table):
    control, word = REFUSED[name]
    path = write_policy(policy_of(control))
    with pytest.raises(vl.PolicyError) as caught:
        vl.enforce(table, policy=path, **ROLES)
    assert word in str(caught.value)
    assert "model_policy.yaml:5: " in str(caught.value)
    assert caught.value.problems[0].line == 5


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "policy: p\nversion: '1'\ncontrols: []\n",
        "policy: p\nversion: '1'\n",
        "- a\n- b\n",
        f"policy: p\npolicy: q\nversion: '1'\ncontrols: [{{{ACCURACY}}}]\n",
        f"policy: p\nversion: '1'\ncontrols: [{{{ACCURACY}}}, {{{ACCURACY}}}]\n",
        "policy: !!python/object/apply:os.system ['true']\n",
        BOMB + f"policy: p\nversion: '1'\ncontrols: [{{{ACCURACY}}}]\n",
        "[" * 5000,
        f"policy: p\nversion: 1.10\ncontrols: [{{{ACCURACY}}}]\n",
        "\x00",
    ],
    ids=[
        "empty", "comments", "no controls", "controls absent", "a list", "duplicate key",
        "duplicate id", "python tag", "alias bomb", "nesting", "float version", "nul",
    ],
)  # fmt: skip
def test_a_policy_that_holds_no_rules_is_refused(text, write_policy, table):
    with pytest.raises(vl.PolicyError, match=r"model_policy\.yaml"):
        vl.enforce(table, policy=write_policy(text), **ROLES)


def test_all_problems_are_told_at_once(write_policy):
    text = (
        'policy: p\nversion: "1"\ncontrols:\n'
        '  - {id: a, metric: acuracy, must: ">= 0.5"}\n'
        '  - {id: b, metric: accuracy, must: ">= ten"}\n'
        '  - {id: c, metric: accuracy, must: ">= 0.5", on_fail: blok}\n'
    )
    with pytest.raises(vl.PolicyError) as caught:
        vl.read_policy(write_policy(text))
    assert [problem.line for problem in caught.value.problems] == [4, 5, 6]


def test_no_rows(write_policy, table):
    verdict = judged(vl.enforce(table.head(0), policy=write_policy(policy_of(ACCURACY)), **LABELS))
    assert "no rows" in verdict.reason


def test_one_group_only(write_policy, table):
    table["sex"] = "f"
    verdict = judged(vl.enforce(table, policy=write_policy(policy_of(PARITY)), **ROLES))
    assert "f" in verdict.reason


@pytest.mark.parametrize("column", ["said", "label"])
@pytest.mark.parametrize("kind", [None, np.nan, pd.NA])
def test_null_labels_or_predictions(column, kind, write_policy, table):
    table[column] = table[column].astype(object)
    table.loc[3, column] = kind
    verdict = judged(vl.enforce(table, policy=write_policy(policy_of(ACCURACY)), **LABELS))
    assert verdict.status == "not_evaluated"
    assert "fewer than 5 of 400 rows cannot be used" in verdict.reason
    open_data = write_policy("disclosure: {min_cell: 0}\n" + policy_of(ACCURACY))
    assert (
        "1 of 400 rows cannot be used"
        in judged(vl.enforce(table, policy=open_data, **LABELS)).reason
    )


def test_null_predictions_may_be_dropped_and_the_verdict_says_so(write_policy, table):
    table["said"] = table["said"].astype("Int64")
    table.loc[:4, "said"] = pd.NA
    path = write_policy(policy_of(f"{ACCURACY}, nulls: drop"))
    (verdict,) = vl.enforce(table, policy=path, **LABELS)
    assert verdict.status == "passed"
    assert verdict.n == 395
    assert "5" in " ".join(verdict.notes)


def test_null_groups(write_policy, table):
    table.loc[0, "sex"] = None
    verdict = judged(vl.enforce(table, policy=write_policy(policy_of(PARITY)), **ROLES))
    assert verdict.status == "not_evaluated"


def test_a_value_the_map_does_not_know(write_policy, table):
    path = write_policy(policy_of(PARITY, "{target: {favorable: 1}, gender: {map: {f: female}}}"))
    verdict = judged(vl.enforce(table, policy=path, **ROLES))
    assert "m" in verdict.reason


@pytest.mark.parametrize("labels", [("good", "bad"), (1, 2), ("1", "0"), (-1, 1)])
def test_labels_that_are_not_0_and_1_need_a_favorable(labels, write_policy, table):
    for column in ("label", "said"):
        table[column] = np.where(table[column] == 1, labels[0], labels[1])
    path = write_policy(policy_of(SELECTION, "{}"))
    verdict = judged(vl.enforce(table, policy=path, **LABELS))
    assert verdict.status == "not_evaluated"
    assert "favorable" in verdict.reason
    right = write_policy(policy_of(SELECTION, f"{{target: {{favorable: {labels[0]!r}}}}}"))
    assert vl.enforce(table, policy=right, **LABELS).passed


@pytest.mark.parametrize("favorable", ["2", "'1'", "yes", "1.5"])
def test_an_absent_favorable(favorable, write_policy, table):
    path = write_policy(policy_of(SELECTION, f"{{target: {{favorable: {favorable}}}}}"))
    assert "0" in judged(vl.enforce(table, policy=path, **LABELS)).reason


def test_a_group_of_four_is_named_and_inconclusive(write_policy, table):
    table.loc[:3, "sex"] = "x"
    (verdict,) = vl.enforce(table, policy=write_policy(policy_of(PARITY)), **ROLES)
    assert not verdict.conclusive
    assert verdict.light != "green"
    assert "x" not in {group.name for group in verdict.groups}
    assert "'x'" in " ".join((verdict.reason, *verdict.notes))


def test_where_nobody_is_in_the_data_a_group_of_four_is_shown_and_inconclusive(write_policy, table):
    table.loc[:3, "sex"] = "x"
    open_data = write_policy("disclosure: {min_cell: 0}\n" + policy_of(PARITY))
    (verdict,) = vl.enforce(table, policy=open_data, **ROLES)
    assert not verdict.conclusive
    assert {group.name: (group.n, group.supported) for group in verdict.groups}["x"] == (4, False)


def test_a_group_without_positives_has_no_opportunity_to_compare(write_policy, table):
    table.loc[table.sex == "f", "label"] = 0
    control = 'id: a, metric: equal_opportunity_difference, across: gender, must: "<= 1"'
    verdict = judged(vl.enforce(table, policy=write_policy(policy_of(control)), **ROLES))
    assert "f" in verdict.reason
    assert verdict.value is None


def test_a_score_that_is_missing_or_no_probability(write_policy, table):
    control = 'id: a, metric: brier_score, must: "<= 1"'
    path = write_policy(policy_of(control))
    with pytest.raises(vl.BindingError, match="score"):
        vl.enforce(table, policy=path, **LABELS)
    table["chance"] = table["chance"] * 100
    verdict = judged(vl.enforce(table, policy=path, score="chance", **LABELS))
    assert verdict.status == "not_evaluated"


def test_arrays_of_other_lengths(write_policy, table):
    path = write_policy(policy_of(ACCURACY))
    with pytest.raises(vl.DataError):
        vl.enforce(table, policy=path, target="label", prediction=table["said"].to_numpy()[:-1])


def test_a_continuous_target_is_no_label(write_policy, table):
    path = write_policy(policy_of(ACCURACY))
    big = pl.DataFrame({"label": np.linspace(0, 1, 5000), "said": np.linspace(0, 1, 5000)[::-1]})
    with pytest.raises(vl.DataError, match="label"):
        vl.enforce(big, policy=path, target="label", prediction="said")


def fit(table, policy, **audit):
    model = vl.wrap(LogisticRegression(), policy=policy)
    return model, lambda: model.fit(table[["x", "chance"]], table["label"], **audit)


def not_fitted(model):
    return not hasattr(model, "coef_")


@pytest.mark.parametrize(
    ("audit", "kind"),
    [
        ({"gender": "sexx"}, vl.BindingError),
        ({"gendr": "sex"}, TypeError),
        ({"target": "lable"}, vl.BindingError),
    ],
)
def test_what_is_wrong_in_a_fit_raises_before_training(audit, kind, write_policy, table):
    model, train = fit(table, write_policy(policy_of(PARITY)), audit_data=table, **audit)
    with pytest.raises(kind):
        train()
    assert not_fitted(model)


def test_audit_rows_in_another_order(write_policy, table):
    shuffled = table.sample(frac=1, random_state=1)
    for other in (shuffled, shuffled.reset_index(drop=True)):
        model, train = fit(
            table, write_policy(policy_of(PARITY)), audit_data=other, target="label", gender="sex"
        )
        with pytest.raises(vl.DataError, match="order"):
            train()
        assert not_fitted(model)


def test_a_missing_policy_stops_before_training_and_names_init(table):
    with pytest.raises(vl.PolicyError, match="venturalitica init"):
        vl.wrap(LogisticRegression())
    with pytest.raises(vl.PolicyError, match="venturalitica init"):
        vl.wrap(LogisticRegression(), policy="absent.yaml")


def test_a_role_nobody_bound_is_not_evaluated_with_a_warning_and_stops_nothing(
    write_policy, table, caplog
):
    model, train = fit(table, write_policy(policy_of(PARITY)))
    with vl.monitor("training") as run:
        train()
    assert not not_fitted(model)
    verdict = judged(run.audits[0])
    assert verdict.status == "not_evaluated"
    assert sum("gender" in record.message for record in caplog.records) == 1


def test_a_role_nobody_bound_stops_where_it_blocks(write_policy, table):
    model, train = fit(table, write_policy(policy_of(f"{PARITY}, on_fail: block")))
    with pytest.raises(vl.ControlBlocked, match="gender"):
        train()
    assert not not_fitted(model)
    assert vl.verify().ok


@pytest.mark.parametrize("control", [ACCURACY, SELECTION, PARITY])
def test_scores_in_the_place_of_predicted_labels(control, write_policy, table):
    """Fractions that happen to hold a 0 and a 1 must not be counted as labels."""
    table["said"] = table["chance"].round(2)
    table.loc[:1, "said"] = [0.0, 1.0]
    roles = ROLES if control is PARITY else LABELS
    with pytest.raises(vl.DataError, match="'prediction' holds numbers with fractions"):
        vl.enforce(table, policy=write_policy(policy_of(control)), **roles)


def test_a_target_of_few_fractions_is_no_label_either(write_policy, table):
    """As for scikit-learn, however few they are; and rows' own values would be levels."""
    table["label"] = table["label"] + 0.5
    with pytest.raises(vl.DataError, match="'target' holds numbers with fractions"):
        vl.enforce(table, policy=write_policy(policy_of(ACCURACY)), **LABELS)


def test_after_a_fit_a_role_that_cannot_be_counted_costs_only_its_own_controls(write_policy, table):
    """The model is trained: what can be told of it is told, and the rest is red, not lost."""
    parity = PARITY.replace("id: a", "id: parity").replace("gender", "place")
    policy = write_policy(policy_of(ACCURACY) + f"  - {{{parity}}}\n")
    table = pd.concat([table] * 3, ignore_index=True)
    table["place"] = [f"person {row}" for row in range(len(table))]
    _, train = fit(table, policy, audit_data=table, place="place")
    with vl.monitor("training") as run:
        train()
    accuracy, by_place = run.audits[0]
    assert accuracy.status == "passed"
    assert by_place.status == "error"
    assert "more than 1,000 different values" in by_place.reason
    assert run.light == "red"


@pytest.mark.parametrize("on_fail", ["warn", "block"])
def test_without_evidence_the_run_goes_on_and_is_red(
    on_fail, write_policy, table, tmp_path, monkeypatch, caplog
):
    """A full disk is our trouble, not the training's; but nothing unrecorded is green."""
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "file" / "evidence"))
    policy = write_policy(policy_of(f"{ACCURACY}, on_fail: {on_fail}"))
    model, train = fit(table, policy)
    train()
    audit = vl.enforce(table, policy=policy, **LABELS)
    assert audit[0].status == "passed"
    assert audit.light == "red"
    assert not not_fitted(model)
    assert "could not be written" in caplog.text


def test_a_failed_block_stops_the_run_though_its_evidence_could_not_be_written(
    write_policy, table, tmp_path, monkeypatch
):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "file" / "evidence"))
    never = ACCURACY.replace(">= 0.5", "> 1")
    policy = write_policy(policy_of(f"{never}, on_fail: block"))
    with pytest.raises(vl.ControlBlocked):
        vl.enforce(table, policy=policy, **LABELS)


@pytest.mark.parametrize("role", ["prediction", "score"])
@pytest.mark.parametrize(
    "engine", [lambda t: t, pl.from_pandas, lambda t: {c: t[c].to_numpy() for c in t}]
)
def test_a_target_bound_twice_is_refused_whatever_form_it_comes_in(
    role, engine, write_policy, table
):
    """Every form of `prediction=table["label"]`: accuracy 1 of nothing at all must not be green."""
    metric = {"prediction": ACCURACY, "score": ACCURACY.replace("accuracy", "roc_auc")}[role]
    policy = write_policy(policy_of(metric))
    frame = engine(table)
    itself = {role: frame["label"]}
    for data, target in ((frame, "label"), (frame, frame["label"]), (None, frame["label"])):
        with pytest.raises(vl.BindingError, match="compared with themselves"):
            vl.enforce(data, policy=policy, target=target, **itself)


def test_predictions_that_are_all_right_are_no_target(write_policy, table):
    policy = write_policy(policy_of(ACCURACY))
    for perfect in (table["label"].to_numpy(copy=True), table["label"].rename("said")):
        assert vl.enforce(table, policy=policy, target="label", prediction=perfect)[0].value == 1.0
