"""What a trained model answers, whatever framework it comes from.

`labels_of`, `feature_names`, `predictions`, `amounts` and `favorable_scores` are all that an audit
asks.
scikit-learn's protocol (`predict`, `predict_proba`, `decision_function`, `classes_`) is the common
tongue; a file here translates for a framework that speaks another dialect, found by the module name
of the model's classes: no framework is imported to find out.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from venturalitica.frameworks import sklearn
from venturalitica.frameworks.beside import NOTHING, Beside
from venturalitica.frameworks.sklearn import Favorable

DIALECTS = {
    "catboost": "venturalitica.frameworks.catboost",
    "keras": "venturalitica.frameworks.keras",
    "lightgbm.basic": "venturalitica.frameworks.lightgbm",
    "mlflow": "venturalitica.frameworks.pyfunc",
    "skorch": "venturalitica.frameworks.skorch",
    "torch.nn": "venturalitica.frameworks.torch",
    "xgboost.core": "venturalitica.frameworks.xgboost",
}
"""The package, or module, of a model's classes -> the file that speaks for them."""


def dialect_of(value: Any) -> ModuleType:
    """The file that speaks for the framework that this object comes from."""
    for kind in type(value).__mro__:
        for place in _places(kind.__module__):
            if place in DIALECTS:
                return importlib.import_module(DIALECTS[place])
    return importlib.import_module(f"{__name__}.sklearn")


def _places(module: str) -> Iterator[str]:
    """`a.b.c`, `a.b` and `a`."""
    while module:
        yield module
        module = module.rpartition(".")[0]


def labels_of(model: Any, X: Any, y: Any) -> Any:
    """The labels of a training call: `y`, or those that X carries in the framework's own form."""
    return dialect_of(model).labels_of(X, y)


def predictions(model: Any, X: Any, *, amounts: bool = False, beside: Beside = NOTHING) -> Any:
    """One label per row, or amount where these are asked, shape (n,), from one call of `predict`.

    Raises:
        Unanswered: the model gives something else (several outputs, another length).
    """
    dialect = dialect_of(model)
    # A framework whose models predict labels alone has one file without `amounts`.
    give = getattr(dialect, "amounts", dialect.predictions) if amounts else dialect.predictions
    return give(model, X, beside)


def feature_names(model: Any) -> list[str] | None:
    """The columns that the model was trained on, in its own order; None where it does not say."""
    return dialect_of(model).feature_names(model)  # type: ignore[no-any-return]


def kind_of(model: Any) -> str | None:
    """`classifier`, `regressor`, `clusterer` ..., in scikit-learn's words; None: nobody says."""
    kind: str | None = getattr(dialect_of(model), "kind_of", sklearn.kind_of)(model)
    return kind


def spelling(model: Any, column: str) -> str:
    """How the model's library writes the name of a column; as it is, nearly always."""
    spelt = getattr(dialect_of(model), "spelt", None)
    return column if spelt is None else str(spelt(column))


def from_table(model: Any, table: Any) -> Any:
    """The model's columns in the form that it is asked in: as they are, of a network a matrix."""
    make = getattr(dialect_of(model), "from_table", None)
    return table if make is None else make(model, table)


def weights_of(model: Any) -> list[tuple[str, Any]] | None:
    """Name and array of each weight, in the model's order; None where its pickle stands for it."""
    weights = getattr(dialect_of(model), "weights", None)
    return None if weights is None else weights(model)


def line_for(model: Any) -> str:
    """What to write to have such a model judged; empty where there is nothing to say of it."""
    return str(getattr(dialect_of(model), "LINE", ""))


def is_governed_in_place(model: Any) -> bool:
    """Whether such a model is not copied to be governed."""
    return bool(getattr(dialect_of(model), "IN_PLACE", False))


def is_fitted(model: Any) -> bool:
    """Whether the model says, or shows by its attributes, that it was trained."""
    return bool(dialect_of(model).is_fitted(model))


def favorable_scores(model: Any, X: Any, favorable: Favorable, beside: Beside = NOTHING) -> Any:
    """The score of the favorable label per row, shape (n,): probability, else decision value.

    Raises:
        Unanswered: the model gives no score, or none for that label; the reason says which.
    """
    return dialect_of(model).favorable_scores(model, X, favorable, beside)
