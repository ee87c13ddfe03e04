"""CatBoost: a `Pool` carries its own labels, the feature names have another attribute, and a plain
`CatBoost` gives raw values where nobody asks for classes."""

from __future__ import annotations

from typing import Any

from venturalitica.frameworks import sklearn
from venturalitica.frameworks.beside import NOTHING, Beside
from venturalitica.frameworks.outputs import refuse_amounts
from venturalitica.frameworks.sklearn import Favorable, amounts


def labels_of(X: Any, y: Any) -> Any:
    """`y`, or the labels of the `Pool` that was given as X."""
    if y is None and callable(getattr(X, "get_label", None)):
        labels = X.get_label()
        return labels if len(labels) else None
    return y


def feature_names(model: Any) -> list[str] | None:
    """`feature_names_`, unless CatBoost numbered the columns of an array itself."""
    names = [str(name) for name in getattr(model, "feature_names_", None) or ()]
    return names if names and names != [str(place) for place in range(len(names))] else None


def is_fitted(model: Any) -> bool:
    """What it says itself."""
    return bool(model.is_fitted())


def predictions(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """One label per row, shape (n,)."""
    return sklearn.predictions(model, X, _asking(model, "Class", beside))


def favorable_scores(model: Any, X: Any, favorable: Favorable, beside: Beside = NOTHING) -> Any:
    """The probability of the favorable label, shape (n,)."""
    if not _is_plain(model):
        return sklearn.favorable_scores(model, X, favorable, beside)
    params = _asking(model, "Probability", beside).params
    classes = sklearn.classes_of(model, beside)
    place = sklearn.favorable_place(classes, favorable)
    return sklearn.proba_column(model.predict(X, **params), place, classes, X)


def _asking(model: Any, kind: str, beside: Beside) -> Beside:
    """The arguments that make a plain `CatBoost` answer as its classifier does."""
    if not _is_plain(model):
        return beside
    if not len(model.classes_):
        refuse_amounts(type(model).__name__, f"loss {model.get_all_params()['loss_function']}")
    return Beside({"prediction_type": kind, **beside.params}, beside.y)


def _is_plain(model: Any) -> bool:
    return type(model).__name__ == "CatBoost"


__all__ = ["amounts", "favorable_scores", "feature_names", "is_fitted", "labels_of", "predictions"]
