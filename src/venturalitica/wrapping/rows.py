"""Which rows an audit of a training judges, and the checks that need no trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.audit.measure import known_roles
from venturalitica.audit.recording import foretell
from venturalitica.audit.training_rows import TrainingRows, places_of
from venturalitica.core.circumstances import Share
from venturalitica.core.policy import Policy
from venturalitica.errors import BindingError, DataError, did_you_mean
from venturalitica.frameworks.alignment import (
    check_agreement,
    check_index,
    check_role_order,
    check_shared_columns,
    column_count,
    column_names,
    column_of,
    index_of,
    like,
    name_of,
    named,
    one_column,
    other_index,
    row_count,
    unreadable,
)
from venturalitica.frameworks.beside import NOTHING, Beside
from venturalitica.system.settings import Settings
from venturalitica.tally.binding import bind
from venturalitica.wrapping.arguments import Call, quoted, refuse_columns_elsewhere


class Plan(Struct, frozen=True):
    """What will be judged once the model is trained.

    `features` is what the model predicts, n rows. `frame` is a table of the same n rows with the
    columns that `bindings` name, or None. `columns` holds the labels where no column does.
    `labels` are the true labels as an array of shape (n,), wherever they come from, or None;
    `missing` says why, where it is not simply that nobody gave any.
    `features` are None where `fit` was given nothing that is rows.
    `trained` are the rows of the training, as far as they can be known again; `others` says that
    the rows judged were given as others than those. `beside` is what the model is asked with, and
    `metadata` what its training was given for these rows. `output` is which output of
    several is judged.
    """

    features: Any
    frame: Any
    bindings: Mapping[str, Any]
    columns: Mapping[str, Any] = field(default_factory=dict)
    labels: Any = None
    missing: Mapping[str, str] = field(default_factory=dict)
    trained: TrainingRows | None = None
    others: bool = False
    beside: Beside = NOTHING
    metadata: Mapping[str, Any] = field(default_factory=dict)
    output: int | None = None

    def training_share(self) -> Share | None:
        """How many of these rows the model was trained on; None where nobody can say."""
        if self.features is None:
            return None
        if not self.others:
            return Share(1.0, rows=row_count(self.features))
        table = self.features if self.frame is None else self.frame
        return self.trained.share_of(table) if self.trained else None


def plan_rows(policy: Policy, call: Call) -> Plan:
    """Choose the rows and check them; raises before anything trains.

    Raises:
        BindingError: a role is bound to a column that is not there.
        DataError: `audit_data` is no table, or its rows are not those of `X`.
    """
    why = unreadable(call.X)
    if why and call.audit_data is None:
        return nothing_to_judge(policy, why)
    output = None
    if column_count(call.y) > 1:
        from venturalitica.wrapping.outputs import one_output

        call, output = one_output(policy, call)
    return replace(_chosen(policy, call), trained=_training_rows(named(call.X)), output=output)


def nothing_to_judge(policy: Policy, why: str) -> Plan:
    """The training goes on as it would; no control that needs rows can be evaluated."""
    said = f"{why}: give held-out rows as audit_data=(X_test, y_test), or judge with vl.enforce"
    return Plan(None, None, {}, missing=dict.fromkeys(known_roles(policy), said))


def _chosen(policy: Policy, call: Call) -> Plan:
    rows = 0 if unreadable(call.X) else row_count(call.X)
    by_name = replace(call, X=named(call.X))
    plan = _plan(policy, by_name, rows)
    if by_name.X is call.X:
        return plan
    numbered = plan.features is not by_name.X  # under the numbers that the model was trained by
    own = plan.features.set_axis(list(call.X.columns), axis=1) if numbered else call.X
    return replace(plan, features=own)


def _plan(policy: Policy, call: Call, rows: int) -> Plan:
    if call.audit_data is None:
        return _training_data(policy, call, rows)
    if isinstance(call.audit_data, tuple):
        return _held_out(policy, call)
    table = _table(named(call.audit_data))
    if len(table) != rows or _are_others(policy, call, table):
        return _other_rows(policy, call, table, rows)
    return _same_rows(policy, call, table, rows)


def _are_others(policy: Policy, call: Call, table: Any) -> bool:
    """Whether a table of X's length is plainly one of other rows, and has what those need."""
    names = column_names(call.X)
    whole = names is not None and set(names) <= set(table.columns)
    labelled = _target_column(policy, call, table.columns) is not None
    return whole and labelled and other_index(call.X, table.to_native())


