"""XGBoost's own `Booster`, which `xgboost.train` gives; its scikit-learn classes need no file."""

from __future__ import annotations

import json
from typing import Any

from venturalitica.frameworks import sklearn
from venturalitica.frameworks.beside import NOTHING, Beside, Unanswered
from venturalitica.frameworks.outputs import Output, answers, refuse_amounts

LINE = 'after xgboost.train: vl.enforce(test_df, model=booster, target="...")'
_OUTPUTS = {
    "binary:logistic": "probability",
    "binary:logitraw": "logit",
    "multi:softprob": "probability",
}
_LABELS = ("binary:hinge", "multi:softmax")


def labels_of(X: Any, y: Any) -> Any:
    """`y`, or the labels of a `DMatrix`."""
    if y is None and callable(getattr(X, "get_label", None)):
        labels = X.get_label()
        return labels if labels.size else None
    return y


def feature_names(model: Any) -> list[str] | None:
    """Those of the `DMatrix` that it was trained on."""
    return model.feature_names  # type: ignore[no-any-return]


def is_fitted(model: Any) -> bool:
    """A booster with a tree, or a weight."""
    return bool(model.num_boosted_rounds())


def _output(model: Any, X: Any, beside: Beside) -> Output:
    objective = _objective(model)
    if objective == "multi:softmax":
        margins = _asked(model, X, Beside({**beside.params, "output_margin": True}))
        return Output(margins, "logit", "the booster")
    if objective == "binary:hinge":
        raise Unanswered("a booster of the objective binary:hinge gives labels and no score")
    if objective not in _OUTPUTS:
        refuse_amounts("the booster", f"objective {objective}")
    return Output(_asked(model, X, beside), _OUTPUTS[objective], "the booster")  # type: ignore[arg-type]


def _objective(model: Any) -> str:
    """A training with an objective of the user's own has the default one here, `reg:…`."""
    return str(json.loads(model.save_config())["learner"]["objective"]["name"])


def _asked(model: Any, X: Any, beside: Beside) -> Any:
    import xgboost

    if not isinstance(X, xgboost.DMatrix):
        names = None if hasattr(X, "columns") else model.feature_names
        X = xgboost.DMatrix(X, feature_names=names, enable_categorical=True)
    return model.predict(X, **beside.params)


amounts, _by_output, favorable_scores = answers(_asked, _output)


def predictions(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """One label per row, shape (n,)."""
    if _objective(model) in _LABELS:
        return sklearn.labels_in(_asked(model, X, beside), X, "Booster.predict")
    return _by_output(model, X, beside)
