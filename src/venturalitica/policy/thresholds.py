"""`must: ">= 0.80"`: an operator and a finite decimal number, nothing else."""

from __future__ import annotations

import math
import re

from venturalitica.core.policy import OPERATORS, Operator, Threshold
from venturalitica.policy.tree import show

NUMBER = r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
PATTERN = rf"^\s*(>=|<=|==|!=|>|<)\s*{NUMBER}\s*$"
"""The same rule for the JSON Schema."""

EXPECTED = 'an operator (>=, >, <=, <, ==, !=) and a number in quotes, such as must: ">= 0.80"'

_PARTS = re.compile(r"\s*(?P<operator>[^\s\w.+-]*)\s*(?P<bound>.*?)\s*", re.DOTALL)
_SLIPS: dict[str, Operator] = {
    "=>": ">=",
    "=<": "<=",
    "=": "==",
    "===": "==",
    "≥": ">=",
    "⩾": ">=",
    "≤": "<=",
    "⩽": "<=",
    "≠": "!=",
    "<>": "!=",
    "~=": "!=",
    ">>": ">",
    "<<": "<",
    ">==": ">=",
    "<==": "<=",
}
_WORD_OPERATORS: dict[str, Operator] = {
    "at least": ">=",
    "no less than": ">=",
    "min": ">=",
    "gte": ">=",
    "ge": ">=",
    "at most": "<=",
    "no more than": "<=",
    "max": "<=",
    "lte": "<=",
    "le": "<=",
    "more than": ">",
    "above": ">",
    "over": ">",
    "gt": ">",
    "less than": "<",
    "below": "<",
    "under": "<",
    "lt": "<",
    "eq": "==",
    "ne": "!=",
}
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
    return Threshold(operator, _bound(text, bound), bound)


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
    if operator in _SLIPS:
        meant: str | None = f"{_SLIPS[operator]} {bound}"
    elif words:
        meant = f"{_WORD_OPERATORS[words['words'].lower()]} {words['bound']}"
    else:
        meant = None
    guess = f'; did you mean must: "{meant.strip()}"?' if meant and meant.isprintable() else ""
    if not operator and re.fullmatch(NUMBER, text):
        return f"'must' is {show(text)}, without an operator; expected {EXPECTED}"
    what = f"{show(operator)} is no operator" if operator else "it starts with no operator"
    return f"'must' is {show(text)}; {what}{guess or f'; expected {EXPECTED}'}"
