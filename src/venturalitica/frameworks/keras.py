"""Keras 3, whatever computes for it. Keras itself is not imported here."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from venturalitica.frameworks.alignment import one_column
from venturalitica.frameworks.beside import Beside, Unanswered
from venturalitica.frameworks.outputs import (
    Form,
    Output,
    answers,
    matrix,
    one_label,
    refuse_amounts,
)

IN_PLACE = True
"""Copying a model would save and load it, draw random numbers, and leave layers behind that other
models share: the model itself is governed."""

LINE = (
    'vl.enforce(test_df, model=model, features=["...", "..."], target="..."), or with arrays '
    "vl.enforce(model=model, features=X_test, target=y_test)"
)

_AMOUNTS = ("squared", "absolute", "percentage", "huber", "log_cosh", "poisson", "cosine")
_SHORT = ("mse", "mae", "mape", "msle")


def labels_of(X: Any, y: Any) -> Any:
    """`y`, of one-hot rows their places."""
    import numpy as np

    if len(getattr(y, "shape", ())) != 2 or y.shape[1] < 2:
        return y
    rows = np.asarray(y)
    hot = rows.dtype.kind in "iufb" and np.isin(rows, (0, 1)).all() and one_label(rows)
    return rows.argmax(axis=1) if hot else y


def feature_names(model: Any) -> list[str] | None:
    """The names of inputs that are given as a dict; of a matrix nobody knows the columns."""
    inputs = getattr(model, "input", None)
    return [str(name) for name in inputs] if isinstance(inputs, Mapping) else None


def from_table(model: Any, table: Any) -> Any:
    """A dict of columns for a model that takes one, else a matrix of floats."""
    names = feature_names(model)
    if names is None:
        return matrix(table)
    found = {}
    for name in names:
        column = one_column(table[name])
        number = column.dtype.kind in "fb"
        found[name] = (column.astype("float32") if number else column).reshape(-1, 1)
    return found


def weights(model: Any) -> list[tuple[str, Any]]:
    """By place and name: their paths are others once a model was saved and loaded."""
    numbered = enumerate(model.weights)
    return [(f"{place}/{weight.name}", weight.numpy()) for place, weight in numbered]


def is_fitted(model: Any) -> bool:
    """Whether its optimizer has made a step."""
    steps = getattr(getattr(model, "optimizer", None), "iterations", None)
    return steps is not None and int(steps) > 0


def _asked(model: Any, X: Any, beside: Beside) -> Any:
    """`predict`, without its progress bar."""
    with _at_rest(model):
        answer = model.predict(X, **{"verbose": 0, **beside.params})
    if isinstance(answer, list | tuple | Mapping):
        raise Unanswered(
            f"{type(model).__name__} has {len(answer)} outputs: expected one; judge each by "
            "itself, vl.enforce(data, prediction=<labels>)"
        )
    return answer


def _at_rest(model: Any) -> AbstractContextManager[None]:
    """On PyTorch the parts of a model have modes, which `predict` changes."""
    if "torch" not in sys.modules or not hasattr(model, "named_modules"):
        return nullcontext()
    from venturalitica.frameworks.torch import at_rest

    return at_rest(model)


def _output(model: Any, X: Any, beside: Beside) -> Output:
    import numpy as np

    who, loss, last = type(model).__name__, _loss(model), _activation(model)
    squashed = last in ("sigmoid", "softmax")
    if not squashed and (loss in _SHORT or any(part in loss for part in _AMOUNTS)):
        refuse_amounts(who, f"loss {loss}")
    values = np.asarray(_asked(model, X, beside))
    if values.ndim == 2 and values.shape[1] > 1 and _several(loss, last):
        raise Unanswered(
            f"{who} gives {values.shape[1]} probabilities of their own, so a row may have several "
            "labels: judge each by itself, vl.enforce(data, prediction=<labels>)"
        )
    return Output(values, _form(model, last, loss, values), who)


def _several(loss: str, last: str) -> bool:
    return loss.startswith("binary") or (last == "sigmoid" and "categorical" not in loss)


def _form(model: Any, last: str, loss: str, values: Any) -> Form:
    """As the loss says, else the last activation, else the values themselves."""
    if getattr(model.loss, "from_logits", False):
        return "logit"
    if last in ("sigmoid", "softmax") or loss.endswith("crossentropy"):
        return "probability"
    if last == "log_softmax":
        return "log-probability"
    inside = ((values >= 0) & (values <= 1)).all() and last != "linear"
    return "probability" if inside else "logit"


def _loss(model: Any) -> str:
    """Its name in small letters, `binary_crossentropy`; empty where it was not compiled."""
    loss = getattr(model, "loss", None)
    if isinstance(loss, str):
        return loss.lower()
    name = getattr(loss, "name", None) or getattr(loss, "__name__", "")
    return str(name).lower() if loss is not None else ""


def _activation(model: Any) -> str:
    """Of the last layer; its class where it is an activation itself."""
    layer = next(reversed(getattr(model, "layers", None) or [None]))
    activation = getattr(layer, "activation", None)
    name = getattr(activation, "__name__", None) or type(layer).__name__
    return str(name).lower()


amounts, predictions, favorable_scores = answers(_asked, _output)
