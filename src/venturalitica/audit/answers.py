"""What a model is asked for by the controls of a policy, and about which columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from venturalitica.core.policy import Control
from venturalitica.errors import BindingError, DataError, MissingExtra, did_you_mean
from venturalitica.frameworks import feature_names, kind_of, predictions
from venturalitica.frameworks.sklearn import NoLabels, no_labels
from venturalitica.metrics.catalog import asks_amounts


def predicted(model: Any, X: Any, controls: Sequence[Control]) -> tuple[Any, str]:
    """One answer per row, shape (n,), label or amount as the controls ask; and why answers of this
    model are no labels, "" where they may be.

    Raises:
        NoLabels: they are none, and no control asks for amounts.
        Unanswered: the model gives something else.
    """
    unlabelled = no_labels(model, kind_of(model))
    wanted = asks_amounts(controls, regressor=True)
    if unlabelled and not wanted:
        raise NoLabels(unlabelled)
    try:
        amounts = asks_amounts(controls, regressor=bool(unlabelled))
        return predictions(model, X, amounts=amounts), unlabelled
    except NoLabels as reason:
        if not wanted:
            raise
        return predictions(model, X, amounts=True), str(reason)


def features_of(model: Any, frame: Any) -> Any:
    """The model's feature columns of the frame, in the model's own order."""
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import collected, names_of, picked

    names = feature_names(model)
    if frame is None or names is None:
        nameless = (
            "it names no columns (not fitted yet, or not on a table with named columns; a model of "
            "MLflow's has them in its signature)"
        )
        raise DataError(
            f"{type(model).__name__} cannot be asked about this data: "
            + ("no table was given" if frame is None else nameless)
            + "; give its answers instead: prediction=model.predict(X)"
        )
    table = None if isinstance(frame, Mapping) else nw.from_native(frame)
    columns = list(frame) if table is None else names_of(table)
    absent = [name for name in names if name not in columns]
    if absent:
        raise BindingError(
            f"the data lacks the model's feature column '{absent[0]}'"
            f"{did_you_mean(absent[0], columns)} ({len(absent)} of {len(names)} are missing)"
        )
    if table is None:
        return _table_of({name: frame[name] for name in names})
    return collected(picked(table, names)).to_native()


def _table_of(columns: Mapping[str, Any]) -> Any:
    """Columns by name as a table, which is what models are asked about."""
    try:
        import pandas
    except ImportError:
        raise MissingExtra("pandas", "all") from None
    return pandas.DataFrame(dict(columns))
