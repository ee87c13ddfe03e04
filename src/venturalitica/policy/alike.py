"""Names that people take for one: `>50K` and `>50K.`, `female` and `Female `, 1 and "1".

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

from venturalitica.core.verdict import Label
from venturalitica.errors import listed
from venturalitica.policy.template import scalar

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
    sets: dict[str, list[Label]] = {}
    for value in values:
        sets.setdefault(likeness(value), []).append(value)
    return [found for found in sets.values() if len(found) > 1]


def written(value: Label) -> str:
    """The value as YAML, so that two spellings which look the same on a screen do not here."""
    if isinstance(value, str) and not unicodedata.is_normalized("NFC", value):
        return json.dumps(value)
    return scalar(value)


def map_to_write(values: Sequence[Label]) -> str:
    """The `map` under which alike values are one: `{Female: female, female: female}`.

    Alike ones come first; where there are many values, the rest are left to the reader.
    """
    sets: dict[str, list[Label]] = {}
    for value in values:
        sets.setdefault(likeness(value), []).append(value)
    ordered = sorted(sets.values(), key=lambda found: len(found) < 2)
    entries = [
        f"{written(value)}: {scalar(_one_name(found))}" for found in ordered for value in found
    ]
    return f"{{{listed(entries, MAP_SHOWN)}}}"


def _one_name(values: Sequence[Label]) -> str:
    """The plainest of several spellings; in small letters where only capitals differ."""
    plain = (unicodedata.normalize("NFKC", str(value)).strip() or "…" for value in values)
    return max(plain, key=lambda name: (-len(name), name))
