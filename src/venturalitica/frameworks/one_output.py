"""One output of a model that predicts several, asked as a model of that output alone."""

from __future__ import annotations

from typing import Any


class OneOutput:
    """What scikit-learn's multi-output and multi-label models say of output `place`, from 0."""

    def __init__(self, model: Any, place: int) -> None:
        self._model, self._place = model, place

    def __getattr__(self, name: str) -> Any:
        if name in ("predict_proba", "decision_function"):
            return _asked(getattr(self._model, name), self._place, shares=name == "predict_proba")
        return getattr(self._model, name)

    def __sklearn_tags__(self) -> Any:
        return self._model.__sklearn_tags__()

    def predict(self, X: Any) -> Any:
        """Of each row this output alone, shape (n,)."""
        return _column(self._model.predict(X), self._place)

    @property
    def classes_(self) -> Any:
        """The labels of this output; models of labels that are there or not count outputs only."""
        known = self._model.classes_
        if isinstance(known, list) and all(hasattr(one, "__len__") for one in known):
            return known[self._place]
        return [0, 1]


def _asked(method: Any, place: int, *, shares: bool) -> Any:
    import numpy as np

    def ask(X: Any) -> Any:
        answer = method(X)
        if isinstance(answer, list):  # one table of labels for each output
            return answer[place]
        column = _column(answer, place)
        return np.column_stack([1 - column, column]) if shares else column

    return ask


def _column(answer: Any, place: int) -> Any:
    """A column of a table of any kind; what is no table stays, and is refused for its shape."""
    import numpy as np

    native = answer.toarray() if hasattr(answer, "toarray") else answer
    table = np.asarray(native)
    return table[:, place] if table.ndim == 2 and place < table.shape[1] else answer
