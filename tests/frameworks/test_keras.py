"""Keras 3: governed in place, labels and scores by loss and last activation."""

from __future__ import annotations

import copy
import gc
import inspect
import pickle
import random
import weakref
from functools import partial
from typing import Any

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

import venturalitica as vl
from venturalitica.frameworks import favorable_scores, labels_of, predictions
from venturalitica.frameworks.beside import Unanswered

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of Keras itself

FEATURES = ["income", "debt"]


def made(last: Any = "sigmoid", outputs: int = 1, loss: Any = "binary_crossentropy") -> Any:
    keras.utils.set_random_seed(4)
    layers = keras.layers
    model = keras.Sequential(
        [layers.Input((2,)), layers.Dense(8, "relu"), layers.Dropout(0.1),
         layers.Dense(outputs, activation=last)]
    )  # fmt: skip
    if loss is not None:
        model.compile(keras.optimizers.Adam(0.05), loss)
    return model


def train(model: Any, X: Any, y: Any, **given: Any) -> Any:
    keras.utils.set_random_seed(5)
    return model.fit(X, y, epochs=2, batch_size=32, verbose=0, **given)


def test_a_wrapped_model_trains_as_bare_and_is_audited(
    policy: str, loans: Any, X: Any, evidence: Any, capsys: Any
) -> None:
    y, bare = loans["class"].to_numpy(), made()
    history = train(bare, X, y, validation_split=0.2)
    after = random.random(), np.random.random()
    mode = getattr(bare, "training", None)  # on PyTorch alone
    model = made()
    assert vl.wrap(model, policy=policy) is model
    capsys.readouterr()
    ours = train(model, X, y, validation_split=0.2, gender=loans["sex"].to_numpy())
    assert ours.history == history.history
    assert (random.random(), np.random.random()) == after
    assert getattr(model, "training", None) == mode
    assert capsys.readouterr().out == ""
    expected = bare.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), expected)
    [right, ranks, parity] = evidence()[-1]["verdicts"]
    assert right["value"] == pytest.approx(accuracy_score(y, expected > 0.5), abs=5e-5)
    assert ranks["value"] == pytest.approx(roc_auc_score(y, expected), abs=5e-5)
    assert parity["status"] == "passed"
    assert evidence()[-1]["model"]["class"] == "keras.src.models.sequential.Sequential"


