"""CatBoost: a `Pool` carries its own labels, and the feature names have another attribute."""

from __future__ import annotations

from typing import Any

from venturalitica.frameworks.sklearn import amounts, favorable_scores, predictions


def labels_of(X: Any, y: Any) -> Any:
    """`y`, or the labels of the `Pool` that was given as X."""
    if y is None and callable(getattr(X, "get_label", None)):
        return X.get_label()
    return y


def feature_names(model: Any) -> list[str] | None:
    """`feature_names_`, unless CatBoost numbered the columns of an array itself."""
    names = [str(name) for name in getattr(model, "feature_names_", None) or ()]
    return names if names and names != [str(place) for place in range(len(names))] else None


def is_fitted(model: Any) -> bool:
    """What it says itself."""
    return bool(model.is_fitted())


__all__ = ["amounts", "favorable_scores", "feature_names", "is_fitted", "labels_of", "predictions"]
