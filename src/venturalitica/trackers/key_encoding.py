"""Names of ours made safe for a tracker's keys, and read back from them.

A tracker allows fewer characters in a key than a policy allows in a control id or a group name.
The strictest rule among those we publish to is followed everywhere, so that one control has one
key in all of them:

    kept as it is      A-Z a-z 0-9 _ . -
    escaped            every other character, as `_x<code point in hexadecimal>_`  (é -> `_xe9_`)
    also escaped       an `x` right after a `_` (it would read as an escape), and a leading `.`
    the empty name     `_x_`

So `gender-parity` is its own key, and `decode(encode(name)) == name` for every string. A key may be
bounded: what is too long is cut and ends in `_xcut.<16 hexadecimal digits of its SHA-256>_`, which
no other name can produce; the whole name is kept beside it under `digest16(name)`, and `decode`
takes it from there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_ESCAPE = re.compile(r"_x([0-9a-f]*)_")
_CUT = re.compile(r"_xcut\.([0-9a-f]{16})_$")
_CUT_LENGTH = len("_xcut.") + 16 + len("_")

MIN_LIMIT = _CUT_LENGTH + 8
"""The smallest bound that `encode` takes: the mark of a cut and eight characters to read."""


def encode(name: str, *, limit: int | None = None) -> str:
    """The key for `name`; at most `limit` characters where one is given (`limit >= MIN_LIMIT`)."""
    key = _escaped(name) or "_x_"
    if limit is None or len(key) <= limit:
        return key
    if limit < MIN_LIMIT:
        raise ValueError(f"a key cannot be cut to {limit} characters; at least {MIN_LIMIT}")
    head = _whole_escapes(key[: limit - _CUT_LENGTH])
    return f"{head}_xcut.{digest16(name)}_"


def decode(key: str, whole: Mapping[str, str] | None = None) -> str:
    """The name that `encode` made `key` from.

    `whole` maps `digest16(name)` to the names that were cut; a cut key that is not in it raises
    LookupError, because its end is not known.
    """
    cut = _CUT.search(key)
    if cut is None:
        return _ESCAPE.sub(_character, key)
    name = (whole or {}).get(cut[1])
    if name is None:
        raise LookupError(f"key {key!r} was cut and its whole name was not given")
    if digest16(name) != cut[1]:
        raise LookupError(f"key {key!r} was cut from another name than {name!r}")
    return name


def is_cut(key: str) -> bool:
    """Whether `key` holds only the beginning of its name."""
    return _CUT.search(key) is not None


def digest16(name: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of `name` in UTF-8."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def clip(text: str, limit: int) -> str:
    """`text`, or its beginning and the digest of the whole where it is longer than `limit`."""
    if len(text) <= limit:
        return text
    tail = f" [cut; SHA-256 {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()}]"
    return text[: limit - len(tail)] + tail


def _escaped(name: str) -> str:
    key = ""
    for char in name:
        reads_as_escape = char == "x" and key.endswith("_")
        leading_dot = char == "." and not key
        kept = char in _SAFE and not reads_as_escape and not leading_dot
        key += char if kept else f"_x{ord(char):x}_"
    return key


def _character(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else ""


def _whole_escapes(head: str) -> str:
    """Drop an escape that the cut went through, so that what is left can be read."""
    start = head.rfind("_x")
    if start >= 0 and not _ESCAPE.match(head, start):
        return head[:start]
    return head
