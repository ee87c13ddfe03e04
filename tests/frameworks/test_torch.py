"""PyTorch's modules as `model=` of `vl.enforce`: labels, scores, modes, gradients, batches."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, roc_auc_score
from torch import nn
from torch.utils.data import DataLoader

import venturalitica as vl
from venturalitica.frameworks import favorable_scores, predictions
from venturalitica.frameworks.beside import Beside, Unanswered

FEATURES = ["income", "debt"]


class Net(nn.Module):
    """A layer, dropout, and an end that is a function."""

    def __init__(self, end: Any = None, outputs: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.hidden = nn.Linear(2, 8)
        self.drop = nn.Dropout(0.5)
        self.last = nn.Linear(8, outputs)
        self.end = end

    def forward(self, x: Any) -> Any:
        given = self.last(self.drop(torch.relu(self.hidden(x))))
        return given if self.end is None else self.end(given)


def logits(net: Any, X: Any) -> Any:
    """What the last layer gives, computed by hand."""
    hidden = np.maximum(
        X @ net.hidden.weight.detach().numpy().T + net.hidden.bias.detach().numpy(), 0
    )
    return hidden @ net.last.weight.detach().numpy().T + net.last.bias.detach().numpy()


def sigmoid(values: Any) -> Any:
    return 1 / (1 + np.exp(-values))


@pytest.mark.parametrize(
    "end",
    [None, torch.sigmoid, nn.Sigmoid(), lambda g: g.squeeze(), lambda g: g.squeeze(1)],
    ids=["logits", "function", "layer", "squeezed", "flat"],
)  # fmt: skip
def test_one_output_is_a_probability_or_a_logit(end: Any, X: Any) -> None:
    net = Net(end)
    expected = sigmoid(logits(net, X)[:, 0])
    for rows in (X, torch.from_numpy(X), X.tolist(), X.astype(np.float64)):
        np.testing.assert_allclose(favorable_scores(net, rows, 1), expected, atol=1e-5)
        np.testing.assert_array_equal(predictions(net, rows), expected > 0.5)
    np.testing.assert_allclose(favorable_scores(net, X, 0), 1 - expected, atol=1e-5)


def test_small_logits_are_no_probabilities(X: Any) -> None:
    """All between 0 and 1, and yet logits: only the layer tells."""
    net = Net()
    with torch.no_grad():
        net.last.weight.mul_(0.01)
        net.last.bias.fill_(0.2)
    assert 0 < logits(net, X).min() < logits(net, X).max() < 0.5
    assert predictions(net, X).all()


@pytest.mark.parametrize(
    "end",
    [None, lambda g: torch.softmax(g, 1), nn.Softmax(dim=1), nn.LogSoftmax(dim=1),
     lambda g: torch.log_softmax(g, 1)],
    ids=["logits", "function", "layer", "log layer", "log function"],
)  # fmt: skip
def test_the_largest_of_several_is_the_label(end: Any, X: Any) -> None:
    net = Net(end, 3)
    raised = np.exp(logits(net, X))
    expected = raised / raised.sum(axis=1, keepdims=True)
    np.testing.assert_array_equal(predictions(net, X), expected.argmax(axis=1))
    np.testing.assert_allclose(favorable_scores(net, X, 2), expected[:, 2], atol=1e-5)


def test_probabilities_that_are_each_its_own_are_no_label(X: Any) -> None:
    with pytest.raises(Unanswered, match="a row may have several labels"):
        predictions(Net(torch.sigmoid, 3), X)


def test_a_module_is_judged_as_a_table_names_its_columns(
    policy: str, loans: Any, X: Any, evidence: Any
) -> None:
    net = Net()
    expected = sigmoid(logits(net, X)[:, 0])
    y, sex = loans["class"].to_numpy().copy(), loans["sex"].to_numpy()
    column = torch.from_numpy(y)[:, None].float()
    judge: Any = partial(vl.enforce, policy=policy, model=net)
    for audit in (
        judge(loans, features=FEATURES, target="class", gender="sex"),
        judge(features=X, target=y, gender=sex),
        judge(torch.from_numpy(X), target=torch.from_numpy(y), gender=sex),
        judge(features=torch.from_numpy(X), target=column, gender=sex),
    ):  # fmt: skip
        assert audit["right"].value == pytest.approx(accuracy_score(y, expected > 0.5))
        assert audit["ranks"].value == pytest.approx(roc_auc_score(y, expected), abs=5e-5)
    assert evidence()[-1]["model"]["class"].endswith("test_torch.Net")
    assert [one["status"] for one in evidence()[-1]["verdicts"]][:2] == ["passed"] * 2


def test_modes_gradients_and_generators_stay_as_they_were(policy: str, loans: Any) -> None:
    net = Net()
    net.train()
    net.hidden.eval()  # a part that the user keeps frozen
    loss = net(torch.ones(2, 2)).sum()
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    vl.enforce(loans, policy=policy, model=net, features=FEATURES, target="class", gender="sex")
    assert torch.equal(torch.rand(3), expected)
    assert (net.training, net.hidden.training, net.drop.training) == (True, False, True)
    assert not net.drop._forward_hooks
    assert torch.is_grad_enabled()
    loss.backward()  # nothing was written into what it needs
    assert net.last.weight.grad is not None


def test_modes_come_back_where_the_module_fails(X: Any) -> None:
    net = Net(lambda given: {"logits": given})
    net.train()
    with pytest.raises(Unanswered, match="Net gives a dict: expected one tensor"):
        predictions(net, X)
    assert net.training
    assert not net.last._forward_hooks


def test_many_rows_come_in_batches(X: Any) -> None:
    sizes = []

    def end(given: Any) -> Any:
        sizes.append(len(given))
        return given

    rows = np.concatenate([X] * 9)[:2049]  # the last batch is one row, which squeezes to none
    found = predictions(Net(lambda given: end(given).squeeze()), rows)
    assert sizes == [1024, 1024, 1]
    np.testing.assert_array_equal(found, logits(Net(), rows)[:, 0] > 0)


def test_weights_of_another_precision_and_whole_numbers(X: Any) -> None:
    assert predictions(Net().double(), X).shape == (300,)
    words = nn.Sequential(nn.EmbeddingBag(10, 4), nn.Linear(4, 1))
    ids = np.arange(40).reshape(20, 2) % 10
    np.testing.assert_array_equal(
        predictions(words, ids), predictions(words, torch.from_numpy(ids))
    )


@pytest.mark.filterwarnings("ignore")  # PyTorch's own
def test_a_script_and_a_compiled_module_are_asked_alike(X: Any) -> None:
    net = Net()
    traced = torch.jit.trace(net.eval(), torch.from_numpy(X[:2]))
    np.testing.assert_array_equal(predictions(traced, X), predictions(net, X))
    np.testing.assert_array_equal(predictions(torch.compile(net), X), predictions(net, X))


def test_a_predict_of_its_own_is_asked(X: Any) -> None:
    class Own(Net):
        def predict(self, X: Any) -> Any:
            assert not self.training
            return (self(torch.as_tensor(X)) > 0).long()

    np.testing.assert_array_equal(predictions(Own(), X), logits(Own(), X)[:, 0] > 0)


def test_nothing_is_a_missing_label(X: Any) -> None:
    X[3] = np.nan
    found = predictions(Net(), X)
    assert np.isnan(found[3])
    assert np.isnan(found).sum() == 1


def test_amounts_are_one_number_per_row(X: Any) -> None:
    net = Net()
    np.testing.assert_allclose(predictions(net, X, amounts=True), logits(net, X)[:, 0], atol=1e-5)
    with pytest.raises(Unanswered, match=r"the target has 0\.5"):
        predictions(net, X, beside=Beside(y=X[:, 0] * 0 + 0.5))


def test_hints_say_the_line_that_works(policy: str, loans: Any, X: Any) -> None:
    net = Net()
    with pytest.raises(TypeError, match=r"vl\.enforce\(test_df, model=model, features=\["):
        vl.wrap(net, policy=policy)
    with pytest.raises(vl.DataError, match=r"vl\.enforce\(test_df, model=model, features=\["):
        vl.enforce(loans, policy=policy, model=net, target="class", gender="sex")
    with pytest.raises(vl.DataError, match=r"vl\.enforce\(model=model, features=X_test"):
        vl.enforce(policy=policy, model=net, target=loans["class"])
    with pytest.raises(vl.DataError, match="column 'sex' holds String"):
        vl.enforce(loans, policy=policy, model=net, features=["income", "sex"], target="class")
    for features in (["income"], X[:, :1], DataLoader(X)):
        with pytest.raises(vl.DataError, match=r"Net raised .*Error .*features=\["):
            vl.enforce(loans, policy=policy, model=net, features=features, target="class")
    with pytest.raises(Unanswered, match=r"gave shape \(300, 1, 2\) for 300 rows"):
        predictions(Net(lambda given: given[:, None], 2), X)


def test_a_module_is_known_by_its_weights(policy: str, X: Any, loans: Any, evidence: Any) -> None:
    net, again = Net(), Net()
    again.load_state_dict(net.state_dict())
    other = Net()
    with torch.no_grad():
        other.last.bias.add_(1)
    found = []
    for one in (net, again, other):
        vl.enforce(loans, policy=policy, model=one, features=FEATURES, target="class", gender="sex")
        found.append(evidence()[-1]["model"])
    assert found[0]["sha256"] == found[1]["sha256"] != found[2]["sha256"]
    assert found[0]["identity"] == "weights"
    digest = hashlib.sha256()
    for name, value in net.state_dict().items():
        header = json.dumps([name, "<f4", list(value.shape)], separators=(",", ":"))
        digest.update(f"{header}\n".encode() + value.numpy().tobytes())
    assert found[0]["sha256"] == digest.hexdigest()