def _held_out(policy: Policy, call: Call) -> Plan:
    """`audit_data=(X_test, y_test)`: what the model predicts, and the labels beside it."""
    if len(call.audit_data) != 2:
        raise DataError(
            f"audit_data is a tuple of {len(call.audit_data)}: expected (X_test, y_test) or a table"
        )
    X, y = named(call.audit_data[0]), call.audit_data[1]
    rows, labels = row_count(X), one_column(y)
    if y is None or not rows:
        lacks = "no rows" if y is not None else "no labels"
        raise DataError(f"audit_data=(X_test, y_test) has {lacks}: there is nothing to judge")
    if labels is not None and len(labels) != rows:
        raise DataError(
            f"audit_data=(X_test, y_test): X_test has {rows} rows and y_test {len(labels)} labels: "
            "expected one label per row"
        )
    columns, bindings = column_names(X), dict(call.roles)
    if bindings.pop("target", None) is not None and "target" in call.given:
        raise BindingError(
            "audit_data=(X_test, y_test) holds the labels already: leave target= out, or give a "
            "table with them as audit_data"
        )
    refuse_columns_elsewhere(bindings, columns, "X_test")
    _check_bindings(policy, bindings, columns, rows)
    check_role_order({"y_test": y, **bindings}, X)
    return Plan(
        _features(call.X, X, columns),
        X if columns is not None else None,
        bindings,
        {} if labels is None else {"target": labels},
        labels,
        _unread(y, labels, None),
        others=X is not call.X,
    )


def _features(X: Any, given: Any, columns: Sequence[str] | None) -> Any:
    """Of what was given as X_test, the columns that the model is trained on, in their order."""
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import picked

    names = column_names(X)
    if names is not None and columns is not None:
        missing = [name for name in names if name not in columns]
        if missing:
            raise BindingError(
                f"audit_data=(X_test, y_test): X_test lacks {quoted(missing)} of the model's "
                f"feature columns{did_you_mean(missing[0], columns)} "
                f"(columns of X_test: {quoted(columns)})"
            )
        return like(X, picked(nw.from_native(given), names))
    if not unreadable(X) and column_count(given) != column_count(X):
        raise DataError(
            f"audit_data=(X_test, y_test): X_test has {column_count(given)} columns and X has "
            f"{column_count(X)}: expected the features that the model is trained on"
        )
    return given


def _training_rows(X: Any) -> TrainingRows | None:
    """A table with names, or an array by the places of its columns."""
    names = column_names(X) or places_of(X)
    return TrainingRows(X, names) if names else None


def _training_data(policy: Policy, call: Call, rows: int) -> Plan:
    """No audit data: X and y themselves."""
    frame = call.X if column_names(call.X) is not None else None
    columns = column_names(call.X)
    bindings = dict(call.roles)
    target = bindings.pop("target", None)
    if isinstance(target, str):
        in_x = columns is not None and target in columns
        if "target" in call.given and not in_x and target != str(getattr(call.y, "name", None)):
            raise BindingError(_target_without_table(target, columns))
        target = column_of(call.X, target) if in_x else None
    labels = _labels(call.y, rows)
    check_agreement(labels, target, "target=", "y")
    refuse_columns_elsewhere(bindings, columns)
    _check_bindings(policy, bindings, columns, rows)
    check_role_order(bindings, call.X)
    return _against_y(call, frame, bindings, labels, target)


def _same_rows(policy: Policy, call: Call, table: Any, rows: int) -> Plan:
    """Audit data with as many rows as X: the same rows, which is checked as far as it can be."""
    native = table.to_native()
    check_index(call.X, call.y, native)
    bindings = dict(call.roles)
    labels = _labels(call.y, rows)
    target = _target_column(policy, call, table.columns)
    _check_bindings(policy, bindings, table.columns, rows)
    check_role_order(bindings, native if index_of(native) is not None else call.X)
    if target is not None:
        found = column_of(native, target)
        check_agreement(labels, found, f"audit_data['{target}']", "y")
        return Plan(call.X, native, bindings | {"target": target}, labels=one_column(found))
    given = bindings.pop("target", None)
    check_agreement(labels, given, "target=", "y")
    check_shared_columns(call.X, native)
    return _against_y(call, native, bindings, labels, given)


def _against_y(
    call: Call, table: Any, bindings: Mapping[str, Any], labels: Any, target: Any
) -> Plan:
    """X itself against `y`, where no column of the table holds the labels."""
    columns = {} if labels is None else {"target": labels}
    return Plan(call.X, table, bindings, columns, labels, _unread(call.y, labels, target))


