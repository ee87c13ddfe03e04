"""`vl.enforce`: from rows, arrays, a model, or reported numbers to an audit that is on record."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

import venturalitica as vl
from venturalitica.audit.naming import script
from venturalitica.audit.project import open_ledger
from venturalitica.core.record import Statement
from venturalitica.errors import BindingError, EvidenceError
from venturalitica.ledger import Index
from venturalitica.ledger.index.pipelines import pipelines
from venturalitica.ledger.records.consistency import check_light
from venturalitica.ledger.rejudge.counts import Counts
from venturalitica.reports.html.page import render_report

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


def last_statement():
    ledger = open_ledger(create=False)
    return ledger.entry(ledger.size - 1).statement


def test_one_verdict_per_control_in_policy_order(policy, table):
    audit = vl.enforce(table, policy=policy, **ROLES)
    assert [verdict.control for verdict in audit] == ["accuracy", "parity"]
    assert audit["accuracy"].value == pytest.approx(accuracy_score(table.label, table.said))
    assert audit.passed
    assert audit.light == "green"
    assert audit[0] is audit["accuracy"]
    assert len(audit[:1]) == 1
    groups: Any = audit["parity"].groups
    assert [group.name for group in groups] == ["f", "m"]
    assert groups["f"].n == (table.sex == "f").sum()
    assert groups["f"].value == pytest.approx(table.said[table.sex == "f"].mean())
    with pytest.raises(KeyError, match="female"):
        groups["female"]


def test_a_verdict_and_an_audit_have_no_truth_value(policy, table):
    audit = vl.enforce(table, policy=policy, **ROLES)
    with pytest.raises(TypeError, match="neither true nor false"):
        all(audit)
    with pytest.raises(TypeError, match=r"audit\.passed"):
        bool(audit)


def test_tables_and_arrays_of_every_kind_give_the_same_verdicts_and_digest(policy, table):
    forms = [
        table,
        pl.from_pandas(table),
        pl.from_pandas(table).lazy(),
        pa.Table.from_pandas(table),
    ]
    audits = [vl.enforce(form, policy=policy, **ROLES) for form in forms]
    told = [[verdict.to_json() for verdict in audit] for audit in audits]
    digests = {audit.statement["predicate"]["data"][0]["hmac_sha256"] for audit in audits}
    assert told.count(told[0]) == len(forms)
    assert len(digests) == 1
    arrays = vl.enforce(
        policy=policy,
        target=table.label.to_numpy(),
        prediction=table.said.to_numpy(),
        gender=table.sex.to_numpy(),
    )
    assert [v.value for v in arrays] == [v.value for v in audits[0]]


def test_a_rerun_gives_identical_intervals(policy, table):
    first, second = (vl.enforce(table, policy=policy, **ROLES) for _ in range(2))
    assert [v.interval for v in first] == [v.interval for v in second]


def test_a_fitted_model_is_asked_about_its_own_features(policy, table):
    model = LogisticRegression().fit(table[["x", "chance"]], table.label)
    audit = vl.enforce(table, policy=policy, model=model, target="label", gender="sex")
    expected = accuracy_score(table.label, model.predict(table[["x", "chance"]]))
    assert audit["accuracy"].value == pytest.approx(expected)
    assert last_statement()["predicate"]["model"]["class"].endswith("LogisticRegression")


def test_a_model_whose_features_are_absent_is_a_plain_error(policy, table):
    model = LogisticRegression().fit(table[["x", "chance"]], table.label)
    with pytest.raises(vl.BindingError, match="'chance'"):
        vl.enforce(
            table.drop(columns="chance"), policy=policy, model=model, target="label", gender="sex"
        )
    nameless = LogisticRegression().fit(table[["x"]].to_numpy(), table.label)
    with pytest.raises(vl.DataError, match="prediction="):
        vl.enforce(table, policy=policy, model=nameless, target="label", gender="sex")


def test_reported_numbers_are_never_green(policy):
    audit = vl.enforce(policy=policy, metrics={"accuracy": 0.9, "parity": 0.95})
    assert [verdict.status for verdict in audit] == ["passed", "passed"]
    assert {verdict.light for verdict in audit} == {"amber"}
    assert all(verdict.interval is None and not verdict.conclusive for verdict in audit)


def test_reported_numbers_leave_the_rest_unevaluated_and_nan_is_not_a_number(policy):
    audit = vl.enforce(policy=policy, metrics={"accuracy": float("nan")})
    assert {verdict.status for verdict in audit} <= {"not_evaluated", "error"}
    assert not audit.passed


def test_reported_and_measured_stand_side_by_side(policy, table):
    audit = vl.enforce(table, policy=policy, metrics={"accuracy": 0.9}, **ROLES)
    assert audit["accuracy"].value == 0.9
    assert audit["accuracy"].light == "amber"
    assert audit["parity"].interval is not None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gender": "sexx"}, ["sexx", "did you mean 'sex'", "label"]),
        ({"gendre": "sex"}, ["gendre", "did you mean 'gender'"]),
        ({"target": "lable"}, ["lable", "did you mean 'label'"]),
        ({"prediction": None}, ["prediction", "phase='data'"]),
        ({"gender": None}, ["gender"]),
    ],
)
def test_wrong_or_missing_roles_are_errors_and_leave_no_evidence(policy, table, change, words):
    with pytest.raises(vl.BindingError) as caught:
        vl.enforce(table, policy=policy, **{**ROLES, **change})
    for word in words:
        assert word in str(caught.value)
    with pytest.raises(vl.EvidenceError):
        open_ledger_for_reading()


def open_ledger_for_reading():
    from venturalitica.ledger import Ledger
    from venturalitica.system.settings import Settings

    return Ledger.open(Settings.current().home)


def test_a_missing_policy_names_init(table):
    with pytest.raises(vl.PolicyError, match="venturalitica init"):
        vl.enforce(table, **ROLES)
    with pytest.raises(vl.PolicyError, match="venturalitica init"):
        vl.enforce(table, policy="else.yaml", **ROLES)


def test_a_failed_blocking_control_stops_after_its_evidence(write_policy, table):
    text = """\
