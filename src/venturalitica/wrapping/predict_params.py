"""What the model is asked with, besides the rows: given for them, or known of the training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from venturalitica.audit.asking import values_of
from venturalitica.frameworks.alignment import check_role_order, column_names, row_count, unreadable
from venturalitica.frameworks.beside import Beside, parameters_of
from venturalitica.frameworks.sklearn import routed, routing_is_on
from venturalitica.wrapping.arguments import Call
from venturalitica.wrapping.rows import Plan


def with_params(plan: Plan, call: Call) -> Plan:
    """The plan with what its rows are asked with.

    Raises:
        BindingError: `predict_params` is no mapping of names.
        DataError: a Series of it has the judged rows in another order.
    """
    if plan.features is None:
        return plan
    given = {name: values_of(value, plan.frame) for name, value in call.predict_params.items()}
    check_role_order(given, plan.features if plan.frame is None else plan.frame)
    return replace(plan, beside=Beside(given, call.y), metadata=_metadata(plan, call))


def _metadata(plan: Plan, call: Call) -> dict[str, Any]:
    """Arguments of the training with a value per row, as far as the rows judged have them too.

    Of other rows than the training's that is a column of the judged table, by the name of the
    Series that was given.
    """
    rows, found = 0 if unreadable(call.X) else row_count(call.X), {}
    columns = column_names(plan.frame) or ()
    for name, value in call.kwargs.items():
        if value is call.X or name in ("y", "Y") or not _is_per_row(value, rows):
            continue
        if not plan.others:
            found[name] = value
        elif getattr(value, "name", None) in columns:
            found[name] = values_of(value.name, plan.frame)
    return found


def _is_per_row(value: Any, rows: int) -> bool:
    if isinstance(value, str | bytes | Mapping) or not (
        hasattr(value, "shape") or hasattr(value, "__len__")
    ):
        return False
    return row_count(value) == rows if len(getattr(value, "shape", (1,))) else False


def beside_of(model: Any, plan: Plan) -> Beside:
    """What the trained model is asked with: what was given for it, else what its training was."""
    return replace(plan.beside, params={**_metadata_of(model, plan.metadata), **plan.beside.params})


def _metadata_of(model: Any, fit_params: Mapping[str, Any]) -> dict[str, Any]:
    """Those arguments of a training that `predict` takes too, by the names that it has for them.

    As scikit-learn hands them: by its routing where that is on, else by the prefix of a pipeline's
    last step, which alone is given what the pipeline's `predict` is.
    """
    named, takes_any = parameters_of(model.predict)
    taken = {name: value for name, value in fit_params.items() if name in named}
    if not takes_any or not fit_params:
        return taken
    if hasattr(model, "get_metadata_routing") and routing_is_on():
        return taken | {name: fit_params[name] for name in routed(model, "predict", fit_params)}
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps and hasattr(steps[-1][1], "predict"):
        prefix = f"{steps[-1][0]}__"
        own = {
            name.removeprefix(prefix): value
            for name, value in fit_params.items()
            if name.startswith(prefix)
        }
        taken |= _metadata_of(steps[-1][1], own)
    return taken
