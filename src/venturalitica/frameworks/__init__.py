"""What a trained model answers, whatever framework it comes from.

`labels_of`, `feature_names`, `predictions`, `amounts` and `favorable_scores` are all that an audit
asks.
scikit-learn's protocol (`predict`, `predict_proba`, `decision_function`, `classes_`) is the common
tongue; a file here translates for a framework that speaks another dialect, found by the module name
of the model's classes: no framework is imported to find out.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any

from venturalitica.frameworks import sklearn
from venturalitica.frameworks.sklearn import Favorable

DIALECTS = {
    "catboost": "venturalitica.frameworks.catboost",
    "mlflow": "venturalitica.frameworks.pyfunc",
}
"""The top package of a model's classes -> the file that speaks for them."""


def dialect_of(value: Any) -> ModuleType:
    """The file that speaks for the framework that this object comes from."""
    for kind in type(value).__mro__:
        name = DIALECTS.get(kind.__module__.partition(".")[0])
        if name is not None:
            return importlib.import_module(name)
    return importlib.import_module(f"{__name__}.sklearn")


def labels_of(model: Any, X: Any, y: Any) -> Any:
    """The labels of a training call: `y`, or those that X carries in the framework's own form."""
    return dialect_of(model).labels_of(X, y)


def predictions(model: Any, X: Any, *, amounts: bool = False) -> Any:
    """One label per row, or amount where these are asked, shape (n,), from one call of `predict`.

    Raises:
        Unanswered: the model gives something else (several outputs, another length).
    """
    dialect = dialect_of(model)
    # A framework whose models predict labels alone has one file without `amounts`.
    give = getattr(dialect, "amounts", dialect.predictions) if amounts else dialect.predictions
    return give(model, X)


def feature_names(model: Any) -> list[str] | None:
    """The columns that the model was trained on, in its own order; None where it does not say."""
    return dialect_of(model).feature_names(model)  # type: ignore[no-any-return]


def kind_of(model: Any) -> str | None:
    """`classifier`, `regressor`, `clusterer` ..., in scikit-learn's words; None: nobody says."""
    kind: str | None = getattr(dialect_of(model), "kind_of", sklearn.kind_of)(model)
    return kind


def is_fitted(model: Any) -> bool:
    """Whether the model says, or shows by its attributes, that it was trained."""
    return bool(dialect_of(model).is_fitted(model))


def favorable_scores(model: Any, X: Any, favorable: Favorable) -> Any:
    """The score of the favorable label per row, shape (n,): probability, else decision value.

    Raises:
        Unanswered: the model gives no score, or none for that label; the reason says which.
    """
    return dialect_of(model).favorable_scores(model, X, favorable)
