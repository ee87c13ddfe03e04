"""Ask a fitted model about a table's own feature columns, for `enforce(model=...)`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from venturalitica.errors import BindingError, DataError, did_you_mean
from venturalitica.frameworks import Unanswered, favorable_scores, feature_names, predictions
from venturalitica.measure import Rows
from venturalitica.rules import Phase, Policy


def with_predictions(policy: Policy, rows: Rows, model: Any, phase: Phase | None) -> Rows:
    """The rows with the model's predictions, and scores where a selected control needs them.

    What the caller bound already (`prediction=`, `score=`) is left as it is.

    Raises:
        DataError: the model does not say what its features are, or there is no table.
        BindingError: the table lacks some of them.
    """
    needed = _roles_needed(policy, phase) - set(rows.bindings)
    if not needed:
        return rows
    features = _features(model, rows.frame)
    columns, missing = dict(rows.columns), dict(rows.missing)
    favorable = policy.role("target").favorable_values
    for role in sorted(needed):
        try:
            if role == "prediction":
                columns[role] = predictions(model, features)
            else:
                columns[role] = favorable_scores(model, features, favorable)
        except Unanswered as reason:
            missing[role] = str(reason)
    return replace(rows, columns=columns, missing=missing)


def _roles_needed(policy: Policy, phase: Phase | None) -> set[str]:
    from venturalitica.judge import select
    from venturalitica.metrics.catalog import needs

    roles = {role for need in needs(select(policy, phase)) for role in need.roles}
    return roles & {"prediction", "score"}


def _features(model: Any, frame: Any) -> Any:
    """The model's feature columns of the frame, in the model's own order."""
    import narwhals as nw

    from venturalitica.tally.frames import picked

    names = feature_names(model)
    if frame is None or names is None:
        nameless = (
            "it has no feature_names_in_ (not fitted yet, or not on a table with named columns)"
        )
        raise DataError(
            f"{type(model).__name__} cannot be asked about this data: "
            + ("no table was given" if frame is None else nameless)
            + "; give its answers instead: prediction=model.predict(X)"
        )
    table = nw.from_native(frame)
    columns = table.collect_schema().names()
    absent = [name for name in names if name not in columns]
    if absent:
        raise BindingError(
            f"the data lacks the model's feature column '{absent[0]}'"
            f"{did_you_mean(absent[0], columns)} ({len(absent)} of {len(names)} are missing)"
        )
    found = picked(table, names)
    return (found.collect() if isinstance(found, nw.LazyFrame) else found).to_native()
