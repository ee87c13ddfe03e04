"""What a newcomer gets wrong first is answered with what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier

import venturalitica as vl

POLICY = """\
policy: p
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.5"}
  - {id: each, metric: accuracy, across: sex, compare: min, must: ">= 0.5"}
"""


@pytest.fixture
def frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    Path("model_policy.yaml").write_text(POLICY)
    return pd.DataFrame({"x": range(60), "label": [0, 1] * 30, "gender": ["f", "m"] * 30})


@pytest.mark.usefixtures("frame")
@pytest.mark.parametrize("data", ["test.csv", Path("test.csv")])
def test_a_file_name_is_no_table(data: str | Path) -> None:
    with pytest.raises(vl.DataError, match=r"'test.csv'.*read the file first.*check FILE"):
        vl.enforce(data, target="label", prediction="guess", sex="gender")


def test_a_model_that_is_not_fitted_is_named_as_such(frame: pd.DataFrame) -> None:
    with pytest.raises(vl.DataError, match=r"not fitted yet.*prediction=model\.predict"):
        vl.enforce(frame, model=DummyClassifier(), target="label", sex="gender")


def test_a_role_of_no_control_is_told_how_to_become_one(frame: pd.DataFrame) -> None:
    guess = np.zeros(60, dtype=int)
    with pytest.raises(vl.BindingError, match=r"'years' is no role.*'across: years'"):
        vl.enforce(frame, target="label", prediction=guess, sex="gender", years="x")


def test_columns_are_listed_once_whatever_is_missing(frame: pd.DataFrame) -> None:
    with pytest.raises(vl.BindingError) as caught:
        vl.enforce(frame)
    text = str(caught.value)
    assert text.count("(columns: x, label, gender)") == 1
    for role in ("target", "prediction", "sex"):
        assert f"pass {role}=<column>" in text
