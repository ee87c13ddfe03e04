"""Boosters that no scikit-learn trained: asked in their own form, labels by their objective."""

from __future__ import annotations

from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline

import venturalitica as vl
from venturalitica.frameworks import dialect_of, favorable_scores, predictions
from venturalitica.frameworks.beside import Beside, Unanswered

POLICY = """\
policy: loans
version: "1"
roles:
  target: {favorable: 1}
controls:
  - {id: right, metric: accuracy, must: ">= 0.5"}
  - {id: ranks, metric: roc_auc, must: ">= 0.5"}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0"}
"""
FEATURES = ["income", "the debt"]


@pytest.fixture
def policy(tmp_path: Any) -> Any:
    path = tmp_path / "loans.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def loans() -> pd.DataFrame:
    random = np.random.default_rng(3)
    table = pd.DataFrame(random.normal(size=(400, 2)), columns=FEATURES)
    noise = random.normal(size=400)
    table["class"] = (table["income"] - table["the debt"] + noise > 0).astype(int)
    table["size"] = table["class"] + (table["income"] > 1)
    table["sex"] = random.choice(["f", "m"], size=400)
    return table[["the debt", "sex", "class", "size", "income"]]


def xgb(loans: pd.DataFrame, objective: str = "binary:logistic", y: str = "class") -> Any:
    params = {"objective": objective} | ({"num_class": 3} if "multi" in objective else {})
    return xgboost.train(params, xgboost.DMatrix(loans[FEATURES], loans[y]), 5)


def lgb(loans: pd.DataFrame, objective: Any = "binary", y: str = "class") -> Any:
    params = {"objective": objective, "verbose": -1}
    params |= {"num_class": 3} if "multi" in str(objective) else {}
    return lightgbm.train(params, lightgbm.Dataset(loans[FEATURES], loans[y]), 5)


def cat(loans: pd.DataFrame, loss: str = "Logloss", y: str = "class") -> Any:
    made = catboost.CatBoost(
        {"loss_function": loss, "iterations": 5, "verbose": 0, "allow_writing_files": False}
    )
    return made.fit(catboost.Pool(loans[FEATURES], loans[y]))


def probability(booster: Any, loans: pd.DataFrame) -> Any:
    if isinstance(booster, xgboost.Booster):
        return booster.predict(xgboost.DMatrix(loans[FEATURES]))
    if isinstance(booster, lightgbm.Booster):
        return booster.predict(loans[FEATURES])
    return booster.predict(loans[FEATURES], prediction_type="Probability")[:, 1]


@pytest.mark.parametrize("make", [xgb, lgb, cat])
def test_a_native_booster_is_judged_by_its_own_columns(make: Any, policy: Any, loans: Any) -> None:
    booster = make(loans)
    expected = probability(booster, loans)
    audit = vl.enforce(loans, policy=policy, model=booster, target="class", gender="sex")
    assert [verdict.status for verdict in audit] == ["passed"] * 3
    assert audit["right"].value == pytest.approx(((expected > 0.5) == loans["class"]).mean())
    assert audit["ranks"].value == pytest.approx(roc_auc_score(loans["class"], expected), abs=5e-5)


@pytest.mark.parametrize("make", [xgb, lgb, cat])
def test_rows_of_its_own_form_come_as_features(make: Any, policy: Any, loans: Any) -> None:
    booster, bare = make(loans), loans[FEATURES].to_numpy()
    rows = {xgb: xgboost.DMatrix(loans[FEATURES], loans["class"]), lgb: bare,
            cat: catboost.Pool(loans[FEATURES], loans["class"])}[make]  # fmt: skip
    target = {} if make is not lgb else {"target": loans["class"].to_numpy()}
    given: dict[str, Any] = {"policy": policy, "model": booster, "gender": loans["sex"].to_numpy()}
    whole = vl.enforce(loans, policy=policy, model=booster, target="class", gender="sex")
    for audit in (
        vl.enforce(rows, **given, **target),
        vl.enforce(features=rows, **given, **target),
        vl.enforce(features=bare, target=loans["class"].to_numpy(), **given),
        vl.enforce(loans, features=FEATURES, **given | {"gender": "sex"}, target="class"),
    ):
        assert [v.value for v in audit] == [v.value for v in whole]


@pytest.mark.parametrize(
    ("objective", "y"), [("multi:softprob", "size"), ("multi:softmax", "size"),
                         ("binary:logitraw", "class")]
)  # fmt: skip
def test_labels_and_scores_are_those_of_the_objective(objective: str, y: str, loans: Any) -> None:
    booster, X = xgb(loans, objective, y), loans[FEATURES]
    expected = xgb(loans, "multi:softprob", y).predict(xgboost.DMatrix(X))
    if y == "class":
        expected = 1 / (1 + np.exp(-booster.predict(xgboost.DMatrix(X))))
    labels = expected.argmax(axis=1) if y == "size" else expected > 0.5
    np.testing.assert_array_equal(predictions(booster, X), labels)
    of_one = expected[:, 1] if y == "size" else expected
    np.testing.assert_allclose(favorable_scores(booster, X, 1), of_one, atol=1e-6)
    if y == "class":
        np.testing.assert_allclose(favorable_scores(booster, X, 0), 1 - of_one, atol=1e-6)


@pytest.mark.parametrize("objective", ["multiclass", "multiclassova"])
def test_the_largest_of_several_is_the_label(objective: str, loans: Any) -> None:
    booster, X = lgb(loans, objective, "size"), loans[FEATURES]
    expected = booster.predict(X)
    np.testing.assert_array_equal(predictions(booster, X), expected.argmax(axis=1))
    np.testing.assert_array_equal(favorable_scores(booster, X, 2), expected[:, 2])
    several = cat(loans, "MultiClass", "size")
    np.testing.assert_array_equal(
        predictions(several, X), several.predict(X, prediction_type="Class")[:, 0]
    )