def test_what_leaves_the_process_is_plain(policy: str, X: Any, loans: Any, tmp_path: Any) -> None:
    model, y = vl.wrap(made(), policy=policy), loans["class"].to_numpy()
    assert type(model) is keras.Sequential
    assert inspect.signature(model.fit) == inspect.signature(made().fit)
    train(model, X, y)
    expected = model.predict(X, verbose=0)
    model.save(tmp_path / "model.keras")
    for twin in (
        keras.saving.load_model(tmp_path / "model.keras"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        vl.unwrap(model),
    ):
        assert "fit" not in vars(twin)
        np.testing.assert_array_equal(twin.predict(X, verbose=0), expected)
    assert "fit" in vars(model)


def test_layers_stay_shared_and_a_policy_can_be_changed(
    policy: str, X: Any, loans: Any, evidence: Any
) -> None:
    model, y = made(), loans["class"].to_numpy()
    inner = keras.Model(model.inputs, model.layers[0].output)
    before = inner.predict(X, verbose=0)
    again = vl.wrap(vl.wrap(model, policy=policy), policy=policy)
    train(again, X, y)
    assert len([one for one in evidence() if one["kind"] == "audit"]) == 1
    assert not np.array_equal(inner.predict(X, verbose=0), before)


def test_a_model_is_let_go(policy: str) -> None:
    gone = weakref.ref(vl.wrap(made(), policy=policy))
    keras.backend.clear_session()
    gc.collect()
    assert gone() is None


def test_custom_objects_are_no_hindrance(policy: str, X: Any, loans: Any, evidence: Any) -> None:
    class Twice(keras.layers.Layer):
        def call(self, x: Any) -> Any:
            return 2 * x

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.twice, self.last = Twice(), keras.layers.Dense(1, "sigmoid")

        def call(self, x: Any) -> Any:
            return self.last(self.twice(x))

    model = Own()
    model.compile("adam", loss=lambda y, p: keras.ops.mean((y - p) ** 2, axis=-1))
    train(vl.wrap(model, policy=policy), X, loans["class"].to_numpy()[:, None])
    assert evidence()[-1]["verdicts"][0]["status"] == "passed"


@pytest.mark.parametrize(
    ("last", "outputs", "loss"),
    [
        ("sigmoid", 1, "binary_crossentropy"),
        ("sigmoid", 1, None),
        (None, 1, keras.losses.BinaryCrossentropy(from_logits=True)),
        (None, 1, None),
        ("softmax", 3, "sparse_categorical_crossentropy"),
        ("softmax", 3, None),
        (None, 3, keras.losses.SparseCategoricalCrossentropy(from_logits=True)),
        ("sigmoid", 1, "mse"),
        (lambda x: keras.ops.sigmoid(x), 1, None),
    ],
)
def test_labels_and_scores_are_those_of_loss_and_activation(
    last: Any, outputs: int, loss: Any, X: Any
) -> None:
    model = made(last, outputs, loss)
    raw = model.predict(X, verbose=0).astype(float)
    if outputs == 1:
        expected = raw[:, 0] if last else 1 / (1 + np.exp(-raw[:, 0]))
        labels, place = expected > 0.5, 1
        np.testing.assert_allclose(favorable_scores(model, X, 0), 1 - expected, atol=1e-6)
    else:
        raised = np.exp(raw) / np.exp(raw).sum(axis=1, keepdims=True)
        expected, labels, place = (raw if last else raised)[:, 2], raw.argmax(axis=1), 2
    np.testing.assert_array_equal(predictions(model, X), labels)
    np.testing.assert_allclose(favorable_scores(model, X, place), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("last", "outputs", "loss", "said"),
    [
        (None, 1, "mse", "is a regressor .loss mse"),
        (None, 1, keras.losses.MeanAbsoluteError(), "is a regressor .loss mean_absolute_error"),
        ("sigmoid", 3, "binary_crossentropy", "a row may have several labels"),
    ],
)
def test_what_is_no_label_is_said(last: Any, outputs: int, loss: Any, said: str, X: Any) -> None:
    model = made(last, outputs, loss)
    with pytest.raises(Unanswered, match=said):
        predictions(model, X)
    if outputs == 1:
        raw = model.predict(X, verbose=0)[:, 0]
        np.testing.assert_array_equal(predictions(model, X, amounts=True), raw)


def test_one_hot_labels_are_their_places(policy: str, loans: Any, X: Any, evidence: Any) -> None:
    y = loans["size"].to_numpy()
    hot = np.eye(3)[y]
    model = vl.wrap(made("softmax", 3, "categorical_crossentropy"), policy=policy)
    train(model, X[:200], hot[:200], audit_data=(X[200:], hot[200:]))
    expected = accuracy_score(y[200:], model.predict(X[200:], verbose=0).argmax(axis=1))
    assert evidence()[-1]["verdicts"][0]["value"] == pytest.approx(expected, abs=5e-5)
    both = np.array([[1, 1], [0, 1]])
    assert labels_of(model, X[:2], both) is both


def test_enforce_asks_a_matrix_or_inputs_by_name(policy: str, loans: Any, X: Any) -> None:
    model, y = made(), loans["class"].to_numpy()
    expected = accuracy_score(y, model.predict(X, verbose=0) > 0.5)
    inputs = {name: keras.Input((1,), name=name) for name in FEATURES}
    joined = keras.layers.Concatenate()(list(inputs.values()))
    named = keras.Model(inputs, model(joined))
    named.compile("adam", "binary_crossentropy")
    by_name = {name: loans[name].to_numpy() for name in FEATURES}
    sex = loans["sex"].to_numpy()
    judge: Any = partial(vl.enforce, policy=policy)
    for audit in (
        judge(loans, model=model, features=FEATURES, target="class", gender="sex"),
        judge(model=model, features=X, target=y, gender=sex),
        judge(loans, model=named, target="class", gender="sex"),
        judge(model=named, features=by_name, target=y, gender=sex),
    ):
        assert audit["right"].value == pytest.approx(expected)
    with pytest.raises(vl.DataError, match=r"features=\["):
        judge(loans, model=model, target="class", gender="sex")


def test_several_outputs_are_said(X: Any) -> None:
    inputs = keras.Input((2,))
    ends = [keras.layers.Dense(1, "sigmoid")(inputs) for _ in range(2)]
    with pytest.raises(Unanswered, match="has 2 outputs"):
        predictions(keras.Model(inputs, ends), X)


def test_rows_of_its_training_are_known_again(
    policy: str, loans: Any, X: Any, evidence: Any, tmp_path: Any
) -> None:
    model, y = vl.wrap(made(), policy=policy), loans["class"].to_numpy()
    train(model, X, y)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    vl.enforce(policy=policy, model=again, features=X, target=y, gender=loans["sex"].to_numpy())
    trained, judged = evidence()[-2:]
    assert trained["model"]["sha256"] == judged["model"]["sha256"]
    assert judged["data"][0]["training_rows"] is True
