"""What is easily missed about a wrapped model is told once, as a warning of the log."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import venturalitica as vl
from venturalitica.frameworks import is_fitted
from venturalitica.wrapping import arguments as hints

GRID = {"C": [0.1, 1.0]}


@pytest.fixture(autouse=True)
def _untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hints, "_told", set())
    hints._trained.clear()


def told(caplog: pytest.LogCaptureFixture, part: str) -> int:
    return sum(
        part in record.getMessage() and record.levelno == logging.WARNING
        for record in caplog.records
    )


TRAINED = "is trained already"
CLONED = "Wrap the search itself"


@pytest.mark.parametrize(
    "model",
    [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["model", "pipeline"],
)
def test_a_fitted_model_is_told_once(policy: str, X: Any, y: Any, caplog: Any, model: Any) -> None:
    vl.wrap(model, policy=policy)
    assert told(caplog, TRAINED) == 0
    model.fit(X, y)
    vl.wrap(model, policy=policy)
    vl.wrap(model, policy=policy)
    assert told(caplog, TRAINED) == 1
    assert "vl.enforce(data, model=model" in caplog.text


def test_a_model_that_was_trained_governed_is_not(policy: str, X: Any, y: Any, caplog: Any) -> None:
    vl.wrap(vl.wrap(LogisticRegression(), policy=policy).fit(X, y), policy=policy)
    assert told(caplog, TRAINED) == 0


@pytest.mark.parametrize("kind", ["xgboost.XGBClassifier", "lightgbm.LGBMClassifier",
                                  "catboost.CatBoostClassifier"])  # fmt: skip
def test_boosters_say_whether_they_are_fitted(kind: str) -> None:
    library, name = kind.split(".")
    model = getattr(pytest.importorskip(library), name)(n_estimators=2)
    table = np.arange(80.0).reshape(40, 2)
    assert not is_fitted(model)
    model.fit(table, [0, 1] * 20)
    assert is_fitted(model)


def test_any_class_with_the_convention_is_seen() -> None:
    class Own:
        def __init__(self, lambda_: float = 1) -> None:
            self.lambda_ = lambda_

        @staticmethod
        def _get_param_names() -> list[str]:
            return ["lambda_"]

    model = Own()
    assert not is_fitted(model)
    model.coef_ = 1  # type: ignore[attr-defined]
    assert is_fitted(model)


@pytest.mark.parametrize(
    "around",
    [
        lambda model, X, y: GridSearchCV(model, GRID, cv=2).fit(X, y),
        lambda model, X, y: cross_val_score(model, X, y, cv=2),
        lambda model, X, y: VotingClassifier(
            [("a", model), ("b", DecisionTreeClassifier(max_depth=2))]
        ).fit(X, y),
        lambda model, X, y: CalibratedClassifierCV(model, cv=2).fit(X, y),
    ],
    ids=["search", "cross-validation", "ensemble", "calibration"],
)
def test_what_clones_a_wrapped_model_is_told_once_at_the_end(
    policy: str, X: Any, y: Any, caplog: Any, around: Any
) -> None:
    around(vl.wrap(LogisticRegression(), policy=policy), X, y)
    around(vl.wrap(LogisticRegression(C=2.0), policy=policy), X, y)
    assert told(caplog, CLONED) == 0
    hints.tell_unaudited()
    hints.tell_unaudited()
    assert told(caplog, CLONED) == 1
    assert "vl.wrap(search, policy=...)" in caplog.text
    assert "loan: clones of the wrapped LogisticRegression were trained" in caplog.text


def test_clones_of_a_model_that_is_audited_besides_are_not(
    policy: str, X: Any, y: Any, caplog: Any
) -> None:
    model = vl.wrap(LogisticRegression(), policy=policy)
    cross_val_score(model, X, y, cv=2)
    model.fit(X, y)
    hints.tell_unaudited()
    assert told(caplog, CLONED) == 0


def test_a_script_ends_with_the_line(policy: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "import numpy as np, venturalitica as vl\n"
        "from sklearn.linear_model import LogisticRegression\n"
        "from sklearn.model_selection import GridSearchCV\n"
        "X, y = np.arange(40.0).reshape(40, 1), np.arange(40) % 2\n"
        f"model = vl.wrap(LogisticRegression(), policy={policy!r})\n"
        "GridSearchCV(model, {'C': [1.0, 2.0]}, cv=2, n_jobs=2).fit(X, y)\n"
        "print('done')\n"
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "done\n"
    (line,) = done.stderr.splitlines()
    assert CLONED in line


def test_a_wrapped_search_has_no_such_hint(policy: str, X: Any, y: Any, caplog: Any) -> None:
    inner = vl.wrap(LogisticRegression(), policy=policy)
    vl.wrap(GridSearchCV(inner, GRID, cv=2), policy=policy).fit(X, y)
    vl.wrap(GridSearchCV(LogisticRegression(), GRID, cv=2), policy=policy).fit(X, y)
    hints.tell_unaudited()
    assert told(caplog, CLONED) == 0


def test_a_column_that_x_lacks_goes_into_audit_data(policy: str, y: Any) -> None:
    table = pd.DataFrame({"a": np.arange(len(y), dtype=float)})
    for X, said in ((table, "X has no column 'sex' (columns of X: 'a')"),
                    (table.to_numpy(), "there is no table with named columns")):  # fmt: skip
        with pytest.raises(vl.BindingError) as refused:
            vl.wrap(LogisticRegression(), policy=policy).fit(X, y, gender="sex")
        assert said in str(refused.value)
        assert "audit_data=" in str(refused.value)


def test_a_column_that_the_policy_reads_and_x_lacks_is_told_before_training(
    write_policy: Any, y: Any, caplog: Any
) -> None:
    path = write_policy(
        'policy: loan\nversion: "1"\nroles: {gender: {column: sex}}\ncontrols:\n'
        '  - {id: a, metric: accuracy, across: gender, compare: min, must: ">= 0.5"}\n'
    )
    table = pd.DataFrame({"a": np.arange(len(y), dtype=float)})
    vl.wrap(LogisticRegression(), policy=path).fit(table, y)
    assert told(caplog, "The policy reads 'sex' (for gender), which is not there") == 1
    assert "audit_data=" in caplog.text


@pytest.mark.parametrize("phase", [None, "data"])
def test_enforce_without_anything_says_so(policy: str, phase: Any) -> None:
    with pytest.raises(vl.BindingError, match=r"given nothing to judge: pass a table"):
        vl.enforce(policy=policy, phase=phase)
