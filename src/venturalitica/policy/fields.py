"""The kinds of value that a policy holds, as types that pydantic checks.

Faults are raised with our words: `said` is a whole message, `is` one that wants the key before it;
`validate_shape` puts them together.
"""

from __future__ import annotations

import keyword
import math
import re
import unicodedata
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, Any

from msgspec import Struct
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from venturalitica.core.labels import canonical_label
from venturalitica.core.policy import OPERATORS, Operator, Threshold
from venturalitica.core.retention import term
from venturalitica.core.verdict import SURELY, Label
from venturalitica.policy.tree import LARGEST_WHOLE, MAX_NAME, MAX_ROLES_CROSSED, MAX_TEXT, show

TAKEN = frozenset(
    {"data", "policy", "model", "features", "predict_params", "metrics", "phase", "name"}
    | {"audit_data", "X", "y", "self"}
)
"""Names of arguments that stand beside the roles in `vl.enforce` and `fit`."""


def role_name_fault(name: str) -> str | None:
    """Why `name` cannot be a role, or None. Roles are bound by keyword: `gender="Attribute9"`."""
    if len(name) > MAX_NAME:
        return f"the role {show(name)} is longer than {MAX_NAME} characters"
    if name in TAKEN:
        return (
            f"a role cannot be called {show(name)}: that argument of vl.enforce or fit means "
            f"something else; rename it, for example '{name.lower()}_group'"
        )
    if unicodedata.normalize("NFKC", name) == name and name.isidentifier():
        if not keyword.iskeyword(name):
            return None
        return (
            f"a role cannot be called {show(name)}, a word of Python's own; "
            f"rename it, for example '{name.lower()}_group'"
        )
    if "," in name:
        parts = ", ".join(part.strip() for part in name.split(",") if part.strip())
        return f"{show(name)} is not one role; several roles are a list, as in [{parts[:60]}]"
    usable = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name)).strip("_")
    guess = f"; for example '{usable}'" if usable.isidentifier() else ""
    return (
        f"{show(name)} is not a role's name: letters, digits and _ only, not a digit first{guess} "
        "(give the column's own name as 'column')"
    )


def name_fault(text: str) -> str | None:
    """Why `text` cannot be an id or a group's name, or None: one printable line, not padded."""
    if not text.strip():
        return "is an empty text"
    if len(text) > MAX_NAME:
        return f"has {len(text)} characters; at most {MAX_NAME} are allowed"
    if text != text.strip():
        return f"is {show(text)}; remove the blanks around it"
    if not _printable(text):
        return f"is {show(text)}, which holds characters that cannot be printed"
    if unicodedata.normalize("NFC", text) != text:
        return f"is {show(text)}, in decomposed Unicode; save it in the composed form (NFC)"
    return None


def text_fault(text: str) -> str | None:
    """Why `text` cannot be a title or a remedy, or None: printable, line breaks allowed."""
    if len(text) > MAX_TEXT:
        return f"has {len(text):,} characters; at most {MAX_TEXT:,} are allowed"
    if not _printable(text.replace("\n", " ").replace("\t", " ")):
        return f"is {show(text)}, which holds characters that cannot be printed"
    return None


