"""The commented policy that `venturalitica init` writes, fitted to a data file's columns.

It decides nothing for the user: which label is favorable, which columns group people and where
the thresholds lie are comments to choose from. What it writes uncommented lints clean, and so does
each commented block once its marks are removed.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from venturalitica.core.labels import scalar
from venturalitica.core.policy import LABEL_ROLES, shortest
from venturalitica.core.verdict import Label
from venturalitica.policy.fields import name_fault, role_name_fault

FEW = 20
"""A column with at most this many distinct values can be a label or a group as it is."""

MOST_CANDIDATES = 40

Kind = Literal["number", "text", "boolean", "other"]


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What `init` needs to know of a column: no rows, only how values look.

    `values` are the distinct ones, ascending, where there are at most `FEW`; `low` and `high` the
    least and greatest of a number, `quartiles` what `quartiles()` gives of its rows.
    """

    name: str
    kind: Kind
    distinct: int
    values: tuple[Label, ...] = ()
    low: float | None = None
    high: float | None = None
    quartiles: tuple[float, ...] = ()


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
    lines = [
        *_head(name),
        *_roles(roles, facts.get(target) if target is not None else None, columns),
        *_controls(next(iter(roles), "gender")),
    ]
    return "\n".join(lines) + "\n"


def _head(name: str) -> Iterator[str]:
    yield "# The rules that this model must meet. Text after # is a comment."
    yield "#   venturalitica policy lint model_policy.yaml    checks this file"
    yield "#   venturalitica metrics                          lists what can be measured"
    yield "#   venturalitica policy schema > model_policy.schema.json"
    yield "#       lets editors complete keys, once the first line of this file says:"
    yield "#       yaml-language-server: $schema=model_policy.schema.json"
    yield ""
    yield f"policy: {scalar(name)}"
    yield 'version: "0.1"  # text in quotes; raise it whenever a rule changes'
    yield "# title: What this policy is about, in a sentence."
    yield ""


def _roles(
    roles: dict[str, ColumnFacts], target: ColumnFacts | None, columns: Sequence[ColumnFacts]
) -> Iterator[str]:
    yield "# How values are read. The roles target, prediction and score are labels; any other role"
    yield "# groups the rows. 'column' is a default: a keyword of the call wins over it."
    yield "roles:"
    yield from _target(target, columns)
    if not columns:
        yield "  # gender:"
        yield "  #   column: Attribute9"
        yield "  #   map: {A91: male, A92: female, A93: male, A94: male, A95: female}"
        yield "  # age:"
        yield "  #   column: Attribute13"
        yield "  #   bins: [25, 60]  # under 25, 25 to under 60, 60 and over"
        return
    if roles:
        yield "  # Columns that could group people. Uncomment those that matter and name them well."
    if any(map(_is_sensitive, roles.values())):
        yield "  # First those that the law may protect, to judge by their names: sex, age ..."
    for name, column in list(roles.items())[:MOST_CANDIDATES]:
        yield from _candidate(name, column)
    if len(roles) > MOST_CANDIDATES:
        yield f"  # ... and {len(roles) - MOST_CANDIDATES} more columns."


def _target(target: ColumnFacts | None, columns: Sequence[ColumnFacts]) -> Iterator[str]:
    if target is None:
        yield "  # target:"
        labels = [column for column in columns if 2 <= column.distinct <= FEW]
        for column in labels[:MOST_CANDIDATES]:
            yield f"  #   column: {scalar(column.name)}  # {_values(column)}"
        if not labels:
            yield "  #   column: class"
        yield "  #   favorable: 1  # the label that is good for the person"
        yield "  #   labels: [0, 1]  # any other value is refused, of predictions too"
        return
    yield "  target:"
    yield f"    column: {scalar(target.name)}"
    if target.distinct > FEW:
        yield f"    # This column has {target.distinct} distinct values: are these labels?"
        return
    yield f"    # {_values(target)}"
    yield from _favorable(target)


def _favorable(target: ColumnFacts) -> Iterator[str]:
    if set(map(str, target.values)) <= {"0", "1", "True", "False"} and target.kind != "text":
        yield "    # The label 1 (or true) is the favorable one, unless this says otherwise:"
    else:
        yield "    # Which label is good for the person? Uncomment one line; it is never guessed:"
    for label in target.values:
        yield f"    # favorable: {scalar(label)}"
    listed = ", ".join(map(scalar, target.values))
    yield f"    # labels: [{listed}]  # any other value is refused, of predictions too"


def _can_group(column: ColumnFacts) -> bool:
    if column.distinct < 2 or not column.name:
        return False
    return column.kind == "number" or (column.kind != "other" and column.distinct <= FEW)


def _candidate(name: str, column: ColumnFacts) -> Iterator[str]:
    yield f"  # {name}:  # {_values(column)}"
    yield f"  #   column: {scalar(column.name)}"
    if column.kind == "number" and column.distinct > FEW:
        bins = ", ".join(map(shortest, _bins(column)))
        yield f"  #   bins: [{bins}]  # at the quartiles; ascending cut points of your choice"
    elif column.kind == "text":
        pairs = ", ".join(
            f"{scalar(value)}: {scalar(_group_name(value, place))}"
            for place, value in enumerate(column.values, 1)
        )
        if len(pairs) <= 400:
            yield f"  #   map: {{{pairs}}}  # group names; leave out to keep the values"


def _group_name(value: Label, place: int) -> str:
    text = str(value)
    return text if name_fault(text) is None else f"group {place}"


def quartiles(values: Iterable[object]) -> tuple[float, ...]:
    """Three values that part the finite numbers among `values` into quarters; none of no number."""
    numbers = sorted(
        float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)
    )
    return tuple(numbers[len(numbers) * part // 4] for part in (1, 2, 3)) if numbers else ()


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


def _controls(role: str) -> Iterator[str]:
    yield ""
    yield "# One verdict for each control. The thresholds are placeholders: set your own."
    yield "controls:"
    yield "  - id: accuracy"
    yield "    title: The model is right at least 7 times in 10"
    yield "    metric: accuracy"
    yield '    must: ">= 0.70"'
    yield "    on_fail: warn  # record, warn or block"
    yield '    # article: "15(1)"  # what asks for it'
    yield "    # remedy: What to do when it fails."
    yield ""
    yield f"  # Equal treatment (needs the favorable label; put your role in the place of {role}):"
    yield "  # - id: equal-approval"
    yield "  #   title: Approval rates differ by no more than the four-fifths rule allows"
    yield "  #   metric: demographic_parity_ratio"
    yield f"  #   across: {role}"
    yield '  #   must: ">= 0.80"'
    yield "  #   on_fail: block"
    yield ""
    yield "  # Any metric can be compared across groups: difference, ratio, min, max or between."
    yield "  # - id: recall-gap"
    yield "  #   metric: recall"
    yield f"  #   across: {role}"
    yield "  #   compare: difference"
    yield '  #   must: "<= 0.10"'
    yield ""
    yield "  # The data alone, before training:"
    yield "  # - id: enough-of-each"
    yield "  #   metric: group_representation"
    yield f"  #   across: {role}"
    yield '  #   must: ">= 0.10"'


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
