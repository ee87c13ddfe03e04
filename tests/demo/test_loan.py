from __future__ import annotations

import base64
import builtins
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, recall_score, roc_auc_score

import venturalitica as vl
from venturalitica.core.origin import install_line
from venturalitica.demo import german_credit as german
from venturalitica.demo import quickstart
from venturalitica.errors import MissingExtra, PolicyError, SettingsError
from venturalitica.reports.html.page import render_report
from venturalitica.reports.markdown import render_markdown


def test_every_control_of_the_policy_is_measured(loan) -> None:
    assert [verdict.control for verdict in loan] == [control.id for control in loan.policy.controls]
    assert {verdict.status for verdict in loan} <= {"passed", "failed"}
    assert all(verdict.value is not None and verdict.interval for verdict in loan)
    assert all(verdict.article for verdict in loan)


def test_the_outcome_is_realistic_neither_all_green_nor_blocked(loan) -> None:
    status = {verdict.control: verdict.status for verdict in loan}
    assert loan.light == "red"
    assert not loan.passed
    assert status["bad-credits-found"] == "failed"
    assert status["accuracy"] == status["completeness"] == "passed"
    assert not loan["gender-parity"].conclusive
    assert all(verdict.on_fail != "block" for verdict in loan)


def test_values_are_those_of_scikit_learn(loan) -> None:
    predicted, truth = loan.model.predict(loan.X_test), loan.y_test
    good = loan.model.predict_proba(loan.X_test)[:, list(loan.model.classes_).index(1)]
    assert loan["accuracy"].value == pytest.approx(accuracy_score(truth, predicted))
    assert loan["bad-credits-found"].value == pytest.approx(
        recall_score(truth, predicted, pos_label=2)
    )
    assert loan["ranking"].value == pytest.approx(roc_auc_score(truth == 1, good))
    women = (loan.test["Attribute9"] == "A92").to_numpy()
    rates = [np.mean(predicted[women] == 1), np.mean(predicted[~women] == 1)]
    assert loan["gender-parity"].value == pytest.approx(min(rates) / max(rates))


def test_held_out_rows_are_judged_and_the_split_is_whole(loan) -> None:
    assert (len(loan.data), len(loan.train), len(loan.test)) == (1000, 700, 300)
    assert loan.statement["predicate"]["rows"] == 300
    assert set(loan.X_train.columns) == set(german.FEATURES)
    assert loan.X_train.shape == (700, 20)
    assert loan.y_train.name == "class"
    assert all(pd.api.types.is_integer_dtype(dtype) for dtype in loan.X_train.dtypes)
    assert loan.y_train.tolist() == loan.train["class"].tolist()


def test_it_behaves_as_its_audit(loan) -> None:
    assert len(loan) == len(loan.audit) == 8
    assert loan[0] is loan.audit[0]
    assert loan["accuracy"] is loan.audit["accuracy"]
    assert list(loan[1:3]) == list(loan.audit[1:3])
    assert loan.audit[0] in loan
    assert loan.to_frame().shape[0] == 8
    assert loan.evidence_sha256 == loan.audit.evidence_sha256
    assert loan._repr_html_() == loan.audit._repr_html_()
    with pytest.raises(TypeError):
        bool(loan)
    with pytest.raises(AttributeError):
        loan.no_such_thing  # noqa: B018
    assert not hasattr(loan, "__no_such_protocol__")
    assert repr(loan).startswith("Scenario(name='loan', engine='pandas'")


def test_its_policy_is_the_one_that_ships(loan) -> None:
    assert loan.policy_path == german.POLICY
    assert loan.policy.bytes == german.POLICY.read_bytes()
    assert vl.read_policy(loan.policy_path).sha256 == loan.policy.sha256
    assert loan.policy.role("gender").map == {
        "A91": "male",
        "A92": "female",
        "A93": "male",
        "A94": "male",
        "A95": "female",
    }


def test_the_map_of_genders_agrees_with_the_attribution() -> None:
    said = (german.FOLDER / "ATTRIBUTION.md").read_text()
    for code, sex in vl.read_policy(german.POLICY).role("gender").map.items():
        assert f"`{code}` {sex}" in said


def test_its_report_renders_and_says_what_failed(loan) -> None:
    page = render_report(loan.statement, evidence_sha256=loan.evidence_sha256)
    assert "At least half of the bad credits are recognised" in page
    assert loan.evidence_sha256 in page
    assert len(page.encode()) < 100_000
    assert render_markdown(loan.statement).count("\n|") == 2 + 8


def test_its_evidence_verifies(home) -> None:
    loan = quickstart()
    assert loan.audit.entry is not None
    assert vl.verify(home / ".venturalitica").ok


@pytest.mark.parametrize("engine", ["polars", "pyarrow", "numpy"])
def test_every_engine_gives_the_same_tally(home, loan, engine) -> None:
    other = quickstart(engine=engine)
    assert other.engine == engine
    found, first = (one.statement["predicate"] for one in (other, loan))
    assert (found["rows"], found["axes"]) == (first["rows"], first["axes"])
    # Intervals too: they are seeded by the counts.
    assert found["verdicts"] == first["verdicts"]


def test_a_policy_of_ones_own(home) -> None:
    path = home / "mine.yaml"
    path.write_text(
        'policy: mine\nversion: "2"\n'
        "roles: {target: {column: class, favorable: 1}}\n"
        'controls: [{id: works, metric: accuracy, must: ">= 0.5"}]\n'
    )
    mine = quickstart(policy=path)
    assert [verdict.control for verdict in mine] == ["works"]
    assert mine.policy_path == path
    with pytest.raises(PolicyError):
        quickstart(policy=home / "none.yaml")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("lone", "no scenario 'lone'; did you mean 'loan'\\?; those that ship: 'loan'"),
        ("zebra", "no scenario 'zebra'; those that ship: 'loan'"),
        (3, "no scenario 3; those that ship"),
    ],
)
def test_an_unknown_scenario_names_the_nearest(name, message) -> None:
    with pytest.raises(SettingsError, match=message):
        quickstart(name)


def test_without_scikit_learn_the_message_is_the_line_that_installs_it(monkeypatch) -> None:
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtra, match=re.escape(install_line("sklearn"))):
        quickstart("loan")


def test_the_words_of_the_readme_run_on_this_data(home, loan) -> None:
    """The two lines of the example; the report then warns that training rows were judged."""
    from sklearn.ensemble import RandomForestClassifier

    X_train, y_train, train_df = loan.X_train, loan.y_train, loan.train
    Path("model_policy.yaml").write_bytes(loan.policy.bytes)
    policy = "model_policy.yaml"
    model = vl.wrap(RandomForestClassifier(n_estimators=10), policy=policy)
    model.fit(X_train, y_train, audit_data=train_df, gender="Attribute9", age="Attribute13")
    assert vl.verify(home / ".venturalitica").ok
    log = (home / ".venturalitica/log/entries.jsonl").read_text().splitlines()
    statement = json.loads(base64.b64decode(json.loads(log[-1])["payload"]))
    assert statement["predicate"]["rows"] == 700
    assert "rows that the model was trained on" in render_report(statement)
