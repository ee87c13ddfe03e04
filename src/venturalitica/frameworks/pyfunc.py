"""A model that `mlflow.pyfunc` loaded: its columns are in its signature, its scores in the model
inside it. MLflow is not imported here."""

from __future__ import annotations

from typing import Any

from venturalitica.core.redact import redact_text
from venturalitica.errors import DataError
from venturalitica.frameworks import dialect_of, sklearn
from venturalitica.frameworks import from_table as as_asked
from venturalitica.frameworks.beside import NOTHING, Beside, Unanswered
from venturalitica.frameworks.sklearn import Favorable

_FLOATS = {"DataType.double": "float64", "DataType.float": "float32"}


def labels_of(X: Any, y: Any) -> Any:
    """`y` itself."""
    return y


def is_fitted(model: Any) -> bool:
    """It was saved, so it was trained."""
    return True


def feature_names(model: Any) -> list[str] | None:
    """The inputs of its signature, else the columns that the model inside says."""
    schema = model.metadata.get_input_schema()
    if schema is not None and schema.has_input_names():
        return [str(name) for name in schema.input_names()]
    inside = raw(model)
    return None if inside is None else dialect_of(inside).feature_names(inside)


def kind_of(model: Any) -> str | None:
    """As the model inside says."""
    inside = raw(model)
    return None if inside is None else sklearn.kind_of(inside)


def amounts(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """What a regressor predicts, one number per row, shape (n,)."""
    return sklearn.one_per_row(_answer(model, X), X, "predict")


def predictions(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """One label per row, shape (n,).

    Raises:
        Unanswered: it gives something else.
        DataError: the columns are not those of the signature.
    """
    inside = raw(model)
    if inside is not None and dialect_of(inside) is not sklearn:
        # It gives no labels, or not by `predict` alone.
        return dialect_of(inside).predictions(inside, _rows(model, inside, X), beside)
    sklearn.refuse_regressor(model, kind_of(model))
    return sklearn.labels_in(_answer(model, X), X, "predict of the loaded model")


def _answer(model: Any, X: Any) -> Any:
    """`predict` of `mlflow.pyfunc`, the signature enforced."""
    schema = model.metadata.get_input_schema()
    try:
        return model.predict(_fitted(_pandas(X), schema))
    except Exception as error:
        if type(error).__name__ != "MlflowException":
            raise
        # MLflow's message begins with the rows themselves, and so does its traceback.
        why = redact_text(str(error).rpartition("Error: ")[2])
        raise DataError(
            f"the data does not fit the model's signature: {why} Expected {schema}"
        ) from None


def favorable_scores(model: Any, X: Any, favorable: Favorable, beside: Beside = NOTHING) -> Any:
    """As the model inside gives them."""
    inside = raw(model)
    if inside is None:
        raise Unanswered(
            "the loaded model gives labels only: its flavour hands out no model inside it to ask "
            "for a probability"
        )
    return dialect_of(inside).favorable_scores(inside, _rows(model, inside, X), favorable, beside)


def _rows(model: Any, inside: Any, X: Any) -> Any:
    """The rows as the model inside is asked, types as the signature has them."""
    return as_asked(inside, _fitted(_pandas(X), model.metadata.get_input_schema()))


def raw(model: Any) -> Any:
    """The model that the flavour saved; None where the flavour does not hand it out."""
    try:
        return model.get_raw_model()
    except (AttributeError, NotImplementedError):
        return None


def _pandas(X: Any) -> Any:
    """A table as MLflow enforces signatures on it; anything else as it is."""
    import narwhals as nw

    table = nw.from_native(X, eager_only=True, pass_through=True)
    return table.to_pandas() if isinstance(table, nw.DataFrame) else X


def _fitted(table: Any, schema: Any) -> Any:
    """Whole numbers as floats where the signature wants those: MLflow refuses to, and a file of
    data cannot tell them apart. Only where each stays what it is."""
    if schema is None or not schema.has_input_names() or not hasattr(table, "assign"):
        return table
    wanted = {kind.name: str(kind.type) for kind in schema.inputs}
    for name, column in table.items():
        if wanted.get(name) in _FLOATS and column.dtype.kind in "iu":
            floats = column.astype(_FLOATS[wanted[name]])
            if (floats.astype(column.dtype) == column).all():
                table = table.assign(**{name: floats})
    return table
