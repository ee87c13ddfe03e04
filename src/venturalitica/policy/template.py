"""The commented policy that `venturalitica init` writes, fitted to a data file's columns.

It decides nothing for the user: which label is favorable, which columns group people and where
the thresholds lie are comments to choose from. What it writes uncommented lints clean, and so does
each commented block once its marks are removed.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from jinja2 import Environment, StrictUndefined
from msgspec import Struct

from venturalitica.core.labels import scalar
from venturalitica.core.policy import LABEL_ROLES, shortest
from venturalitica.core.verdict import Label
from venturalitica.policy.fields import name_fault, role_name_fault

FEW = 20
"""A column with at most this many distinct values can be a label or a group as it is."""

YEARS = 100
"""So many different whole numbers may be ages."""

MOST_CANDIDATES = 40

TEMPLATE = Path(__file__).with_name("model_policy.yaml.jinja")

Kind = Literal["number", "text", "boolean", "other"]


class ColumnFacts(Struct, frozen=True):
    """What `init` needs to know of a column: no rows, only how values look.

    `values` are the distinct ones, ascending, where there are at most `FEW`; `low` and `high` the
    least and greatest of a number, `quartiles` what `quartiles()` gives of its rows, `guess` what
    `guess_of()` does.
    """

    name: str
    kind: Kind
    distinct: int
    values: tuple[Label, ...] = ()
    low: float | None = None
    high: float | None = None
    quartiles: tuple[float, ...] = ()
    guess: tuple[float, float] | None = None

    @property
    def is_amount(self) -> bool:
        """Whether it is a measurement and no label: many different numbers, or fractions."""
        fractions = any(isinstance(v, float) and not v.is_integer() for v in self.values)
        return self.kind == "number" and (self.distinct > FEW or fractions) and self.distinct > 1


def policy_template(
    *, name: str = "my-model", columns: Sequence[ColumnFacts] = (), target: str | None = None
) -> str:
    """The text of a `model_policy.yaml` to start from.

    Args:
        name: the policy's name.
        columns: the columns of the data, in its order.
        target: the column of the true labels; must be one of `columns`, else ValueError.
    """
    facts = {column.name: column for column in columns}
    if target is not None and target not in facts:
        raise ValueError(f"no column '{target}'")
    grouping = [column for column in columns if column.name != target and _can_group(column)]
    grouping.sort(key=lambda column: not _is_sensitive(column))  # keeps the order else
    roles = dict(zip(_role_names(grouping), grouping, strict=True))
    made = Environment(trim_blocks=True, keep_trailing_newline=True, undefined=StrictUndefined)
    made.filters.update(scalar=scalar, values=_values, bins=_bins, groups=_groups)
    made.filters.update(shortest=shortest, bound=_bound)
    template = made.from_string(TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        name=name,
        columns=columns,
        target=facts.get(target) if target is not None else None,
        amounts=target is not None and facts[target].is_amount and any(facts[target].guess or ()),
        labels=[column for column in columns if 2 <= column.distinct <= FEW],
        roles=roles,
        across=next(iter(roles), "gender"),
        sensitive=any(map(_is_sensitive, grouping)),
        FEW=FEW,
        MOST=MOST_CANDIDATES,
    )


def _can_group(column: ColumnFacts) -> bool:
    if column.distinct < 2 or not column.name:
        return False
    if column.kind == "other" or column.distinct <= FEW:
        return column.kind != "other"
    return column.kind == "number" and (_is_sensitive(column) or _may_be_years(column))


def _may_be_years(column: ColumnFacts) -> bool:
    """Whole numbers, and not many different ones: an age, whatever the column is called. What was
    measured, the radius of a cell say, groups nobody."""
    points = (column.low or 0.0, column.high or 0.0, *column.quartiles)
    return column.distinct <= YEARS and all(point.is_integer() for point in map(float, points))


def _groups(column: ColumnFacts) -> str:
    """The values of a text column, each with the name of its group, as in a `map`."""
    return ", ".join(
        f"{scalar(value)}: {scalar(_group_name(value, place))}"
        for place, value in enumerate(column.values, 1)
    )


def _group_name(value: Label, place: int) -> str:
    text = str(value)
    return text if name_fault(text) is None else f"group {place}"


def quartiles(values: Iterable[object]) -> tuple[float, ...]:
    """Three values that part the finite numbers among `values` into quarters; none of no number."""
    numbers = sorted(
        float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)
    )
    return tuple(numbers[len(numbers) * part // 4] for part in (1, 2, 3)) if numbers else ()


def guess_of(values: Iterable[object]) -> tuple[float, float] | None:
    """The errors of a model that predicts the mean of the finite numbers for every row (as
    scikit-learn's DummyRegressor does): mean absolute, root mean squared. None of no number, or
    where a float cannot hold them."""
    numbers = [
        float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)
    ]
    if not numbers or max(map(abs, numbers)) > _LARGEST:
        return None
    mean = math.fsum(numbers) / len(numbers)
    apart = [abs(number - mean) for number in numbers]
    squares = math.fsum(error * error for error in apart)
    return math.fsum(apart) / len(numbers), math.sqrt(squares / len(numbers))


_LARGEST = 1e75
"""As `core.amounts.LIMIT`: larger amounts are not judged either."""


def _bound(error: float) -> str:
    """A threshold of three digits, not above the error."""
    rounded = float(f"{error:.3g}")
    if rounded > error:
        rounded -= 10.0 ** (math.floor(math.log10(error)) - 2)
    return shortest(float(f"{rounded:.3g}"))


def _bins(column: ColumnFacts) -> list[float]:
    """The quartiles in few digits, each once; where they fall together, a cut half way."""
    low, high = column.low or 0.0, column.high or 0.0
    points = [_rough(point, low, high) for point in column.quartiles if low < point <= high]
    return sorted(set(points)) or [_rough(low / 2 + high / 2, low, high)]


def _rough(point: float, low: float, high: float) -> float:
    if point == round(point) and abs(point) < 1e15:
        return point
    return next((one for one in (float(f"{point:.3g}"),) if low < one < high), point)


def _is_sensitive(column: ColumnFacts) -> bool:
    return is_sensitive(column.name, column.values)


def _values(column: ColumnFacts) -> str:
    """How the values look, in a comment."""
    if column.distinct <= FEW and column.values:
        listed = ", ".join(scalar(value) for value in column.values)
        listed = listed if len(listed) <= 120 else f"{listed[:120]}..."
        return f"{column.distinct} values: {listed}"
    if column.kind == "number" and column.low is not None and column.high is not None:
        return f"numbers from {shortest(column.low)} to {shortest(column.high)}"
    return f"{column.distinct} values"


def _role_names(columns: Sequence[ColumnFacts]) -> list[str]:
    """A usable role name for each column, all different."""
    names: dict[str, None] = {}
    for place, column in enumerate(columns, 1):
        usable = unicodedata.normalize("NFKC", column.name)
        name = re.sub(r"\W+", "_", usable).strip("_").lower()[:40]
        if name in LABEL_ROLES:
            name = f"{name}_group"
        if not name or role_name_fault(name) is not None:
            name = f"role_{place}"
        while name in names:
            name = f"{name}_{place}"
        names[name] = None
    return list(names)


WORDS = frozenset(
    [
        "sex", "gender", "age", "race", "religion", "creed", "belief", "caste", "tribe", "dob",
        "birthday", "birthdate", "birth", "disabled", "veteran", "pregnancy", "pregnant", "married",
        "marital", "minority", "foreign", "foreigner", "migrant", "refugee",
        "geschlecht", "alter", "herkunft", "behinderung", "familienstand",
        "sexe", "handicap", "sexo", "genero", "edad", "raza", "discapacidad",
        "sesso", "genere", "eta", "razza", "disabilita", "geslacht", "leeftijd",
        "idade", "raca", "plec", "wiek", "alder",
    ]
)  # fmt: skip
"""Whole words: `age` stands in `applicant_age` and `AgeYears`, and not in `average` or `usage`."""

STEMS = (
    "ethnic", "nationalit", "citizen", "disabilit", "orientation", "religio", "gender", "immigra",
    "transgend", "staatsang", "nacionalidad", "nazionalit", "etnia", "etnic",
)  # fmt: skip
"""Beginnings of words that mean nothing else."""

SCRIPTS = ("性別", "年齢", "年龄", "性别", "民族", "国籍", "пол", "возраст", "성별", "나이", "국적")

SEXES = (
    {"male", "female"}, {"m", "f"}, {"man", "woman"}, {"men", "women"}, {"m", "w"},
    {"mann", "frau"}, {"homme", "femme"}, {"hombre", "mujer"}, {"boy", "girl"}, {"h", "f"},
)  # fmt: skip


def is_sensitive(name: str, values: Sequence[object] = ()) -> bool:
    """Whether a column probably says something about a person that the law protects."""
    words = _words(name)
    if words & WORDS or any(word.startswith(STEMS) for word in words):
        return True
    held = {str(value).strip().lower() for value in values}
    return name.strip().lower() in SCRIPTS or any(sexes <= held for sexes in SEXES)


def _words(name: str) -> set[str]:
    """`applicantAge_2` -> applicant, age; `GÉNERO` -> genero."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    plain = unicodedata.normalize("NFKD", parts).encode("ascii", "ignore").decode()
    return set(re.findall(r"[a-z]+", plain.lower()))
