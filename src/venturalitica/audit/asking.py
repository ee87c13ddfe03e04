"""What a model is asked, and about what: its columns of a table, or rows in its own form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from venturalitica.core.policy import Control
from venturalitica.core.redact import redact_text
from venturalitica.errors import (
    BindingError,
    DataError,
    MissingExtra,
    VenturaliticaError,
    did_you_mean,
)
from venturalitica.frameworks import (
    feature_names,
    from_table,
    kind_of,
    line_for,
    predictions,
    spelling,
)
from venturalitica.frameworks.beside import NOTHING, Beside, Unanswered
from venturalitica.frameworks.sklearn import NoLabels, no_labels
from venturalitica.metrics.catalog import asks_amounts


def features_of(model: Any, frame: Any, features: Any = None) -> Any:
    """The rows that the model predicts: its columns of the frame, in its order.

    Args:
        model: any that `frameworks` knows to ask.
        frame: a table, or a dict of columns; n rows.
        features: the names of the columns, or the rows themselves; by default what the model says.
            One name alone is that column as it is, for a model of texts.

    Raises:
        DataError: nobody says what the features are, or there is no table.
        BindingError: the table lacks some of them.
    """
    if isinstance(features, str) and frame is not None:
        return values_of(_known(features, frame), frame)
    names = _names(features, frame)
    if features is not None and names is None:
        return features
    names = feature_names(model) if names is None else names
    if frame is None or names is None:
        raise DataError(_unknown(model, frame))
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import collected, picked

    table = None if isinstance(frame, Mapping) else nw.from_native(frame)
    columns = _columns(frame)
    places = {spelling(model, name): name for name in columns} | {name: name for name in columns}
    absent = [name for name in names if name not in places]
    if absent:
        raise BindingError(
            f"the data lacks the model's feature column '{absent[0]}'"
            f"{did_you_mean(absent[0], columns)} ({len(absent)} of {len(names)} are missing)"
        )
    wanted = [places[name] for name in names]
    if table is None:
        return from_table(model, _table_of({name: frame[name] for name in wanted}))
    return from_table(model, collected(picked(table, wanted)).to_native())


def output_of(model: Any, place: int | None) -> Any:
    """The model itself, or where `place` is not None, its output of that number alone, from 0."""
    if place is None:
        return model
    from venturalitica.frameworks.one_output import OneOutput

    return OneOutput(model, place)


def predicted(
    model: Any, X: Any, controls: Sequence[Control], beside: Beside = NOTHING
) -> tuple[Any, str]:
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
        return predictions(model, X, amounts=amounts, beside=beside), unlabelled
    except NoLabels as reason:
        if not wanted:
            raise
        return predictions(model, X, amounts=True, beside=beside), str(reason)


@contextmanager
def asking(model: Any, features: Any) -> Iterator[None]:
    """Inside, a network or a booster is asked; what it raises is told with the line that works.

    Raises:
        DataError: the rows are not in the form or order in which it was trained.
    """
    try:
        yield
    except (VenturaliticaError, Unanswered):
        raise
    except Exception as error:
        line = line_for(model)
        if not line:
            raise
        shape = getattr(features, "shape", None)
        given = f"{type(features).__name__}{f' of shape {tuple(shape)}' if shape else ''}"
        said = redact_text(" ".join(str(error).split())).rstrip(".")
        raise DataError(
            f"{type(model).__name__} raised {type(error).__name__} when it was asked about a "
            f"{given}: {said}. Give it the columns, or the rows, that it was "
            f"trained on, in their order; {line}"
        ) from error


def is_table(data: Any) -> bool:
    """Whether `data` has columns that roles can name; an array or a `Pool` is rows alone."""
    import narwhals as nw

    if data is None or isinstance(data, Mapping):
        return True
    try:
        nw.from_native(data)
    except TypeError:
        return isinstance(data, str)  # a path, which is refused as one
    except nw.exceptions.DuplicateError:
        return True
    return True


def values_of(given: Any, frame: Any) -> Any:
    """What was given as values, or the column that it names; any other text is itself."""
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import collected, picked

    if not isinstance(given, str) or frame is None:
        return given
    if isinstance(frame, Mapping):
        return frame.get(given, given)
    table = nw.from_native(frame)
    if given not in table.collect_schema().names():
        return given
    return collected(picked(table, [given])).get_column(given).to_native()


def _columns(frame: Any) -> list[str]:
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import names_of

    return list(frame) if isinstance(frame, Mapping) else names_of(nw.from_native(frame))


def _known(name: str, frame: Any) -> str:
    columns = _columns(frame)
    if name not in columns:
        raise BindingError(
            f"features={name!r}: the data has no column '{name}'{did_you_mean(name, columns)}"
        )
    return name


def _names(features: Any, frame: Any) -> list[str] | None:
    """Features as names of columns, in any sequence; None where they are rows, texts say."""
    flat = len(getattr(features, "shape", ())) == 1 and hasattr(features, "tolist")
    if frame is None or not (flat or isinstance(features, list | tuple)):
        return None
    found = list(features)
    if not found or not all(isinstance(name, str) for name in found):
        return None
    rows = len(frame) if hasattr(frame, "__len__") and not isinstance(frame, Mapping) else None
    texts = len(found) == rows and not set(found) & set(_columns(frame))
    return None if texts else found


def _unknown(model: Any, frame: Any) -> str:
    who = type(model).__name__
    if frame is None:
        return (
            f"{who} cannot be asked: no rows were given. Give a table, vl.enforce(test_df, "
            "model=model, ...), or the rows beside the roles, vl.enforce(model=model, "
            "features=X_test, target=y_test, ...)"
        )
    return (
        f"{who} cannot be asked about this data: it names no columns (not fitted yet, or not on a "
        "table with named columns; a model of MLflow's has them in its signature). Name them in "
        'the order that it was trained on, vl.enforce(test_df, model=model, features=["...", '
        '"..."], ...), or give its answers instead: prediction=model.predict(X)'
    )


def _table_of(columns: Mapping[str, Any]) -> Any:
    """Columns by name as a table, which is what models are asked about."""
    try:
        import pandas
    except ImportError:
        raise MissingExtra("pandas", "all") from None
    return pandas.DataFrame(dict(columns))