policy: strict
version: "2"
controls:
  - {id: perfect, metric: accuracy, must: ">= 0.99", on_fail: block}
"""
    with pytest.raises(vl.ControlBlocked, match="perfect") as caught:
        vl.enforce(table, policy=write_policy(text), target="label", prediction="said")
    audit = caught.value.audit
    assert isinstance(audit, vl.Audit)
    assert audit.entry is not None
    assert caught.value.verdicts[0].status == "failed"
    assert last_statement()["predicate"]["verdicts"][0]["status"] == "failed"
    assert vl.verify().ok


def test_data_phase_judges_before_training(write_policy, table):
    text = """\
policy: data
version: "1"
roles: {target: {favorable: 1}}
controls:
  - {id: rows, metric: row_count, must: ">= 100"}
  - {id: shares, metric: group_representation, across: gender, must: ">= 0.2"}
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
"""
    audit = vl.enforce(table, policy=write_policy(text), phase="data", target="label", gender="sex")
    assert [verdict.control for verdict in audit] == ["rows", "shares"]
    assert audit.passed
    assert all(verdict.light == "green" for verdict in audit)


WITH_ROWS = """\
policy: data
version: "1"
roles: {target: {favorable: 1}}
controls:
  - {id: rows, metric: row_count, must: ">= 100"}
  - {id: accuracy, metric: accuracy, must: ">= 0.5", on_fail: block}
