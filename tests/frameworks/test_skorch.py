"""skorch's nets: wrapped as any estimator, their module's mode left as the training left it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import skorch
import torch
from sklearn.metrics import accuracy_score, roc_auc_score
from torch import nn

import venturalitica as vl


class Net(nn.Module):
    def __init__(self, outputs: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Dropout(0.2))
        self.last = nn.Linear(8, outputs)

    def forward(self, x: Any) -> Any:
        return self.last(self.layers(x))


def several() -> Any:
    return skorch.NeuralNetClassifier(
        Net, criterion=nn.CrossEntropyLoss, max_epochs=3, lr=0.1, verbose=0, train_split=None
    )


def binary() -> Any:
    return skorch.NeuralNetBinaryClassifier(
        Net, module__outputs=1, max_epochs=3, lr=0.1, verbose=0, train_split=None
    )


@pytest.mark.parametrize("make", [several, binary])
def test_a_net_is_audited_and_trained_as_bare(
    make: Any, policy: str, loans: Any, X: Any, evidence: Any
) -> None:
    y = loans["class"].to_numpy(dtype=np.int64 if make is several else np.float32)
    torch.manual_seed(1)
    bare = make().fit(X, y)
    after = torch.rand(2)
    torch.manual_seed(1)
    model = vl.wrap(make(), policy=policy)
    assert model.fit(X, y, gender=loans["sex"].to_numpy()) is model
    assert torch.equal(torch.rand(2), after)
    np.testing.assert_array_equal(model.predict_proba(X), bare.predict_proba(X))
    right, ranks, _ = evidence()[-1]["verdicts"]
    assert right["value"] == pytest.approx(accuracy_score(y, bare.predict(X)), abs=5e-5)
    assert ranks["value"] == pytest.approx(roc_auc_score(y, bare.predict_proba(X)[:, 1]), abs=5e-5)
    assert evidence()[-1]["model"]["class"].startswith("skorch.")


def test_the_module_is_left_in_the_mode_of_its_training(policy: str, loans: Any, X: Any) -> None:
    y = loans["class"].to_numpy(dtype=np.int64)
    bare = several().fit(X, y)
    model = vl.wrap(several(), policy=policy).fit(X, y)
    modes = [[part.training for part in net.module_.modules()] for net in (bare, model)]
    assert modes[0] == modes[1]


def test_held_out_rows_and_a_table(policy: str, loans: Any, X: Any, evidence: Any) -> None:
    y = loans["class"].to_numpy(dtype=np.int64)
    model = vl.wrap(several(), policy=policy)
    model.fit(X[:200], y[:200], audit_data=(X[200:], y[200:]), gender=loans["sex"].to_numpy()[200:])
    value = evidence()[-1]["verdicts"][0]["value"]
    audit = vl.enforce(loans[200:], policy=policy, model=model, features=["income", "debt"],
                       target="class", gender="sex")  # fmt: skip
    assert audit["right"].value == pytest.approx(value, abs=5e-5)
    assert value == pytest.approx(accuracy_score(y[200:], model.predict(X[200:])), abs=5e-5)


def test_a_plain_net_is_asked_as_its_module_is(policy: str, loans: Any, X: Any) -> None:
    y = loans["class"].to_numpy(dtype=np.float32)[:, None]
    net = skorch.NeuralNet(
        Net, module__outputs=1, criterion=nn.BCEWithLogitsLoss, max_epochs=3, verbose=0,
        train_split=None,
    ).fit(X, y)  # fmt: skip
    audit = vl.enforce(loans, policy=policy, model=net, features=["income", "debt"],
                       target="class", gender="sex")  # fmt: skip
    with torch.no_grad():
        expected = net.module_.eval()(torch.from_numpy(X)) > 0
    assert audit["right"].value == pytest.approx(accuracy_score(y, expected))


def test_a_regressor_predicts_no_labels(policy: str, loans: Any, X: Any, evidence: Any) -> None:
    net = skorch.NeuralNetRegressor(Net, module__outputs=1, max_epochs=1, verbose=0)
    vl.wrap(net, policy=policy).fit(X, X[:, :1].copy())
    verdicts = evidence()[-1]["verdicts"]
    assert "passed" not in {verdict["status"] for verdict in verdicts}
