"""LightGBM's own `Booster`, which `lightgbm.train` gives; its scikit-learn classes need no file."""

from __future__ import annotations

from typing import Any

from venturalitica.errors import DataError
from venturalitica.frameworks.beside import Beside, Unanswered
from venturalitica.frameworks.outputs import Output, answers, refuse_amounts
from venturalitica.frameworks.sklearn import labels_of

LINE = 'after lightgbm.train: vl.enforce(test_df, model=booster, target="...")'
_PROBABLE = ("binary", "multiclass", "multiclassova")


def feature_names(model: Any) -> list[str] | None:
    """Those of the table that it was trained on, unless LightGBM numbered an array's columns."""
    names = [str(name) for name in model.feature_name()]
    numbered = names == [f"Column_{place}" for place in range(len(names))]
    return None if numbered else names


def spelt(column: str) -> str:
    """As LightGBM writes the name of a column: without white space."""
    return "_".join(column.split(" "))


def is_fitted(model: Any) -> bool:
    """A booster with a tree."""
    return bool(model.num_trees())


def _output(model: Any, X: Any, beside: Beside) -> Output:
    told = str(model.dump_model(num_iteration=1).get("objective", "")).split()
    if not told:
        raise Unanswered(
            "the booster was trained with an objective of its own, so nobody can tell what its "
            "numbers mean: give the labels, prediction=<labels>"
        )
    if told[0] not in _PROBABLE:
        refuse_amounts("the booster", f"objective {told[0]}")
    return Output(_asked(model, X, beside), "probability", "the booster")


def _asked(model: Any, X: Any, beside: Beside) -> Any:
    import lightgbm

    if isinstance(X, lightgbm.Dataset):
        raise DataError(
            "a lightgbm.Dataset cannot be predicted: give the table, vl.enforce(test_df, "
            "model=booster, target=...), or the rows, features=X_test"
        )
    return model.predict(X, **beside.params)


amounts, predictions, favorable_scores = answers(_asked, _output)

__all__ = ["amounts", "favorable_scores", "feature_names", "is_fitted", "labels_of", "predictions"]
