"""scikit-learn's metadata routing switched on: the audit's arguments are routed like any other."""

from __future__ import annotations

import copy
import inspect
import pickle
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler

import venturalitica as vl
from venturalitica.audit.project import open_ledger

POLICY = """\
policy: routed
version: "1"
roles: {target: {favorable: 1}}
controls:
  - {id: gap, metric: demographic_parity_difference, across: gender, must: "<= 0.9"}
"""


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch) -> Iterator[None]:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(POLICY)
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def rows():
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.normal(size=(120, 2)), columns=["a", "b"])
    y = (X["a"] > 0).astype(int)
    return X, y, np.where(random.random(120) < 0.5, "f", "m")


def wrapped(model=None):
    return vl.wrap(LogisticRegression() if model is None else model, policy="p.yaml")


def steps(model) -> Pipeline:
    return Pipeline([("prepare", MinMaxScaler()), ("model", model)])


def audits() -> list[dict]:
    try:
        return [entry.statement["predicate"] for entry in open_ledger(create=False).entries()]
    except vl.EvidenceError:
        return []


def test_the_last_step_takes_what_it_asked_for(rows):
    X, y, gender = rows
    table = pd.DataFrame({"sex": gender, "y": y})
    model = wrapped().set_fit_request(audit_data=True, gender=True, target=True)
    steps(model).fit(X, y, audit_data=table, gender="sex", target="y")
    (record,) = audits()
    assert record["verdicts"][0]["status"] == "passed"
    assert record["bindings"]["gender"] == "sex"


def test_an_alias_may_be_the_prefix_of_old(rows):
    X, y, gender = rows
    steps(wrapped().set_fit_request(gender="model__gender")).fit(X, y, model__gender=gender)
    assert len(audits()) == 1


def test_what_nobody_asked_for_is_named_by_scikit_learn(rows):
    X, y, gender = rows
    with pytest.raises(TypeError, match=r"unexpected argument.*gender"):
        steps(wrapped()).fit(X, y, gender=gender)
    steps(wrapped().set_fit_request(gender=False, audit_data=False, target=False)).fit(X, y)
    assert len(audits()) == 1  # a wrapped model is always audited; its role was not bound


@pytest.mark.parametrize("base", [KNeighborsClassifier, LogisticRegression, SGDClassifier])
def test_models_with_and_without_metadata_of_their_own(base, rows):
    X, y, gender = rows
    steps(wrapped(base()).set_fit_request(gender=True)).fit(X, y, gender=gender)
    assert len(audits()) == 1


def test_the_models_own_arguments_go_on_being_routed(rows):
    X, y, gender = rows
    weights = np.where(y == 1, 0.0, 1.0)
    weights[:2] = 1.0
    model = wrapped().set_fit_request(sample_weight=True, gender=True)
    bare = LogisticRegression().set_fit_request(sample_weight=True)
    routed = steps(model).fit(X, y, sample_weight=weights, gender=gender)
    assert (routed.predict(X) == steps(bare).fit(X, y, sample_weight=weights).predict(X)).all()
    assert len(audits()) == 1


def test_a_search_hands_through_to_every_fold_only_what_was_asked_for(rows):
    X, y, gender = rows
    grid = {"model__C": [0.1, 1.0]}
    GridSearchCV(steps(wrapped()), grid, cv=2).fit(X, y)
    assert audits() == []
    asked = wrapped().set_fit_request(gender=True)
    GridSearchCV(steps(asked), grid, cv=2, refit=False).fit(X, y, gender=gender)
    assert len(audits()) == 4


def test_a_wrapped_pipeline_or_search_takes_them_itself(rows):
    X, y, gender = rows
    vl.wrap(make_pipeline(MinMaxScaler(), LogisticRegression()), policy="p.yaml").fit(
        X, y, gender=gender
    )
    search = vl.wrap(GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2), policy="p.yaml")
    search.fit(X, y, gender=gender)
    assert len(audits()) == 2


def test_partial_fit_has_requests_of_its_own(rows):
    model = wrapped(SGDClassifier()).set_partial_fit_request(gender=True)
    requests = model.get_metadata_routing()
    assert requests.partial_fit.requests["gender"] is True
    assert "gender" not in requests.fit.requests


@pytest.mark.parametrize("base", [KNeighborsClassifier, LogisticRegression])
def test_nobody_sees_what_nobody_asked_for(base):
    assert str(wrapped(base()).get_metadata_routing()) == str(base().get_metadata_routing())


def test_copies_and_clones_ask_and_what_is_saved_does_not():
    model = wrapped().set_fit_request(gender=True, sample_weight=True)
    for twin in (copy.copy(model), copy.deepcopy(model), sklearn.base.clone(model)):
        assert twin.get_metadata_routing().fit.requests["gender"] is True
        assert twin.get_metadata_routing().fit.requests["sample_weight"] is True
    for plain in (vl.unwrap(model), pickle.loads(pickle.dumps(model))):
        assert set(plain.get_metadata_routing().fit.requests) == {"sample_weight"}
        with pytest.raises(TypeError, match="gender"):
            plain.set_fit_request(gender=True)
    assert "gender" not in wrapped().set_fit_request(gender=True).__dict__


def test_a_wrong_request_is_refused_with_the_nearest():
    with pytest.raises(TypeError, match=r"gendr.*did you mean 'gender'"):
        wrapped().set_fit_request(gendr=True)
    with pytest.raises(ValueError, match="valid identifier"):
        wrapped().set_fit_request(gender="not one")
    unused = sklearn.utils.metadata_routing.UNUSED
    model = wrapped().set_fit_request(gender=unused)
    assert "gender" not in model.get_metadata_routing().fit.requests
    model.set_fit_request(gender=True).set_fit_request(
        gender=sklearn.utils.metadata_routing.UNCHANGED
    )
    assert model.get_metadata_routing().fit.requests["gender"] is True


def test_help_names_them():
    names = inspect.signature(wrapped().set_fit_request).parameters
    assert {"sample_weight", "audit_data", "target", "gender"} <= set(names)


def test_switched_off_all_is_as_on_the_bare_model(rows):
    with sklearn.config_context(enable_metadata_routing=False):
        for base in (LogisticRegression, KNeighborsClassifier):
            model = wrapped(base())
            assert hasattr(model, "set_fit_request") == hasattr(base(), "set_fit_request")
            bare = base().get_metadata_routing()
            assert str(model.get_metadata_routing()) == str(bare)
        with pytest.raises(RuntimeError, match="enable_metadata_routing"):
            wrapped().set_fit_request(gender=True)
        X, y, gender = rows
        steps(wrapped()).fit(X, y, model__gender=gender)
    assert len(audits()) == 1