def label_fault(value: object) -> str | None:
    """Why `value` cannot be a label of the data, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return "is not a finite number"
        too_large = abs(value) > LARGEST_WHOLE
        return "is beyond 2^53, not exact as a number; write it in quotes" if too_large else None
    if isinstance(value, str):
        long = len(value) > MAX_TEXT
        return f"is a text of more than {MAX_TEXT:,} characters" if long else None
    return "is no label"


_JOINERS = str.maketrans("", "", "\u200c\u200d")
"""Zero-width (non-)joiners, which scripts and emoji need."""


def _printable(text: str) -> bool:
    return text.translate(_JOINERS).isprintable()


ABSENT: Any = None
"""The default of a key that a policy may leave out, though it may not say null."""


class Expected(Struct, frozen=True):
    """Metadata of a key: what it must hold, in words, for errors."""

    words: str


def said_of(message: str) -> PydanticCustomError:
    """An error whose message is complete."""
    return PydanticCustomError("said", "{message}", {"message": message})


def _is(fault: str) -> PydanticCustomError:
    """An error whose message wants the key before it."""
    return PydanticCustomError("is", "{fault}", {"fault": fault})


def without_fault(check: Callable[[str], str | None]) -> Callable[[str], str]:
    """A validator that raises what `check` finds."""

    def run(text: str) -> str:
        fault = check(text)
        if fault:
            raise _is(fault)
        return text

    return run


def _role_name(name: str) -> str:
    fault = role_name_fault(name)
    if fault:
        raise said_of(fault)
    return name


def as_threshold(text: str) -> Threshold:
    try:
        return parse_threshold(text)
    except ValueError as error:
        raise said_of(str(error)) from None


def as_term(text: str) -> str:
    try:
        return term(text)
    except ValueError as error:
        raise said_of(f"'retention' is {show(text)}: {error}") from None


def _label(value: Any) -> Label:
    fault = label_fault(value)
    if fault:
        raise PydanticCustomError("label", "{fault}", {"fault": fault})
    return canonical_label(value)


def finite(value: float) -> float:
    if not math.isfinite(value):
        raise PydanticCustomError("finite", "not finite")
    return value + 0.0


LEAST_LEVEL, MOST_LEVEL = 0.8, 0.9999
"""Below, more than one interval in five misses; above, no end of 2,000 replicates or of a few
hundred rows says anything."""


def as_level(level: float) -> float:
    if LEAST_LEVEL <= level <= MOST_LEVEL:
        return level
    said = f"'level' is {level:g}"
    if LEAST_LEVEL <= level / 100 <= MOST_LEVEL:
        raise said_of(f"{said}; write {share(level)} (a share, not a percentage)")
    low = level < LEAST_LEVEL
    why = "more than one interval in five would miss" if low else "no rows settle it"
    raise said_of(f"{said}: {why}; expected a number from {LEAST_LEVEL} to {MOST_LEVEL}")


def ascending(bins: list[float]) -> list[float]:
    for before, after in pairwise(bins):
        if after <= before:
            raise said_of(
                f"'bins' must ascend, each cut point larger than the one before: "
                f"{after:g} follows {before:g}"
            )
    return bins


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def different(labels: list[Label]) -> list[Label]:
    """As Python tells them apart: True is 1, and cannot be listed beside it."""
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise said_of(f"'labels' lists {label!r} twice")
    return labels


def distinct(values: list[str]) -> list[str]:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise said_of(f"'{value}' is given twice")
        seen.add(value)
    return values


_ROLE_SCHEMA: dict[str, Any] = {
    "type": "string",
    # Looser than the reader's rule: \w means ASCII to most JSON Schema tools, and a role may not.
    "pattern": r"^[^\s\d!-/:-@\[-^`{-~][^\s!-/:-@\[-^`{-~]*$",
    "not": {"enum": sorted(TAKEN)},
}

Name = Annotated[
    str, AfterValidator(without_fault(name_fault)), Field(min_length=1, max_length=MAX_NAME)
]
ColumnName = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)]
Prose = Annotated[str, AfterValidator(without_fault(text_fault)), Field(max_length=MAX_TEXT)]
RoleName = Annotated[str, AfterValidator(_role_name), WithJsonSchema(_ROLE_SCHEMA)]
LabelValue = Annotated[
    Any, AfterValidator(_label), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
Roles = Annotated[
    list[RoleName],
    Field(min_length=1, max_length=MAX_ROLES_CROSSED),
    AfterValidator(distinct),
    BeforeValidator(_one_or_more),
]
GROUP_NAME_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
ROLES_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            _ROLE_SCHEMA,
            {
                "type": "array",
                "items": _ROLE_SCHEMA,
                "minItems": 1,
                "maxItems": MAX_ROLES_CROSSED,
                "uniqueItems": True,
            },
        ]
    }
)
ROLES_WORDS = "the name of a role, or a list of them"


NUMBER = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
PATTERN = rf"^\s*(>=|<=|==|!=|>|<)\s*{NUMBER}(\s+{SURELY})?\s*$"
"""The same rule for the JSON Schema."""

EXPECTED_MUST = 'an operator (>=, >, <=, <, ==, !=) and a number in quotes, such as must: ">= 0.80"'

_PARTS = re.compile(
    rf"\s*(?P<operator>[^\s\w.+-]*)\s*(?P<bound>.*?)(?P<surely>\s+{SURELY})?\s*", re.DOTALL
)
_SURE = re.compile(
    rf"({NUMBER})\s*(surely|sure|for sure|certainly|certain|conclusively|confidently|safely)",
    re.IGNORECASE,
)
_SLIPS: dict[Operator, str] = {
    ">=": "=> ≥ ⩾ >==",
    "<=": "=< ≤ ⩽ <==",
    "==": "= ===",
    "!=": "≠ <> ~=",
    ">": ">>",
    "<": "<<",
}
_IN_WORDS: dict[Operator, str] = {
    ">=": "at least, no less than, min, gte, ge",
    "<=": "at most, no more than, max, lte, le",
    ">": "more than, above, over, gt",
    "<": "less than, below, under, lt",
    "==": "eq",
    "!=": "ne",
}
_MEANT = {slip: operator for operator, slips in _SLIPS.items() for slip in slips.split()}
_WORD_OPERATORS = {word: one for one, words in _IN_WORDS.items() for word in words.split(", ")}
_WORDS = re.compile(
    rf"(?P<words>{'|'.join(sorted(_WORD_OPERATORS, key=len, reverse=True))})\b\s*(?P<bound>.*)",
    re.IGNORECASE,
)


def parse_threshold(text: str) -> Threshold:
    """The threshold that `text` says.

    Raises:
        ValueError: with what was found, what was expected and, where it can be guessed, the remedy.
    """
    parts = _PARTS.fullmatch(text)
    operator, bound = (parts["operator"], parts["bound"]) if parts else ("", text)
    parted = re.fullmatch(rf"(=)\s*({NUMBER})", bound)
    if parted and f"{operator}=" in OPERATORS:
        meant = f'did you mean must: "{operator}= {parted[2]}"?'
        raise ValueError(f"'must' is {show(text)}; '{operator} =' is no operator; {meant}")
    if operator not in OPERATORS:
        raise ValueError(_operator_fault(text.strip(), operator, bound))
    surely = parts is not None and parts["surely"] is not None
    return Threshold(operator, _bound(text, bound), bound, surely)


def _bound(text: str, bound: str) -> float:
    if re.fullmatch(NUMBER, bound) is None:
        raise ValueError(f"'must' is {show(text)}; {_bound_fault(bound)}")
    value = float(bound)
    lost = value == 0 and re.search("[1-9]", bound.lower().partition("e")[0]) is not None
    if lost or not math.isfinite(value):
        size = "small" if lost else "large"
        raise ValueError(f"'must' is {show(text)}; {show(bound)} is too {size} a number")
    return value + 0.0  # -0.0 becomes 0.0


def _bound_fault(bound: str) -> str:
    if not bound:
        return 'the number after the operator is missing, as in must: ">= 0.80"'
    if re.search(r"[<>=!≤≥]|\band\b|\bor\b", bound):
        return "one control has one threshold; write two controls"
    said = f"{show(bound)} is not a finite decimal number"
    guess = _guess(bound)
    return f"{said}; write {guess}" if guess else f"{said}; expected one such as 0.80"


def share(percentage: float) -> str:
    """A percentage as a share: 70 is 0.70, 2.5 is 0.025."""
    value = round(percentage / 100, 12)
    return f"{value:.2f}" if round(value, 2) == value else f"{value:.12g}"


def _guess(bound: str) -> str | None:
    """The number that was probably meant."""
    sure = _SURE.fullmatch(bound)
    if sure:
        return f"{sure[1]} {SURELY} (where the whole interval must meet it)"
    percent = re.fullmatch(rf"({NUMBER})\s*(%|percent|per cent)", bound)
    if percent:
        return f"{share(float(percent[1]))} (a share, not a percentage)"
    comma = re.fullmatch(r"([-+]?[0-9]+),([0-9]+)", bound)
    if comma:
        return f"{comma[1]}.{comma[2]} (with a point)"
    grouped = re.fullmatch(r"[-+]?[0-9]{1,3}([_ '’][0-9]{3})+", bound)
    if grouped:
        return re.sub(r"[_ '’]", "", bound)
    fraction = re.fullmatch(r"([0-9]{1,9})\s*/\s*([1-9][0-9]{0,8})", bound)
    return f"{int(fraction[1]) / int(fraction[2]):.4g}" if fraction else None


def _operator_fault(text: str, operator: str, bound: str) -> str:
    words = _WORDS.match(text)
    meant = f"{_MEANT[operator]} {bound}" if operator in _MEANT else ""
    if words and not meant:
        meant = f"{_WORD_OPERATORS[words['words'].lower()]} {words['bound']}"
    guess = f'; did you mean must: "{meant.strip()}"?' if meant and meant.isprintable() else ""
    if not operator and re.fullmatch(NUMBER, text):
        return f"'must' is {show(text)}, without an operator; expected {EXPECTED_MUST}"
    what = f"{show(operator)} is no operator" if operator else "it starts with no operator"
    return f"'must' is {show(text)}; {what}{guess or f'; expected {EXPECTED_MUST}'}"