"""


@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ("data", "Only data controls were judged; 1 model control was not."),
        ("model", "Only model controls were judged; 1 data control was not."),
    ],
)
def test_controls_that_a_phase_left_out_are_never_green(write_policy, table, caplog, phase, said):
    """A blocking control that nobody judged must not look like one that passed."""
    roles: dict[str, Any] = {"target": "label"} | (
        {"prediction": "said"} if phase == "model" else {}
    )
    with caplog.at_level("INFO", logger="venturalitica"):
        audit = vl.enforce(table, policy=write_policy(WITH_ROWS), phase=phase, **roles)
    statement = last_statement()
    assert audit.passed, "of those that were selected"
    assert audit.light == statement["predicate"]["light"] == "amber"
    assert statement["predicate"]["judging"]["phase"] == phase
    assert said[0].lower() + said[1:-1] in caplog.text
    page = render_report(statement)
    assert f"<span>{said}" in page
    assert "Yes, by this policy" not in page
    assert said in audit._repr_html_()
    greener = {**statement, "predicate": {**statement["predicate"], "light": "green"}}
    with pytest.raises(EvidenceError, match="its light is green; what it holds gives amber"):
        check_light(Statement.of(greener))


def test_the_statement_holds_policy_bytes_tally_data_and_surroundings(policy, table):
    vl.enforce(table, policy=policy, **ROLES)
    predicate = last_statement()["predicate"]
    assert base64.b64decode(predicate["policy"]["bytes"]) == policy.read_bytes()
    assert predicate["rows"] == len(table)
    assert predicate["tally"].keys() == {"vault"}
    assert [axis["role"] for axis in predicate["axes"]] == ["target", "prediction", "gender"]
    assert predicate["bindings"] == ROLES
    assert predicate["data"][0]["rows"] == len(table)
    assert {column["name"] for column in predicate["data"][0]["columns"]} == set(ROLES.values())
    assert predicate["environment"]["python"]
    assert predicate["environment"]["hardware"]
    assert predicate["run"]["source"] == "enforce"


def test_past_evidence_can_be_judged_again_without_data(policy, table):
    from venturalitica.core.tally import Tally
    from venturalitica.judge import judge

    audit = vl.enforce(table, policy=policy, score="chance", **ROLES)
    stored = Counts(open_ledger().home).of(Statement.of(last_statement()))
    assert stored is not None
    again = judge(audit.policy, Tally.from_json(json.loads(json.dumps(stored))))
    assert [v.to_json() for v in again] == [v.to_json() for v in audit]


def test_no_raw_value_and_no_secret_is_recorded(policy, table, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-aws-1234567890")
    monkeypatch.setenv("WANDB_API_KEY", "canary-wandb-1234567890")
    table["sex"] = np.where(table.sex == "f", "f", "m")
    vl.enforce(table, policy=policy, **ROLES)
    text = json.dumps(last_statement())
    assert "canary" not in text
    assert str(table.chance.iloc[0]) not in text


def test_evidence_that_cannot_be_written_is_said_and_is_never_green(
    policy, table, tmp_path, caplog
):
    (tmp_path / "evidence").write_text("a file where the folder should be")
    audit = vl.enforce(table, policy=policy, **ROLES)
    assert audit.entry is None
    assert "could not be written" in audit.fault
    assert audit.light == "red"
    assert "could not be written" in caplog.text


def test_the_fingerprint_can_be_switched_off_and_says_so(policy, table, monkeypatch):
    monkeypatch.setenv("VENTURALITICA_FINGERPRINT", "0")
    vl.enforce(table, policy=policy, **ROLES)
    item = last_statement()["predicate"]["data"][0]
    assert item["hmac_sha256"] is None
    assert "off" in item["method"]


def test_to_frame_and_notebook_form(policy, table):
    audit = vl.enforce(table, policy=policy, **ROLES)
    frame = audit.to_frame()
    assert list(frame["control"]) == ["accuracy", "parity"]
    assert "parity" in audit._repr_html_()
    assert "parity: passed" in repr(audit)


def test_a_control_is_found_by_its_id(policy, table):
    audit = vl.enforce(table, policy=policy, **ROLES)
    ids: Any = audit
    assert "parity" in ids
    assert "gender" not in ids
    assert audit[0] in audit


def test_a_series_in_another_order_is_refused(policy, table):
    shuffled = table.sample(frac=1, random_state=3)
    for wrong in ({"target": shuffled["label"]}, {"gender": shuffled["sex"]}):
        with pytest.raises(vl.DataError, match="order their index differently"):
            vl.enforce(table, policy=policy, **(ROLES | wrong))
    arrays = {"target": table["label"], "prediction": shuffled["said"], "gender": table["sex"]}
    with pytest.raises(vl.DataError, match="prediction= and the judged rows"):
        vl.enforce(policy=policy, **arrays)
    other_index = table["label"].reset_index(drop=True).set_axis(range(5, 405))
    assert vl.enforce(table, policy=policy, **(ROLES | {"target": other_index})).passed


def test_a_phase_that_does_not_exist_is_refused(policy, table):
    with pytest.raises(vl.BindingError, match=r"phase='modl': .* did you mean 'model'"):
        vl.enforce(table, policy=policy, phase="modl", **ROLES)  # type: ignore[arg-type]


def test_an_audit_has_the_name_that_it_is_given_outside_a_monitor(policy, table):
    vl.enforce(table, policy=policy, name=" credit-nightly ", **ROLES)
    assert Statement.of(last_statement()).run.name == "credit-nightly"
    vl.enforce(table, policy=policy, **ROLES)
    assert Statement.of(last_statement()).run.name == (script() or "enforce")
    with vl.monitor("release"):
        vl.enforce(table, policy=policy, name="credit-nightly", **ROLES)
        assert Statement.of(last_statement()).run.name == "release"


@pytest.mark.parametrize("name", ["", "  ", 7, ["credit"]])
def test_a_name_that_is_none_is_refused(policy, table, name):
    with pytest.raises(BindingError, match="expected what the audit is called"):
        vl.enforce(table, policy=policy, name=name, **ROLES)
    with pytest.raises(BindingError, match="expected what the audit is called"):
        vl.wrap(LogisticRegression(), policy=policy, name=name)


def test_two_names_under_one_policy_are_two_pipelines(policy, table):
    features = table[["x", "chance"]]
    for name in ("small", "large", "small"):
        model = vl.wrap(LogisticRegression(), policy=policy, name=name)
        model.fit(features, table.label, audit_data=table, target="label", gender="sex")
    ledger = open_ledger(create=False)
    assert [entry.record.run.name for entry in ledger.entries()] == ["small", "large", "small"]
    with Index.open(ledger) as index:
        found = {(one.name, one.records) for one in pipelines(index)}
    assert found == {("small", 2), ("large", 1)}
