"""What an unquoted YAML word means, by the core schema of YAML 1.2 (section 10.3.2).

`no`, `on`, `2024-01-01`, `1_000` and `1:30` are text. Numbers that YAML 1.1 programs read
differently (`010`, `0x1F`, `0o17`) are refused rather than read in one of two ways.
"""

from __future__ import annotations

import re

from venturalitica.records import Label

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {
    word: word.lower() == "true" for word in ("true", "True", "TRUE", "false", "False", "FALSE")
}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_TWO_WAYS = re.compile(r"[-+]?(0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?|0o[0-7]+|0x[0-9a-fA-F]+)")
_LONGEST_INT = 300
"""Digits that fit a float; Python itself refuses to read integers beyond some thousands."""


def resolve(text: str) -> Label | None:
    """The value of an unquoted word: None, a boolean, a number or text."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return number(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _INFINITE.fullmatch(text):
        return float("-inf") if text.startswith("-") else float("inf")
    return float("nan") if text in _NAN else text


def number(text: str) -> int | float:
    """A whole number; one of absurd length becomes the float (in the end, infinite) it is near."""
    return int(text) if len(text) <= _LONGEST_INT else float(text)


def read_two_ways(text: str) -> bool:
    """Whether YAML 1.1 and 1.2 disagree on this number."""
    return _TWO_WAYS.fullmatch(text) is not None
