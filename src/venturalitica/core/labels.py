"""Labels as YAML spells them, and names that people take for one: `>50K` and `>50K.`, 1 and "1".

One rule for labels, groups, and the keys of a role's `map`. Two names are alike where they differ
only in capitals, blanks, dashes, quotes around them, punctuation at their end, Unicode form, or in
being a number, a boolean, or the text of one. Each would be counted apart from the other, and a
control such as "at most 5 % apart" would pass on what its reader never sees.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from venturalitica.core.verdict import Label
from venturalitica.errors import listed

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


Identity = tuple[int, Any]
"""What makes two values the same level, and sorts them: booleans, numbers, texts."""


def identity(value: Label) -> Identity:
    """The same for values that are one level, and in the order that levels are listed."""
    if isinstance(value, bool):
        return (0, value)
    if isinstance(value, int | float):
        return (1, value)
    return (2, value)


def canonical_label(value: Label) -> Label:
    """1.0 and 1 are one label: whole floats become integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*")
_YAML_1_1 = re.compile(r"y|yes|n|no|on|off", re.IGNORECASE)


def scalar(value: Label) -> str:
    """A label as YAML that reads back as that very label; one printable line."""
    value = canonical_label(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    is_word = _PLAIN.fullmatch(value) and isinstance(resolve(value), str)
    if is_word and not read_two_ways(value) and not _YAML_1_1.fullmatch(value):
        return value
    return json.dumps(value, ensure_ascii=not value.isprintable())


MAP_SHOWN = 12
"""Entries of the `map` that a message writes out."""

_DROPPED = {"Cf", "Cc"}
"""Unicode categories nobody sees: soft hyphens, zero-width blanks, direction marks, controls."""
_QUOTES = dict.fromkeys(map(ord, "‘’‚‛′`´"), "'") | dict.fromkeys(map(ord, "“”„‟″«»"), '"')
_AT_END = ".,;:!?\u3002"
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]+")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)\s+(?=\d)")
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?")
_BOOLEANS = {"true": "1", "false": "0"}
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[-_]+(?=[^\W\d_])")


def likeness(value: Label) -> str:
    """The same text for all names that are alike."""
    text = unicodedata.normalize("NFKC", str(value).translate(_QUOTES)).casefold()
    text = _BETWEEN_DIGITS.sub("_", text)
    text = _BLANK.sub("", text) if text.isascii() else "".join(map(_visible, text))
    bare = _unquoted(text.rstrip(_AT_END)).rstrip(_AT_END) or text
    bare = _BETWEEN_LETTERS.sub("", bare)
    return _number(_BOOLEANS.get(bare, bare))


def _unquoted(text: str) -> str:
    """Without the quotes around it; a mark at one end only may say feet, or inches."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _visible(letter: str) -> str:
    kind = unicodedata.category(letter)
    if letter.isspace() or kind in _DROPPED:
        return ""
    return "-" if kind == "Pd" or letter == "\u2212" else letter


def _number(text: str) -> str:
    """A plain decimal number in one spelling: 1 for 1.0, +1 and 01; any other text as it is."""
    found = _DECIMAL.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        return text
    whole, part = found[2].lstrip("0") or "0", (found[3] or "").rstrip("0")
    number = f"{whole}.{part}" if part else whole
    return f"-{number}" if found[1] == "-" and number != "0" else number


def alike(values: Iterable[Label]) -> list[list[Label]]:
    """Those of the different `values` that are alike, each such set in the order given."""
    return [found for found in _sets(values) if len(found) > 1]


def _sets(values: Iterable[Label]) -> list[list[Label]]:
    sets: dict[str, list[Label]] = {}
    for value in values:
        sets.setdefault(likeness(value), []).append(value)
    return list(sets.values())


def written(value: Label) -> str:
    """The value as YAML, so that two spellings which look the same on a screen do not here."""
    if isinstance(value, str) and not unicodedata.is_normalized("NFC", value):
        return json.dumps(value)
    return scalar(value)


def map_to_write(values: Sequence[Label]) -> str:
    """The `map` under which alike values are one: `{Female: female, female: female}`.

    Alike ones come first; where there are many values, the rest are left to the reader.
    """
    ordered = sorted(_sets(values), key=lambda found: len(found) < 2)
    entries = [
        f"{written(value)}: {scalar(_one_name(found))}" for found in ordered for value in found
    ]
    return f"{{{listed(entries, MAP_SHOWN)}}}"


def _one_name(values: Sequence[Label]) -> str:
    """The plainest of several spellings; in small letters where only capitals differ."""
    plain = (unicodedata.normalize("NFKC", str(value)).strip() or "…" for value in values)
    return max(plain, key=lambda name: (-len(name), name))
