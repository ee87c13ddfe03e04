"""What a control asks of a tally, and from which column or array each role of it is read.

Nothing is guessed: a role is bound by the keyword of its own name, else by the `column` that the
policy gives it, else it is unbound, with the reason. What the caller passed and is wrong raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec import Struct, field

from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Role
from venturalitica.errors import BindingError, did_you_mean, listed
from venturalitica.metrics.catalog.spec import Need, Number


def tables_of(needs: Sequence[Need], bound: frozenset[str]) -> list[tuple[str, ...]]:
    """The tables that the needs ask for, in their order, each once; those with an unbound role
    are left out, because their controls cannot be evaluated anyway.

    Where predictions are counted, a bound target is too: which labels there are, and so which one
    is favorable, must not hang on whether another control happens to need the target.
    """
    asked = dict.fromkeys(need.axes for need in needs if need.axes)
    if any("prediction" in roles for roles in asked):
        asked |= {("target",): None}
    return [roles for roles in asked if bound.issuperset(roles)]


def numbers_of(needs: Sequence[Need], bound: frozenset[str]) -> dict[Number, list[tuple[str, ...]]]:
    """The tables by level of a number that the needs ask for, in the same manner."""
    asked = dict.fromkeys((need.number, need.axes) for need in needs)
    found: dict[Number, list[tuple[str, ...]]] = {}
    for number, axes in asked:
        if number is not None and bound.issuperset((*axes, *number.of)):
            found.setdefault(number, []).append(axes)
    return found


_SHOWN = 30
_COLUMNS = " (columns: "


class Binding(Struct, frozen=True):
    """Where each role is read from.

    `columns` maps a role to a column of the data, `arrays` to values that the caller passed, shape
    `(n,)`, `unbound` each wanted role that has neither to the reason. No role is in two of them.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, Any] = field(default_factory=dict)
    unbound: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """Role -> the name shown for it: its column, or the role itself for an array."""
        return {**self.columns, **{role: role for role in self.arrays}}


def bind(
    roles: Mapping[str, Role],
    given: Mapping[str, object],
    columns: Sequence[str] | None,
    *,
    wanted: Iterable[str],
) -> Binding:
    """Bind the roles that are given by keyword, and those `wanted` that have a default column.

    Args:
        roles: the roles of the policy; `target`, `prediction` and `score` always exist besides.
        given: role -> column name, or values of shape `(n,)`; None counts as not given.
        columns: the names of the data's columns, or None where there is no table.
        wanted: the roles that the selected controls need; those left over are `unbound`.

    Raises:
        BindingError: a name that is no role, a column that does not exist, a value that is neither
            a name nor an array, or one column compared with itself.
    """
    passed = {role: value for role, value in given.items() if value is not None}
    named = {role: value for role, value in passed.items() if isinstance(value, str)}
    arrays = {role: value for role, value in passed.items() if not isinstance(value, str)}
    wrong = [
        *(_unknown_role(role, roles) for role in passed),
        *(_no_values(role, value) for role, value in arrays.items()),
        *(_missing(role, name, columns) for role, name in named.items()),
    ]
    if any(wrong):
        raise BindingError(together(text for text in wrong if text))
    _refuse_target_twice(named, arrays)
    unbound: dict[str, str] = {}
    for role in dict.fromkeys(wanted):
        if role in passed:
            continue
        default = roles[role].column if role in roles else None
        if default is not None and columns is not None and default in columns:
            named[role] = default
        else:
            unbound[role] = _why_unbound(role, default, columns)
    _refuse_target_twice(named, arrays)
    return Binding(named, arrays, unbound)


def declared(
    roles: Mapping[str, Role], columns: Sequence[str] | None
) -> tuple[list[str], dict[str, str]]:
    """The roles whose own `column` the data have; and those whose column they lack, with it.

    What a model answers is lacking before there is one, and weights are never missing.
    """
    own = {name: role.column for name, role in roles.items() if role.column and name != WEIGHT}
    had = [name for name, column in own.items() if column in (columns or ())]
    lacking = {
        name: column for name, column in own.items() if name not in (*had, "prediction", "score")
    }
    return had, lacking


def together(reasons: Iterable[str]) -> str:
    """Several reasons in one sentence; the columns that they share are listed once, at the end."""
    texts = list(dict.fromkeys(reasons))
    _, opening, shared = texts[-1].rpartition(_COLUMNS)
    tail = opening + shared
    before = [text.removesuffix(tail) if tail else text for text in texts[:-1]]
    return "; ".join(
        [*([listed(before, _SHOWN, between="; ", longest=None)] * bool(before)), texts[-1]]
    )


def _unknown_role(name: str, roles: Mapping[str, Role]) -> str:
    known = [*dict.fromkeys([*roles, *LABEL_ROLES])]
    if name in known:
        return ""
    return (
        f"'{name}' is no role of the policy{did_you_mean(name, known)} "
        f"(its roles: {listed(known, _SHOWN)}; a control makes it one with 'across: {name}')"
    )


def _no_values(role: str, value: object) -> str:
    loose = isinstance(value, bytes | bytearray | Mapping | AbstractSet)
    if loose or not (hasattr(value, "__len__") or hasattr(value, "__array__")):
        # Of a number the text is shown, since pandas numbers columns; other values may be anything.
        number = type(value) is int
        return (
            f"{role}={value if number else type(value).__name__}: expected the name of a column "
            + (f'(text, "{value}" for a column numbered so) ' if number else "(text) ")
            + "or an array with one value per row"
        )
    return ""


def _missing(role: str, name: str, columns: Sequence[str] | None) -> str:
    if columns is None:
        return (
            f"{role}='{name}' names a column, and there is no table with named columns: "
            f"pass a data frame that has it, or an array with one value per row as {role}="
        )
    return "" if name in columns else f"{role}='{name}': {_no_such_column(name, columns)}"


def _refuse_target_twice(named: Mapping[str, str], arrays: Mapping[str, object]) -> None:
    """A model measured against itself is always right, so a slip here would pass every control."""
    for role in ("prediction", "score", WEIGHT):
        same_column = "target" in named and named.get(role) == named["target"]
        same_array = "target" in arrays and arrays.get(role) is arrays["target"]
        if same_column or same_array:
            what = f"column '{named['target']}'" if same_column else "the same array"
            raise BindingError(
                f"target and {role} are both bound to {what}: "
                + (
                    "rows would count by their label; bind weight to what each row counts for"
                    if role == WEIGHT
                    else "the labels would be compared with themselves; bind "
                    f"{role} to what the model gave"
                )
            )


def _why_unbound(role: str, default: str | None, columns: Sequence[str] | None) -> str:
    if default is not None and columns is not None:
        return (
            f"role '{role}': the policy reads it from column '{default}': "
            f"{_no_such_column(default, columns)}; or pass {role}=<column>"
        )
    if columns is None:
        return f"role '{role}' is not bound: pass {role}=<array with one value per row>"
    return (
        f"role '{role}' is not bound: pass {role}=<column>, or give it 'column:' in the policy "
        f"(columns: {listed(columns, _SHOWN)})"
    )


def _no_such_column(name: str, columns: Sequence[str]) -> str:
    texts = [str(column) for column in columns]
    return (
        f"there is no column '{name}'{did_you_mean(name, texts)} "
        f"(columns: {listed(texts, _SHOWN) or 'none'})"
    )
