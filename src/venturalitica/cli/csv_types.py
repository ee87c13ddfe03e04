"""The types of a CSV file's columns, decided by one rule; columns that are compared have one type.

A column is numeric where every field that is not missing is a number, boolean where every such
field is true or false, and text otherwise. An empty or blank field is missing. `NA`, `NaN`, `null`
and the like are missing in numeric and boolean columns only: in a text column they may be a name.

Codes stay text: a number with a leading zero (`007`), with more than 15 digits, or such as `1E5`
makes its column text, because reading it as a number would lose what it says.

Target and prediction are typed together: if one of them holds text, so does the other. Where the
policy writes labels or groups as text (`favorable: "1"`), their column is text; where it needs
numbers (a score, bins), any number is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from venturalitica.rules import LABEL_ROLES, Policy, Role

INTEGER = r"[+-]?(?:0|[1-9][0-9]{0,14})"
# What programs print has a sign in the exponent or a point before it (1e-05, 1.0E10).
NUMBER = (
    INTEGER + r"|(?:" + INTEGER + r"(?:\.[0-9]*)?|[+-]?\.[0-9]+)(?:[eE][+-][0-9]+)?"
    r"|(?:" + INTEGER + r"\.[0-9]*|[+-]?\.[0-9]+)[eE][0-9]+"
)
ANY_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
MISSING = ("NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "Null", "None", "none")
YES = ("true", "True", "TRUE")
NO = ("false", "False", "FALSE")


@dataclass(frozen=True, slots=True)
class Together:
    """Columns whose values are compared with one another, and what the policy says of these.

    `numbers` is whether it needs numbers, `text` whether it writes such a value as text.
    """

    columns: tuple[str, ...]
    numbers: bool = False
    text: bool = False


def compared(policy: Policy, bindings: Mapping[str, str]) -> tuple[Together, ...]:
    """The columns that a policy names and those bound by the caller, which rules them, as sets."""
    roles = {name: policy.role(name) for name in (*LABEL_ROLES, *policy.grouping_roles)}
    columns = {name: bindings.get(name, role.column) for name, role in roles.items()}
    sets: dict[str, list[str]] = {name: [name] for name in roles}
    prediction = roles["prediction"]
    if not prediction.reads:
        # Without a rule of its own a prediction is read as the target is.
        sets["target"] += sets.pop("prediction")
    found = (
        (roles[first], tuple(c for name in names if (c := columns[name]) is not None))
        for first, names in sets.items()
    )
    return tuple(_together(role, names) for role, names in found if names)


def _together(role: Role, columns: tuple[str, ...]) -> Together:
    written = (role.favorable,) if role.map is None else tuple(role.map)
    stated = (*written, *(role.labels or ()))
    return Together(
        columns,
        numbers=role.name == "score" or role.bins is not None,
        text=any(isinstance(value, str) for value in stated),
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the fields of a column are, without those that are missing."""

    stated: bool
    whole: bool
    number: bool
    any_number: bool
    boolean: bool
    complete: bool


def typed(connection: Any, columns: Sequence[str], sets: Iterable[Together]) -> list[str]:
    """The expression that gives each column of `rows` (`c0`, `c1`, …, all text) its type."""
    connection.execute(_MACROS)
    facts = [_facts(connection, f"c{index}") for index in range(len(columns))]
    place = {name: index for index, name in enumerate(columns)}
    kinds = {index: _alone(found) for index, found in enumerate(facts)}
    done: set[int] = set()
    for each in sets:
        members = [place[name] for name in dict.fromkeys(each.columns) if name in place]
        members = [index for index in members if index not in done]
        done |= set(members)
        if each.numbers:
            number = (index for index in members if facts[index].any_number)
            kinds |= dict.fromkeys(number, "number")
        elif each.text or _apart(connection, [i for i in members if facts[i].stated], kinds):
            kinds |= dict.fromkeys(members, "text")
    return [_expression(f"c{index}", kinds[index], found) for index, found in enumerate(facts)]


def _apart(connection: Any, members: Sequence[int], kinds: Mapping[int, str]) -> bool:
    """Whether columns of several types hold a value in common, so that they must be one type. If
    they have none, they keep their own: 0/1 against yes/no is then refused as never equal."""
    if len({kinds[index] for index in members}) < 2:
        return False
    values = " INTERSECT ".join(
        f"SELECT c{index} FROM rows WHERE stated(c{index}) IS NOT NULL" for index in members
    )
    return bool(connection.execute(f"SELECT count(*) FROM ({values})").fetchone()[0])


def _alone(facts: _Facts) -> str:
    if facts.number:
        return "number"
    return "boolean" if facts.boolean else "text"


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


_MACROS = f"""
CREATE OR REPLACE MACRO bare(x) AS trim(x, E' \\t\\r\\n');
CREATE OR REPLACE MACRO stated(x) AS
  CASE WHEN bare(x) NOT IN ('', {_quoted(MISSING)}) THEN ltrim(bare(x), '+') END;
"""


def _facts(connection: Any, column: str) -> _Facts:
    """Each different field is looked at once."""
    tests = (
        *(f"regexp_full_match(x, '{form}')" for form in (INTEGER, NUMBER, ANY_NUMBER)),
        f"x IN ({_quoted((*YES, *NO))})",
        "isfinite(TRY_CAST(x AS DOUBLE))",
    )
    whole, number, any_number, boolean, finite = (
        f"coalesce(bool_and({test}), false)" for test in tests
    )
    different = f"SELECT stated(v) AS x FROM (SELECT DISTINCT {column} AS v FROM rows)"
    row = connection.execute(
        f"SELECT count(x) > 0, {whole}, {number} AND {finite}, {any_number} AND {finite}, "
        f"{boolean}, count(x) = count(*) FROM ({different})"
    ).fetchone()
    return _Facts(*row)


def _expression(column: str, kind: str, facts: _Facts) -> str:
    if kind == "number":
        exact = facts.whole and facts.complete
        # Blanks and signs are read too; what is missing is NULL, or NaN where it says so.
        return f"TRY_CAST({column} AS {'BIGINT' if exact else 'DOUBLE'})"
    if kind == "boolean":
        return f"stated({column}) IN ({_quoted(YES)})"
    return f"CASE WHEN bare({column}) <> '' THEN {column} END"