def _other_rows(policy: Policy, call: Call, table: Any, rows: int) -> Plan:
    """Audit data of another length: rows of its own, with features and target."""
    from venturalitica.tally.engines.narwhals import picked

    if not len(table):
        raise DataError(f"audit_data has no rows, and X has {rows}: there is nothing to judge")
    names = column_names(call.X)
    if names is None:
        raise DataError(
            f"audit_data has {len(table)} rows and X has {rows}, so they are not the same rows, "
            "and X has no column names to find the model's features by: give held-out rows as "
            "audit_data=(X_test, y_test), or train on a data frame, or give audit_data the rows "
            "of X"
        )
    missing = [name for name in names if name not in table.columns]
    if missing:
        raise BindingError(
            f"audit_data has {len(table)} rows and X has {rows}, so the model will predict "
            f"audit_data itself, which lacks {quoted(missing)} of the model's feature columns"
            f"{did_you_mean(missing[0], table.columns)} "
            f"(columns of audit_data: {quoted(table.columns)}). Where the features are made of "
            "these columns, give what the model gets, audit_data=(X_test, y_test), and roles as "
            "values for those rows"
        )
    native = table.to_native()
    bindings = dict(call.roles)
    target = _target_column(policy, call, table.columns)
    if target is None and not _is_array(bindings.get("target")):
        raise BindingError(
            f"audit_data has {len(table)} rows and X has {rows}, so it must hold the true labels "
            'too: name their column with target="...", or in the policy with '
            f"'roles: {{target: {{column: ...}}}}' (columns: {quoted(table.columns)})"
        )
    labels = one_column(bindings["target"] if target is None else column_of(native, target))
    if target is not None:
        bindings["target"] = target
    _check_bindings(policy, bindings, table.columns, len(table))
    check_role_order(bindings, native)
    features = like(call.X, picked(table, names))
    return Plan(features, native, bindings, labels=labels, others=True)


def _table(audit_data: Any) -> Any:
    import narwhals as nw

    try:
        table = nw.from_native(audit_data)
    except nw.exceptions.DuplicateError:
        raise DataError("audit_data has two columns of one name: rename one of them") from None
    except TypeError:
        raise DataError(
            f"audit_data is a {type(audit_data).__name__}: expected a table (pandas, Polars or "
            "Arrow) with one row per row judged, or held-out arrays as audit_data=(X_test, "
            "y_test); arrays can be given per role, for example gender=array"
        ) from None
    return table.collect() if isinstance(table, nw.LazyFrame) else table


def _check_bindings(
    policy: Policy, bindings: Mapping[str, Any], columns: Sequence[str] | None, rows: int
) -> None:
    """Before training: settings readable, roles known, their columns there, arrays of `rows`."""
    foretell(Settings.for_recording())
    bind(known_roles(policy), bindings, columns, wanted=())
    for role, value in bindings.items():
        if _is_array(value) and row_count(value) != rows:
            raise DataError(
                f"{role}= has {row_count(value)} values and {rows} rows are judged: "
                "expected one value per row"
            )
        if _is_array(value) and column_count(value) != 1:
            raise DataError(
                f"{role}= has {column_count(value)} columns: expected one value per row, "
                "shape (n,); pass one of them"
            )


def _target_column(policy: Policy, call: Call, columns: Sequence[str]) -> str | None:
    """The column of audit_data that holds the true labels, if one is known."""
    named = call.roles.get("target")
    if isinstance(named, str):
        if named not in columns:
            raise BindingError(
                f"target='{named}': audit_data has no column '{named}'"
                f"{did_you_mean(named, columns)} (columns: {quoted(columns)})"
            )
        return named
    if named is not None:
        return None
    for name in (policy.role("target").column, name_of(call.y)):
        if name is not None and name in columns:
            return name
    return None


def _target_without_table(target: str, columns: Sequence[str] | None) -> str:
    if columns is None:
        return (
            f"target='{target}' names a column, and X has no named columns: the audit takes y "
            "itself; leave target= out, or pass audit_data="
        )
    return (
        f"target='{target}': X has no column '{target}'{did_you_mean(target, columns)} and y is "
        "not called so: the audit takes y itself; leave target= out, or pass audit_data="
    )


def _labels(y: Any, rows: int) -> Any:
    """y as an array of shape (n,); None where it is absent, multi-output or of another length.

    What is wrong with it is the model's to say, in its own words.
    """
    labels = one_column(y)
    return labels if labels is not None and len(labels) == rows else None


def _unread(y: Any, labels: Any, target: Any) -> dict[str, str]:
    """Why `y` gives no labels, where there is a y and nothing stands in for it."""
    if y is None or labels is not None or target is not None:
        return {}
    if column_count(y) < 2:
        return {"target": "y does not hold one label per row: expected one"}
    from venturalitica.wrapping.outputs import outputs_of

    outputs = outputs_of(y)
    return {
        "target": f"y has {len(outputs)} outputs ({quoted(outputs)}): say which is judged, by "
        "`roles: {target: {column: ...}}` in the policy or target= of the call"
    }


def _is_array(value: Any) -> bool:
    return value is not None and not isinstance(value, str)
