"""A wrapped model looks, copies, clones and saves like the bare one."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import cloudpickle
import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin, clone, is_classifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

import venturalitica as vl


def bare_models() -> list[Any]:
    return [
        LogisticRegression(C=0.5),
        RandomForestClassifier(n_estimators=4, random_state=3),
        SVC(kernel="linear"),
        SGDClassifier(random_state=0),
        make_pipeline(StandardScaler(), LogisticRegression(C=2.0)),
        GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    ]


each_model = pytest.mark.parametrize("bare", bare_models(), ids=lambda m: type(m).__name__)


@each_model
def test_looks_as_bare(bare: Any, policy: str) -> None:
    model = vl.wrap(bare, policy=policy)
    kind, own = type(bare), type(model)
    assert isinstance(model, kind)
    assert (own.__module__, own.__qualname__, own.__name__) == (
        kind.__module__,
        kind.__qualname__,
        kind.__name__,
    )
    assert own.__doc__ == kind.__doc__
    assert repr(model) == repr(bare)
    assert str(model) == str(bare)
    assert model.get_params() == bare.get_params()
    assert vars(model) == vars(bare)
    assert get_tags(model) == get_tags(bare)
    assert is_classifier(model) == is_classifier(bare)
    assert str(inspect.signature(own)) == str(inspect.signature(kind))
    assert set(dir(bare)) <= set(dir(model))


@each_model
def test_methods_have_the_bare_signatures(bare: Any, policy: str) -> None:
    model = vl.wrap(bare, policy=policy)
    for name, _ in inspect.getmembers(type(bare), inspect.isfunction):
        if name.startswith("_") or not hasattr(bare, name):
            continue
        mine, theirs = getattr(model, name), getattr(bare, name)
        assert str(inspect.signature(mine)) == str(inspect.signature(theirs)), name
        assert (mine.__name__, mine.__doc__) == (theirs.__name__, theirs.__doc__)
    for parameter in ("sample_weight", "gender", "audit_data"):
        assert has_fit_parameter(model, parameter) == has_fit_parameter(bare, parameter)


@each_model
def test_html_is_as_bare(bare: Any, policy: str) -> None:
    model = vl.wrap(bare, policy=policy)
    mine, theirs = model._repr_mimebundle_(), bare._repr_mimebundle_()
    assert mine["text/plain"] == theirs["text/plain"]
    number = __import__("re").compile(r"sk-(estimator|container)-id-\d+")
    assert number.sub("", mine["text/html"]) == number.sub("", theirs["text/html"])


@each_model
def test_conditional_methods_are_as_bare(bare: Any, policy: str) -> None:
    model = vl.wrap(bare, policy=policy)
    for name in ("partial_fit", "fit_predict", "fit_transform", "predict_proba", "transform"):
        assert hasattr(model, name) == hasattr(bare, name), name


@each_model
def test_fit_trains_as_bare_and_returns_self(bare: Any, policy: str, X: Any, y: Any) -> None:
    model = vl.wrap(bare, policy=policy)
    before = vars(bare).keys()
    assert model.fit(X, y) is model
    assert vars(bare).keys() == before
    if not isinstance(bare, Pipeline):  # which is as fitted as the last step that both share
        with pytest.raises(NotFittedError):
            check_is_fitted(bare)
    expected = clone(bare).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X))
    assert vars(model).keys() == vars(expected).keys()
    check_is_fitted(model)


def test_parameters_are_set_as_bare(policy: str) -> None:
    model = vl.wrap(RandomForestClassifier(n_estimators=3), policy=policy)
    assert model.set_params(n_estimators=5, max_depth=2) is model
    assert repr(model) == "RandomForestClassifier(max_depth=2, n_estimators=5)"
    with pytest.raises(ValueError, match="Invalid parameter 'depth' for estimator"):
        model.set_params(depth=2)
    model.max_depth = 7
    assert model.get_params()["max_depth"] == 7


def test_the_argument_is_another_object_of_the_same_parts(policy: str, X: Any, y: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    scale, last = pipeline[0], pipeline[-1]
    model = vl.wrap(pipeline, policy=policy)
    model.set_params(logisticregression__C=9.0)
    model.fit(X, y)
    assert type(pipeline) is Pipeline
    assert model is not pipeline
    assert (model[0], model[-1]) == (pipeline[0], pipeline[-1]) == (scale, last)
    assert last.C == 9.0
    assert hasattr(last, "coef_")
    model.set_params(standardscaler="passthrough")
    assert pipeline[0] is scale


@pytest.mark.parametrize("again", ["partial_fit", "warm_start"])
def test_training_goes_on_as_bare(again: str, policy: str, X: Any, y: Any) -> None:
    def coefficients(wrapped: bool) -> Any:
        bare = SGDClassifier(random_state=0, warm_start=again == "warm_start", max_iter=3, tol=None)
        bare.fit(X, y)
        model = vl.wrap(bare, policy=policy) if wrapped else bare
        np.testing.assert_array_equal(model.predict(X), bare.predict(X))
        getattr(model, "partial_fit" if again == "partial_fit" else "fit")(X, 1 - y)
        return model.coef_

    np.testing.assert_array_equal(coefficients(True), coefficients(False))


def savers() -> dict[str, Any]:
    def through_file(model: Any) -> Any:
        buffer = io.BytesIO()
        joblib.dump(model, buffer)
        buffer.seek(0)
        return joblib.load(buffer)

    def through_skops(model: Any) -> Any:
        data = skops.io.dumps(model)
        return skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))

    return {
        **{
            f"pickle{p}": lambda model, p=p: pickle.loads(pickle.dumps(model, protocol=p))
            for p in range(pickle.HIGHEST_PROTOCOL + 1)
        },
        "python-pickle": lambda model: pickle.loads(
            pickle._dumps(model)  # type: ignore[attr-defined]
        ),
        "joblib": through_file,
        "cloudpickle": lambda model: cloudpickle.loads(cloudpickle.dumps(model)),
        "skops": through_skops,
    }


@pytest.mark.parametrize("saver", savers())
@each_model
def test_every_saver_keeps_the_plain_model(
    bare: Any, saver: str, policy: str, X: Any, y: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys.modules["venturalitica.wrapping.wrap"], "conduct", lambda *args, **named: None
    )
    model = vl.wrap(bare, policy=policy).fit(X, y)
    again = savers()[saver](model)
    assert type(again) is type(bare)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert vars(again).keys() == vars(model).keys()


def test_a_governed_step_is_saved_plain(policy: str, X: Any, y: Any) -> None:
    pipeline = make_pipeline(StandardScaler(), vl.wrap(LogisticRegression(), policy=policy))
    data = pickle.dumps(pipeline.fit(X, y))
    assert b"venturalitica" not in data
    assert type(pickle.loads(data)[-1]) is LogisticRegression


def test_a_saved_model_serves_without_this_package(
    policy: str, tmp_path: Path, X: Any, y: Any
) -> None:
    model = vl.wrap(RandomForestClassifier(n_estimators=2, random_state=0), policy=policy)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model.fit(X, y)))
    serve = (
        "import sys, pickle; sys.modules['venturalitica'] = None; "
        "model = pickle.load(open('model.pkl', 'rb')); "
        "print(type(model).__module__, model.predict([[1.0, 0.0, 3.0]]).shape)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", serve],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split()[0] == "sklearn.ensemble._forest"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_mlflow_saves_the_plain_model(policy: str, tmp_path: Path, X: Any, y: Any) -> None:
    mlflow = pytest.importorskip("mlflow")
    model = vl.wrap(LogisticRegression(), policy=policy).fit(X, y)
    mlflow.sklearn.save_model(
        model,
        tmp_path / "saved",
        serialization_format="cloudpickle",
        pip_requirements=["scikit-learn"],  # else MLflow loads the model in another Python to see
    )
    again = mlflow.sklearn.load_model(str(tmp_path / "saved"))
    assert type(again) is LogisticRegression
    assert b"venturalitica" not in (tmp_path / "saved" / "model.pkl").read_bytes()


class Custom(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Its own state, reduction and copying, all of which must be honoured."""

    def __init__(self, level: int = 1) -> None:
        self.level = level

    def fit(self, X: Any, y: Any, *, boost: float = 1.0) -> Custom:
        """Fit it."""
        self.classes_ = np.unique(y)
        self.boost_ = boost
        self.cache_ = object()
        self.me_ = self
        return self

    def predict(self, X: Any) -> Any:
        return np.full(len(X), self.classes_[-1])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "cache_"} | {"v": 2}

    def __setstate__(self, state: dict[str, Any]) -> None:
        assert state.pop("v") == 2
        self.__dict__.update(state)


