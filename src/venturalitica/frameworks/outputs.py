"""Numbers that a network or a booster puts out, as labels and scores.

Such a model knows no labels but the places of its outputs: 0 and 1 where it has one, else 0 to
k - 1. A target with any other labels was encoded before the training, and nobody can tell how.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct

from venturalitica.core.verdict import Label
from venturalitica.errors import DataError, listed
from venturalitica.frameworks.alignment import row_count
from venturalitica.frameworks.beside import NOTHING, Beside, Unanswered
from venturalitica.frameworks.sklearn import Favorable, favorable_place, one_per_row

Form = Literal["probability", "logit", "log-probability"]

CUT = "cut them into labels and judge those with vl.enforce(data, prediction=<labels>)"


class Output(Struct, frozen=True):
    """What the model gave: shape (n,), (n, 1) or (n, k), and in which form."""

    values: Any
    form: Form
    who: str

    def labels(self, X: Any, beside: Beside) -> Any:
        """A probability above a half, or the largest of several; missing where it gave NaN."""
        import numpy as np

        table = self._table(X)
        classes = self._classes(beside)
        cut = 0.0 if self.form == "logit" else 0.5
        places = table[:, 0] > cut if table.shape[1] == 1 else table.argmax(axis=1)
        absent = np.isnan(table).any(axis=1)
        if absent.any():
            return np.where(absent, np.nan, places.astype(np.float64))
        return places.astype(bool if isinstance(classes[0], bool) else np.int64)

    def scores(self, X: Any, favorable: Favorable, beside: Beside) -> Any:
        """The probability of the favorable label, shape (n,)."""
        import numpy as np

        table = self._table(X).astype(np.float64)
        place = favorable_place(self._classes(beside), favorable)
        if table.shape[1] == 1:
            high = _sigmoid(table[:, 0]) if self.form == "logit" else table[:, 0]
            return high if place == 1 else 1.0 - high
        if self.form == "log-probability":
            return np.exp(table[:, place])
        return (_softmax(table) if self.form == "logit" else table)[:, place]

    def _table(self, X: Any) -> Any:
        import numpy as np

        values = np.asarray(self.values)
        table = values[:, None] if values.ndim == 1 else values
        if table.ndim != 2 or not table.shape[1] or len(table) != row_count(X):
            raise Unanswered(
                f"{self.who} gave shape {values.shape} for {row_count(X)} rows: expected (n,), "
                f"(n, 1) or (n, classes); {CUT}"
            )
        return table

    def _classes(self, beside: Beside) -> list[Label]:
        import numpy as np

        shape = np.shape(self.values)
        width = max(shape[1] if len(shape) > 1 else 2, 2)
        known = beside.labels() or []
        if len(known) <= 2 and known and all(isinstance(label, bool) for label in known):
            return [False, True]
        strange = [
            label
            for label in known
            if not isinstance(label, int | float) or label not in range(width)
        ]
        if strange:
            raise Unanswered(
                f"{self.who} answers with the places of its outputs, 0 to {width - 1}, and the "
                f"target has {listed((repr(label) for label in strange), 10)}: give the target as "
                "the model was trained on it, or the model's labels, prediction=<labels>"
            )
        return list(range(width))


Asks = Callable[[Any, Any, Beside], Any]


def answers(ask: Asks, output: Asks) -> tuple[Any, Any, Any]:
    """`amounts`, `predictions` and `favorable_scores` of a framework whose models put out numbers.

    Args:
        ask: what the model gives for rows, as it gives it.
        output: the same as an `Output`.
    """

    def amounts(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
        return one_per_row(ask(model, X, beside), X, "predict")

    def predictions(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
        return output(model, X, beside).labels(X, beside)

    def scores(model: Any, X: Any, favorable: Favorable, beside: Beside = NOTHING) -> Any:
        return output(model, X, beside).scores(X, favorable, beside)

    return amounts, predictions, scores


def matrix(table: Any) -> Any:
    """A table as a network is trained on one: floats, a column each, in their order."""
    import narwhals as nw
    import numpy as np

    frame = nw.from_native(table, eager_only=True, pass_through=True)
    if isinstance(frame, nw.DataFrame):
        words = [
            name
            for name, kind in frame.schema.items()
            if not (kind.is_numeric() or kind == nw.Boolean)
        ]
        if words:
            raise DataError(
                f"column '{words[0]}' holds {frame.schema[words[0]]}, and a network is asked with "
                "numbers: encode it as for the training, and give the rows, features=X_test"
            )
        frame = frame.to_numpy()
    return np.asarray(frame.toarray() if hasattr(frame, "toarray") else frame, dtype=np.float32)


def one_label(table: Any) -> bool:
    """Whether each row, shape (n, k), is a distribution over one label."""
    import numpy as np

    known = table[~np.isnan(table).any(axis=1)]
    sums = known.sum(axis=1)
    return bool((known >= 0).all() and (np.abs(sums - 1) < _ROUNDING).all())


_ROUNDING = 1e-3


def refuse_amounts(who: str, why: str) -> None:
    """It predicts amounts, where labels are asked for."""
    raise Unanswered(f"{who} is a regressor ({why}): it predicts amounts, no labels; {CUT}")


def _sigmoid(values: Any) -> Any:
    import numpy as np

    half = np.exp(-np.abs(values))
    return np.where(values >= 0, 1.0, half) / (1.0 + half)


def _softmax(table: Any) -> Any:
    import numpy as np

    raised = np.exp(table - table.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
