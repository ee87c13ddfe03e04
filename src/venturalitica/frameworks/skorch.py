"""skorch: scikit-learn's protocol around a module, whose training mode stays as it is."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from venturalitica.frameworks import sklearn, torch
from venturalitica.frameworks.beside import NOTHING, Beside
from venturalitica.frameworks.keras import LINE
from venturalitica.frameworks.sklearn import Favorable, feature_names, labels_of
from venturalitica.frameworks.torch import from_table


def weights(model: Any) -> list[tuple[str, Any]] | None:
    """Those of its module."""
    module = getattr(model, "module_", None)
    return None if module is None else torch.weights(module)


def is_fitted(model: Any) -> bool:
    """A net that was trained keeps its history."""
    return bool(getattr(model, "history_", None))


def amounts(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """What it predicts, one number per row, shape (n,)."""
    with _at_rest(model):
        return sklearn.amounts(model, X, beside)


def predictions(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """One label per row, shape (n,); a net that is no classifier is asked as its module is."""
    if not hasattr(model, "classes_") and sklearn.kind_of(model) != "regressor":
        return torch.predictions(model.module_, X, beside)
    with _at_rest(model):
        return sklearn.predictions(model, X, beside)


def favorable_scores(model: Any, X: Any, favorable: Favorable, beside: Beside = NOTHING) -> Any:
    """The probability of the favorable label, shape (n,)."""
    if not hasattr(model, "classes_") and sklearn.kind_of(model) != "regressor":
        return torch.favorable_scores(model.module_, X, favorable, beside)
    with _at_rest(model):
        return sklearn.favorable_scores(model, X, favorable, beside)


def _at_rest(model: Any) -> AbstractContextManager[None]:
    held = [value for value in vars(model).values() if not isinstance(value, type)]
    return torch.at_rest(*(value for value in held if hasattr(value, "named_modules")))


__all__ = [
    "LINE",
    "amounts",
    "favorable_scores",
    "feature_names",
    "from_table",
    "is_fitted",
    "labels_of",
    "predictions",
]