class Reducing(Custom):
    @classmethod
    def restore(cls, level: int) -> Reducing:
        made = cls(level)
        made.restored = True
        return made

    def __reduce__(self) -> Any:
        return self.restore, (self.level,)


def test_own_state_and_cycles_are_honoured(policy: str, X: Any, y: Any) -> None:
    model = vl.wrap(Custom(level=4), policy=policy).fit(X, y, boost=2.0)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.me_ is again
        assert (again.level, again.boost_) == (4, 2.0)
        assert not hasattr(again, "cache_")
    assert type(pickle.loads(pickle.dumps(model))) is Custom


def test_own_reduction_is_honoured(policy: str) -> None:
    model = vl.wrap(Reducing(level=3), policy=policy)
    again = pickle.loads(pickle.dumps(model))
    assert type(again) is Reducing
    assert (again.level, again.restored) == (3, True)


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, clone])
def test_copies_and_clones_stay_governed(
    make: Any, policy: str, X: Any, y: Any, evidence: Any
) -> None:
    model = vl.wrap(LogisticRegression(), policy=policy)
    again = make(model)
    assert type(again) is type(model)
    again.fit(X, y, gender=["a", "b"] * 120)
    assert len(evidence()) == 1
    assert type(pickle.loads(pickle.dumps(again))) is LogisticRegression


