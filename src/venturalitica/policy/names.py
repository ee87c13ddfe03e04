"""What may be a name: of a role, of a control, of a group; and which labels can be written down."""

from __future__ import annotations

import keyword
import math
import re
import unicodedata

from venturalitica.policy.limits import LARGEST_WHOLE, MAX_NAME, MAX_TEXT
from venturalitica.policy.nodes import show
from venturalitica.records import Label

TAKEN = frozenset({"data", "policy", "model", "metrics", "phase", "audit_data", "X", "y", "self"})
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


def canonical_label(value: Label) -> Label:
    """1.0 and 1 are one label: whole floats become integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_JOINERS = str.maketrans("", "", "\u200c\u200d")
"""Zero-width (non-)joiners, which scripts and emoji need."""


def _printable(text: str) -> bool:
    return text.translate(_JOINERS).isprintable()
