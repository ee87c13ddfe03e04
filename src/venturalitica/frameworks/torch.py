"""PyTorch's modules: asked in batches, where their weights are, at rest, without a gradient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from venturalitica.frameworks import sklearn
from venturalitica.frameworks.beside import NOTHING, Beside, Unanswered
from venturalitica.frameworks.outputs import Form, Output, matrix, one_label
from venturalitica.frameworks.sklearn import Favorable, feature_names, labels_of

BATCH = 1024
"""Rows that a module is given at once."""

LINE = (
    'after its training loop: vl.enforce(test_df, model=model, features=["...", "..."], '
    'target="..."), or with tensors vl.enforce(model=model, features=X_test, target=y_test)'
)

_ACTIVATIONS: dict[str, Form] = {
    "Sigmoid": "probability",
    "Softmax": "probability",
    "LogSoftmax": "log-probability",
}


def is_fitted(model: Any) -> bool:
    """Nobody can tell by a module."""
    return False


def weights(model: Any) -> list[tuple[str, Any]] | None:
    """Parameters and buffers; None where its state holds anything else."""
    import torch

    state = model.state_dict()
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        return None
    plain = ((name, value.detach().cpu()) for name, value in state.items())
    # numpy has no bfloat16, and float32 holds each of its numbers.
    return [
        (name, (value.float() if value.dtype == torch.bfloat16 else value).numpy())
        for name, value in plain
    ]


def from_table(model: Any, table: Any) -> Any:
    """A matrix of floats, in the order of the columns."""
    return matrix(table)


def amounts(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """What it puts out, one number per row, shape (n,)."""
    with at_rest(model):
        if _has_own(model, "predict"):
            return sklearn.one_per_row(_plain(model.predict(X, **beside.params)), X, "predict")
        values, _ = _outputs(model, X)
    return sklearn.one_per_row(values, X, "the module")


def predictions(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """One label per row, shape (n,); of a module with a `predict` of its own, what that gives."""
    with at_rest(model):
        if _has_own(model, "predict"):
            answer = _plain(model.predict(X, **beside.params))
            return sklearn.labels_in(answer, X, f"{type(model).__name__}.predict")
        return _output(model, X).labels(X, beside)


def favorable_scores(model: Any, X: Any, favorable: Favorable, beside: Beside = NOTHING) -> Any:
    """The probability of the favorable label, shape (n,)."""
    with at_rest(model):
        if _has_own(model, "predict_proba"):
            return _own_scores(model, X, favorable, beside)
        return _output(model, X).scores(X, favorable, beside)


def _own_scores(model: Any, X: Any, favorable: Favorable, beside: Beside) -> Any:
    classes = sklearn.classes_of(model, beside)
    place = sklearn.favorable_place(classes, favorable)
    answer = model.predict_proba(X, **beside.taken_by(model.predict_proba))
    return sklearn.proba_column(_plain(answer), place, classes, X)


@contextmanager
def at_rest(*models: Any) -> Iterator[None]:
    """Inside, in `eval` mode and without gradients; after it each part as it was."""
    import torch

    parts = [part for model in models for part in model.modules()]
    modes = [part.training for part in parts]
    try:
        for model in models:
            model.eval()
        with torch.no_grad():
            yield
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


def _has_own(model: Any, method: str) -> bool:
    return callable(getattr(model, method, None))


def _output(model: Any, X: Any) -> Output:
    import numpy as np

    who = type(model).__name__
    values, form = _outputs(model, X)
    table = values[:, None] if values.ndim == 1 else values
    inside = bool((np.isnan(table) | ((table >= 0) & (table <= 1))).all())
    if form is None and table.ndim == 2 and table.shape[1] > 1:
        form = "probability" if inside else "logit"
        if one_label(np.exp(table)):
            form = "log-probability"
    form = form or ("probability" if inside else "logit")
    if form == "probability" and table.ndim == 2 and table.shape[1] > 1 and not one_label(table):
        raise Unanswered(
            f"{who} gives {table.shape[1]} probabilities that do not add up to 1, so a row may "
            "have several labels: judge each by itself, vl.enforce(data, prediction=<labels>)"
        )
    return Output(values, form, who)


def _outputs(model: Any, X: Any) -> tuple[Any, Form | None]:
    """What the module puts out for all rows; and the form of it, where its last layer tells."""
    import torch

    module = getattr(model, "_orig_mod", model)  # what torch.compile was given
    rows = _tensor(module, X)
    with _watched(module) as seen:
        first = _put(module, rows[:BATCH])
    form = _form(seen, first)
    rest = [_put(module, rows[at : at + BATCH]) for at in range(BATCH, len(rows), BATCH)]
    return torch.cat([first, *rest]).float().cpu().numpy(), form


def _put(module: Any, rows: Any) -> Any:
    import torch

    given = module(rows)
    given = getattr(given, "logits", given)
    if not isinstance(given, torch.Tensor):
        raise Unanswered(
            f"{type(module).__name__} gives a {type(given).__name__}: expected one tensor; "
            "give its labels, vl.enforce(data, prediction=<labels>)"
        )
    return given.reshape(len(rows)) if given.numel() == len(rows) else given


def _tensor(module: Any, X: Any) -> Any:
    """The rows where the weights are, floats as the weights are; whole numbers as they are for a
    module that looks them up."""
    import torch

    weights = list(chain(module.parameters(), module.buffers()))
    place = weights[0].device if weights else torch.device("cpu")
    floats = [one.dtype for one in weights if one.is_floating_point()]
    rows = X if isinstance(X, torch.Tensor) else torch.as_tensor(_array(X))
    looks_up = any(type(part).__name__.startswith("Embedding") for part in module.modules())
    keeps = isinstance(X, torch.Tensor) or looks_up
    if rows.is_floating_point() or not keeps:
        rows = rows.to(floats[0] if floats else torch.float32)
    return rows.to(place)


def _array(X: Any) -> Any:
    import numpy as np

    found = np.asarray(X) if isinstance(X, list | np.ndarray) else matrix(X)
    # A copy where PyTorch would warn: it knows no array that cannot be written.
    return np.require(found, None if found.dtype.kind in "iufb" else np.float32, ["C", "W"])


@contextmanager
def _watched(module: Any) -> Iterator[list[tuple[Any, Any]]]:
    """The layers that are run inside, each with what it gave; none of a compiled script."""
    seen: list[tuple[Any, Any]] = []
    handles = []
    try:
        for part in module.modules():
            if not next(part.children(), None):
                hook = part.register_forward_hook(lambda one, _, gave: seen.append((one, gave)))
                handles.append(hook)
    except RuntimeError:  # a script's layers take no hooks
        seen.clear()
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _form(seen: list[tuple[Any, Any]], output: Any) -> Form | None:
    """An activation says what it gives; what a layer with weights gives, as it is, are logits."""
    import torch

    for layer, gave in reversed(seen):
        same = isinstance(gave, torch.Tensor) and gave.numel() == output.numel()
        if not same or not torch.equal(gave.reshape(-1), output.reshape(-1)):
            continue
        named = _ACTIVATIONS.get(type(layer).__name__)
        if named is not None or next(layer.parameters(), None) is not None:
            return named or "logit"
    return None


def _plain(answer: Any) -> Any:
    """A tensor as an array."""
    import torch

    return answer.detach().cpu().numpy() if isinstance(answer, torch.Tensor) else answer


__all__ = [
    "amounts",
    "at_rest",
    "favorable_scores",
    "feature_names",
    "from_table",
    "is_fitted",
    "labels_of",
    "predictions",
    "weights",
]
