"""The types of CSV columns: one rule, whatever reads the fields (docs/cli.md has it in words)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from venturalitica.cli.reading.engine import identifiers
from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Policy, Role

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


def key_type(values: Iterable[str | None]) -> str:
    """The type, in DuckDB, of what folders such as `year=2026` say: numbers where all are."""
    stated = [value for value in values if value is not None]
    for form, kind in ((INTEGER, "BIGINT"), (NUMBER, "DOUBLE")):
        if stated and all(re.fullmatch(form, value) for value in stated):
            return kind
    return "VARCHAR"


class Together(Struct, frozen=True):
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
        numbers=role.name in ("score", WEIGHT) or role.bins is not None,
        text=any(isinstance(value, str) for value in stated),
    )


class _Facts(Struct, frozen=True):
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
    facts = _facts(connection, len(columns))
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
    return bool(connection.execute(f"SELECT count(*) FROM ({values})").fetchall()[0][0])


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


_SAMPLE = 20_000
_FEW = 2_000
_TOGETHER = 1024
"""So many columns are asked of in one question: each question reads the files anew."""
_KIND = f"""
CASE WHEN x IS NULL THEN NULL
  WHEN regexp_full_match(x, '{INTEGER}') THEN 3
  WHEN regexp_full_match(x, '{ANY_NUMBER}') AND isfinite(TRY_CAST(x AS DOUBLE))
    THEN CASE WHEN regexp_full_match(x, '{NUMBER}') THEN 2 ELSE 1 END
  WHEN x IN ({_quoted((*YES, *NO))}) THEN 0
  ELSE -1 END
"""
_SUMMARY = "min(kind), max(kind), count(kind) = count(*)"


def _facts(connection: Any, count: int) -> list[_Facts]:
    """Of each of so many columns. Of few different fields each is looked at once; of many all:
    they would fill the memory."""
    found = [_Facts(False, False, False, False, False, True)] * count  # without rows
    for first in range(0, count, _TOGETHER):
        places = range(first, min(first + _TOGETHER, count))
        many = _many(connection, places)
        for each, question in ((many, _each), ({*places} - many, _different)):
            answer = connection.execute(question(sorted(each))).fetchall() if each else ()
            for column, least, most, complete in answer:
                found[int(column[1:])] = _as_facts(least, most, complete=complete)
    return found


def _as_facts(least: int | None, most: int | None, *, complete: bool) -> _Facts:
    if least is None:
        return _Facts(False, False, False, False, False, complete)
    return _Facts(True, least >= 3, least >= 2, least >= 1, least == most == 0, complete)


def _many(connection: Any, places: Sequence[int]) -> set[int]:
    """The columns that have many different fields among the first rows, about."""
    fields = _fields(places, f" LIMIT {_SAMPLE}")
    question = f"SELECT n FROM {fields} GROUP BY n HAVING approx_count_distinct(v) > {_FEW}"
    return {int(column[1:]) for (column,) in connection.execute(question).fetchall()}


def _each(places: Sequence[int]) -> str:
    kinds = f"SELECT n, {_KIND} AS kind FROM (SELECT n, stated(v) AS x FROM {_fields(places)})"
    return f"SELECT n, {_SUMMARY} FROM ({kinds}) GROUP BY n"


def _different(places: Sequence[int]) -> str:
    return f"""
    WITH different AS MATERIALIZED (SELECT DISTINCT n, v FROM {_fields(places)}),
      known AS (SELECT v, stated(v) AS x FROM (SELECT DISTINCT v FROM different)),
      kinds AS (SELECT v, {_KIND} AS kind FROM known)
    SELECT n, {_SUMMARY} FROM different JOIN kinds ON different.v IS NOT DISTINCT FROM kinds.v
    GROUP BY n
    """


def _fields(places: Sequence[int], end: str = "") -> str:
    """All fields of these columns, `v`, beside the name of the column, `n`: an aggregate of its own
    for each of thousands of columns takes DuckDB minutes to plan."""
    names = identifiers(places)
    return f"(FROM (SELECT {names} FROM rows{end}) UNPIVOT INCLUDE NULLS (v FOR n IN ({names})))"


def _expression(column: str, kind: str, facts: _Facts) -> str:
    if kind == "number":
        exact = facts.whole and facts.complete
        # Blanks and signs are read too; what is missing is NULL, or NaN where it says so.
        return f"TRY_CAST({column} AS {'BIGINT' if exact else 'DOUBLE'})"
    if kind == "boolean":
        return f"stated({column}) IN ({_quoted(YES)})"
    return f"CASE WHEN bare({column}) <> '' THEN {column} END"
