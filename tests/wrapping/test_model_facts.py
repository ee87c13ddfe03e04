"""What the evidence says of a model: true, short, and without secrets or rows."""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import venturalitica as vl
from venturalitica.core.encoding import canonical_json
from venturalitica.provenance.model import describe_model, describe_parameters


class Holder(BaseEstimator):  # type: ignore[misc]
    def __init__(self, value: Any = None, api_key: Any = None, token_pattern: str = "x") -> None:
        self.value = value
        self.api_key = api_key
        self.token_pattern = token_pattern


def test_class_parameters_and_digest(policy: str, X: Any, y: Any) -> None:
    model = vl.wrap(RandomForestClassifier(n_estimators=2, random_state=0), policy=policy)
    model.fit(X, y)
    facts = describe_model(vl.unwrap(model))
    assert facts["class"] == "sklearn.ensemble._forest.RandomForestClassifier"
    assert facts["parameters"]["n_estimators"] == 2
    assert facts["parameters"]["max_depth"] is None
    assert facts["serialization"] == "pickle protocol 5"
    assert facts["note"] == ""
    assert facts["sha256"] == hashlib.sha256(pickle.dumps(vl.unwrap(model), protocol=5)).hexdigest()


def test_the_evidence_holds_the_digest_of_the_unwrapped_model(
    policy: str, X: Any, y: Any, evidence: Any
) -> None:
    model = vl.wrap(make_pipeline(StandardScaler(), LogisticRegression()), policy=policy).fit(X, y)
    digest = hashlib.sha256(pickle.dumps(vl.unwrap(model), protocol=5)).hexdigest()
    assert evidence()[0]["model"]["sha256"] == digest


def test_nested_parameters_are_listed_apart() -> None:
    parameters = describe_model(make_pipeline(StandardScaler(), LogisticRegression(C=2.5)))[
        "parameters"
    ]
    assert parameters["logisticregression__C"] == 2.5
    assert parameters["logisticregression"] == "sklearn.linear_model._logistic.LogisticRegression"
    assert list(parameters) == sorted(parameters)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.float64(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (2**60, str(2**60)),
        (np.arange(1000), "ndarray of shape (1000,)"),
        (pd.DataFrame({"name": ["Ann Example"]}), "DataFrame of shape (1, 1)"),
        (pd.Series(["Ann Example"]), "Series of shape (1,)"),
        (["a", 1, None], "['a', 1, None]"),
        ({"b": (1, 2)}, "{'b': (1, 2)}"),
        ({"password": "hunter2", "level": 1}, "{'password': withheld, 'level': 1}"),
        (np.mean, "numpy.mean"),
        (RandomForestClassifier, "sklearn.ensemble._forest.RandomForestClassifier"),
        ("https://user:pw@host/x", "https://host/x"),
        (list(range(50)), f"[{', '.join(map(str, range(20)))}, ... 50 in all]"),
    ],
)
def test_values_are_short_and_plain(value: Any, said: Any) -> None:
    found = describe_parameters(Holder(value))["value"]
    assert found == said
    assert type(found) is type(said)


def test_no_address_no_secret_no_row_and_always_json() -> None:
    values = [
        object(),
        lambda x: x,
        np.random.RandomState(0),
        "x" * 100_000,
        {1: {2: {3: {4: {5: 6}}}}},
        pd.DataFrame({"iban": ["DE02120300000000202051"] * 3}),
        Holder(value=object()),
    ]
    for value in values:
        facts = describe_model(Holder(value, api_key="sk-very-secret", token_pattern=r"\w+"))
        text = canonical_json(facts).decode()
        assert "0x" not in text
        assert "very-secret" not in text
        assert "DE02" not in text
        assert len(text) < 2_000
        assert facts["parameters"]["token_pattern"] == r"\w+"
    assert describe_model(CountVectorizer())["parameters"]["token_pattern"].startswith("(?u)")


def test_what_cannot_be_pickled_is_said() -> None:
    facts = describe_model(FunctionTransformer(lambda x: x))
    assert (facts["sha256"], facts["serialization"]) == (None, None)
    assert facts["note"].startswith("cannot be pickled")
    assert "0x" not in facts["note"]


def test_own_methods_that_fail_are_facts_too() -> None:
    class Broken:
        def get_params(self) -> Any:
            raise RuntimeError("no")

        def __repr__(self) -> str:
            raise RuntimeError("no")

        def __reduce__(self) -> Any:
            raise RuntimeError("no")

    facts = describe_model(Broken())
    assert facts["parameters"] == {"(unreadable)": "get_params() raised RuntimeError"}
    assert facts["note"] == "cannot be pickled (RuntimeError): no"

    class Mute:
        __repr__ = Broken.__repr__

    assert describe_parameters(Holder(Mute()))["value"].endswith("Mute (repr raised RuntimeError)")
