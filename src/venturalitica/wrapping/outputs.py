"""Several outputs: the one that the policy names is judged, as if the model had no other."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from venturalitica.core.policy import Policy
from venturalitica.frameworks.alignment import column_count, column_names, one_column
from venturalitica.wrapping.arguments import Call


def one_output(policy: Policy, call: Call) -> tuple[Call, int | None]:
    """The call with the one output that is named as `y`, and its place; as it is where `y` has one
    output, or none of its outputs is named.

    It is named by `target=` of the call, else by `column` of the policy's target: by its name in a
    table, by its number from 0 in an array.
    """
    names = outputs_of(call.y)
    given = call.roles.get("target")
    wanted = policy.role("target").column if given is None else given
    if len(names) < 2 or not isinstance(wanted, str) or wanted not in names:
        return call, None
    place = names.index(wanted)
    audited = call.audit_data
    if isinstance(audited, tuple) and len(audited) == 2 and len(outputs_of(audited[1])) > 1:
        audited = audited[0], _output(audited[1], place)
    roles = {role: value for role, value in call.roles.items() if role != "target"}
    if not isinstance(audited, tuple | None):
        roles["target"] = wanted  # a column of the audit's own table
    return replace(call, y=_output(call.y, place), audit_data=audited, roles=roles), place


def outputs_of(y: Any) -> list[str]:
    """The names of the outputs in `y`, numbers where they have none; empty where it is no table."""
    if y is None or one_column(y) is not None:
        return []
    return column_names(y) or [str(place) for place in range(column_count(y))]


def _output(y: Any, place: int) -> Any:
    import narwhals as nw
    import numpy as np

    native = nw.from_native(y, pass_through=True, eager_only=True)
    if isinstance(native, nw.DataFrame):
        return native[:, place].to_native()
    return np.asarray(y.toarray() if hasattr(y, "toarray") else y)[:, place]
