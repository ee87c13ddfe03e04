"""A framework is added by one file and a line, as the page says, word for word."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy
import pandas
import pytest

from venturalitica.audit.measure import Request, measure, with_predictions
from venturalitica.frameworks import DIALECTS
from venturalitica.policy import parse_policy

PAGE = Path(__file__).parents[2] / "docs" / "add-a-framework.md"


class ToyModel:
    """A linear model as no scikit-learn knows it."""

    inputs = ("income", "debt")
    weights = numpy.array([1.0, -1.0])

    def __call__(self, matrix: Any) -> Any:
        return matrix @ self.weights


ToyModel.__module__ = "toy.linear"


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> ToyModel:
    file, line = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    module = ModuleType("venturalitica.frameworks.toy")
    exec(file, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(DIALECTS, "toy", "")
    exec(line, {})
    return ToyModel()


def judged(model: Any, favorable: int) -> Any:
    policy = f"""
policy: loans
version: "1"
roles: {{target: {{column: repaid, favorable: {favorable}}}}}
controls:
  - {{id: right, metric: accuracy, must: ">= 0.7"}}
  - {{id: ranks, metric: roc_auc, must: ">= 0.7"}}
"""
    random = numpy.random.default_rng(2)
    data = pandas.DataFrame({name: random.normal(size=300) for name in ("debt", "income")})
    data["repaid"] = (data["income"] - data["debt"] + random.normal(size=300) > 0).astype(int)
    request = Request(
        policy=parse_policy(policy.encode()),
        source="test",
        frame=data,
        model=model,
        ask_model=True,
        lenient=True,
    )
    return measure(with_predictions(request), fingerprint=False).verdicts


def test_a_model_of_a_new_framework_is_asked_by_its_own_file(toy: ToyModel) -> None:
    right, ranks = judged(toy, 1)
    assert (right.status, ranks.status) == ("passed", "passed")
    assert right.value == pytest.approx(0.8, abs=0.06)
    assert ranks.value > 0.8


def test_what_it_cannot_answer_is_not_evaluated(toy: ToyModel) -> None:
    right, ranks = judged(toy, 0)
    assert right.status == "passed"
    assert ranks.status == "not_evaluated"
    assert "a toy model scores the label 1" in ranks.reason