@pytest.mark.parametrize(
    ("make", "objective", "said"),
    [
        (xgb, "reg:squarederror", r"is a regressor \(objective reg:squarederror\)"),
        (xgb, "rank:pairwise", r"a regressor \(objective rank:pairwise\)"),
        (lgb, "regression", r"is a regressor \(objective regression\)"),
        (lgb, lambda p, d: (p - d.get_label(), np.ones(len(p))), "objective of its own"),
        (cat, "RMSE", r"CatBoost is a regressor \(loss RMSE\)"),
    ],
)
def test_amounts_are_no_labels(make: Any, objective: Any, said: str, loans: Any) -> None:
    booster = make(loans, objective)
    with pytest.raises(Unanswered, match=said):
        predictions(booster, loans[FEATURES])
    with pytest.raises(Unanswered):
        favorable_scores(booster, loans[FEATURES], 1)
    amounts = predictions(booster, loans[FEATURES], amounts=True)
    assert amounts.shape == (400,)


def test_labels_without_a_score(loans: Any) -> None:
    booster = xgb(loans, "binary:hinge")
    assert set(predictions(booster, loans[FEATURES])) == {0.0, 1.0}
    with pytest.raises(Unanswered, match="gives labels and no score"):
        favorable_scores(booster, loans[FEATURES], 1)


def test_a_target_that_was_encoded_is_never_guessed(policy: Any, loans: Any) -> None:
    loans["class"] = loans["class"].map({1: 1, 0: 2})
    booster = xgb(loans.assign(**{"class": loans["class"] - 1}))
    with pytest.raises(vl.BindingError, match=r"0 to 1, and the target has 2: give the target"):
        vl.enforce(loans, policy=policy, model=booster, target="class", gender="sex")


def test_booleans_are_answered_by_booleans(loans: Any) -> None:
    booster, y = xgb(loans), loans["class"] == 1
    assert predictions(booster, loans[FEATURES], beside=Beside(y=y)).dtype == bool


def test_trees_of_the_best_iteration_are_asked_for(policy: Any, loans: Any) -> None:
    booster = xgb(loans)
    first = booster.predict(xgboost.DMatrix(loans[FEATURES]), iteration_range=(0, 1))
    audit = vl.enforce(loans, policy=policy, model=booster, target="class", gender="sex",
                       predict_params={"iteration_range": (0, 1)})  # fmt: skip
    assert audit["right"].value == pytest.approx(((first > 0.5) == loans["class"]).mean())


def test_columns_without_names_are_asked_for(policy: Any, loans: Any) -> None:
    bare = loans[FEATURES].to_numpy()
    for booster in (
        xgboost.train({}, xgboost.DMatrix(bare, loans["class"]), 1),
        lightgbm.train({"verbose": -1}, lightgbm.Dataset(bare, loans["class"]), 1),
    ):
        with pytest.raises(vl.DataError, match=r"vl\.enforce\(test_df, model=model, features=\["):
            vl.enforce(loans, policy=policy, model=booster, target="class", gender="sex")
    with pytest.raises(vl.BindingError, match=r"features='incom': .* did you mean 'income'"):
        vl.enforce(loans, policy=policy, model=booster, features="incom", target="class")
    with pytest.raises(vl.DataError, match=r"Dataset cannot be predicted: give the table"):
        vl.enforce(lightgbm.Dataset(bare), policy=policy, model=lgb(loans), target=loans["class"])


def test_a_wrong_shape_is_told_with_the_line_that_works(policy: Any, loans: Any) -> None:
    bare = loans[["income"]].to_numpy()
    for booster, rows in ((xgb(loans), xgboost.DMatrix(bare)), (lgb(loans), bare)):
        with pytest.raises(
            vl.DataError, match=r"Booster raised .*Error.*vl\.enforce\(test_df, mod"
        ):
            vl.enforce(loans, policy=policy, model=booster, features=rows, target="class")


def test_the_classes_of_scikit_learn_have_no_file_of_their_own() -> None:
    for kind in (xgboost.XGBClassifier, lightgbm.LGBMClassifier):
        assert dialect_of(kind()).__name__.endswith(".sklearn")


def test_a_booster_that_is_wrapped_is_told_the_line_that_works(policy: Any, loans: Any) -> None:
    for booster, line in (
        (xgb(loans), "after xgboost.train"),
        (lgb(loans), "after lightgbm.train"),
    ):
        with pytest.raises(TypeError, match=f"has no 'fit': .*{line}: vl.enforce.test_df, model="):
            vl.wrap(booster, policy=policy)


def test_a_model_of_texts_is_asked_about_one_column(policy: Any, loans: Any) -> None:
    loans["text"] = np.where(loans["income"] > 0, "much money", "little")
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(
        loans["text"], loans["class"]
    )
    expected = (model.predict(loans["text"]) == loans["class"]).mean()
    texts = loans["text"]
    for features in ("text", texts, texts.tolist(), texts.to_numpy()):
        audit = vl.enforce(loans, policy=policy, model=model, features=features, target="class",
                           gender="sex")  # fmt: skip
        assert audit["right"].value == pytest.approx(expected)
    bound: dict[str, Any] = {"target": loans["class"], "gender": loans["sex"]}
    audit = vl.enforce(texts.tolist(), policy=policy, model=model, **bound)
    assert audit["right"].value == pytest.approx(expected)