def test_a_copy_shares_parts_as_a_bare_one_does(policy: str, X: Any, y: Any) -> None:
    model = vl.wrap(make_pipeline(StandardScaler(), LogisticRegression()), policy=policy)
    copy.copy(model).fit(X, y)
    assert hasattr(model[-1], "coef_")
    apart = copy.deepcopy(model)
    assert apart[-1] is not model[-1]


def test_wrapping_again_replaces_the_policy(
    policy: str, write_policy: Any, X: Any, y: Any, evidence: Any
) -> None:
    other = write_policy((Path(policy)).read_text().replace("policy: loan", "policy: second"))
    twice = vl.wrap(vl.wrap(LogisticRegression(), policy=policy), policy=other)
    twice.fit(X, y)
    assert [found["policy"]["name"] for found in evidence()] == ["second"]
    assert type(twice).__mro__.count(LogisticRegression) == 1
    assert type(vl.unwrap(twice)) is LogisticRegression


def test_unwrap_gives_the_plain_fitted_model(policy: str, X: Any, y: Any) -> None:
    model = vl.wrap(RandomForestClassifier(n_estimators=2), policy=policy).fit(X, y)
    plain = vl.unwrap(model)
    assert type(plain) is RandomForestClassifier
    assert plain.estimators_ is model.estimators_
    bare = LogisticRegression()
    assert vl.unwrap(bare) is bare


def test_unwrap_looks_inside(policy: str, X: Any, y: Any) -> None:
    step = vl.wrap(LogisticRegression(), policy=policy)
    pipeline = make_pipeline(StandardScaler(), step).fit(X, y)
    search = GridSearchCV(step, {"C": [1.0, 2.0]}, cv=2).fit(X, y)
    assert type(vl.unwrap(pipeline)[-1]) is LogisticRegression
    assert type(vl.unwrap(search).best_estimator_) is LogisticRegression
    assert type(vl.unwrap(search).estimator) is LogisticRegression
    assert pipeline[-1] is step


def test_an_instance_made_from_the_class_is_nobody_s(
    policy: str, X: Any, y: Any, evidence: Any
) -> None:
    model = vl.wrap(LogisticRegression(), policy=policy)
    type(model)(C=3.0).fit(X, y)
    assert evidence() == []
